"""Behind both servers each kind of miss has the very same face, whatever is asked and how."""

import functools
import socket

import faces
import misses
from support import MINIMAL_LINK, fetch
from test_lighttpd import Lighttpd
from test_nginx import Nginx

MOMENT = 0.2  # seconds; where that is too short, ten times as long


class Faces:
    """What is asked of either server; `web` is its socket."""

    def assert_same(self, groups, *asks):
        """In each group (words, [(name, path)], ...) all answers are the same; the first few not.

        A group that is odd by one way to ask is asked by the next, if there is one.
        """
        odd = []
        for words, group, *how in groups:
            for ask in asks:
                found = faces.first_odd(group, lambda path, ask=ask, how=how: ask(path, *how))
                if not found:
                    break
            if found:
                odd.append((words, *found))
                if len(odd) == 5:
                    break
        self.assertEqual([], odd)

    def exchange(self, path, method, shape):
        return faces.exchange(self.web, method, path, *shape)

    def test_the_live_device_is_live(self):
        """The control: without it, a server that misses everything would pass."""
        for path in faces.LIVE.values():
            for spelling in ("as it is", "//", "dot segment", "two dots", "encoded letters"):
                answer = fetch(self.web, faces.SPELLINGS[spelling](path) + "?format=links")
                self.assertEqual((200, MINIMAL_LINK.encode()), (answer.status, answer.body))

    def test_each_kind_by_each_request(self):
        self.assert_same(faces.every_request(), self.exchange)

    def test_all_spellings_of_a_plain_get(self):
        """Not only within a spelling: a miss is a miss."""
        answers = {}
        for spelling in faces.SPELLINGS:
            for name, path in faces.kinds("GET", spelling):
                answer = self.exchange(path, "GET", ["1.1", [], b""])
                answers.setdefault(answer, []).append((spelling, name))
        self.assertEqual(1, len(answers), answers)

    def test_a_body_of_2_mb(self):
        shape = ["1.1", ["Content-Type: text/plain"], faces.LARGE_BODY]
        groups = [(m, faces.kinds(m, "as it is"), m, shape) for m in ("POST", "PUT", "GET")]
        self.assert_same(groups, self.exchange)

    def test_a_body_of_2_mb_in_chunks(self):
        last = misses.request("GET", misses.PLAIN)

        def ask(path, method):
            data = faces.chunked(method, path, faces.LARGE_BODY) + last
            return misses.masked(misses.talk(self.web, data))

        groups = [(m, faces.kinds(m, "as it is"), m) for m in ("POST", "PUT")]
        self.assert_same(groups, ask)

    def test_a_body_that_is_announced_and_does_not_come(self):
        """2 MB: refused or answered before it comes, or not; but the same for all."""

        def ask(path, method, size, moment=MOMENT):
            head = misses.request(method, path, lines=[f"Content-Length: {size}"], close=True)
            return misses.masked(self.first_of(head, moment))

        groups = [(s, faces.kinds("POST", "as it is"), "POST", s) for s in (2 << 20, 1 << 40)]
        self.assert_same(groups, ask, functools.partial(ask, moment=10 * MOMENT))

    def first_of(self, data, moment):
        """What comes until the end, or until there has been nothing for a moment."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(moment)
            s.connect(str(self.web))
            s.sendall(data)
            answer = b""
            try:
                while piece := s.recv(1 << 16):
                    answer += piece
            except (TimeoutError, ConnectionResetError):
                answer += b"(and no end)"
            return answer

    def test_headers_of_16_kb(self):
        def ask(path, method, lines):
            return faces.exchange(self.web, method, path, lines=lines)

        groups = [
            (f"{method}, {name}", faces.kinds(method, "as it is"), method, lines)
            for method in ("GET", "HEAD", "POST")
            for name, lines in faces.HEADERS_16K.items()
        ]
        self.assert_same(groups, ask)

    def test_a_line_of_each_length_around_the_limits(self):
        """A query that makes the request line, whatever its path, just fit or not."""

        def ask(path, size):
            line = f"GET {path}? HTTP/1.1"
            return faces.exchange(self.web, "GET", path + "?" + "a" * (size - len(line)))

        sizes = [4096, *range(8180, 8200), 16384]
        self.assert_same([(s, faces.kinds("GET", "trailing slash"), s) for s in sizes], ask)

    def test_without_or_with_another_host(self):
        def ask(path, lines):
            request = "\r\n".join([f"GET {path} HTTP/1.1", *lines, "Connection: close", "", ""])
            return misses.masked(misses.talk(self.web, request.encode()))

        hosts = [[], ["Host: "], ["Host: other.example.org"], ["Host: 192.0.2.1:99"],
                 ["Host: a", "Host: b"], ["Host: a/b"]]
        self.assert_same([(h, faces.kinds("GET", "trailing slash"), h) for h in hosts], ask)

    def test_http_0_9_and_what_is_no_version(self):
        def ask(path, form, moment=MOMENT):
            return misses.masked(self.first_of(form.format(path).encode(), moment))

        end = "Host: x\r\nConnection: close\r\n\r\n"
        forms = ["GET {}\r\n", "GET {}\r\n\r\n", "GET {} HTTP/1.2\r\n" + end,
                 "GET {} HTTP/2.0\r\n" + end, "GET  {}  HTTP/1.0\r\n\r\n"]
        # A live device is one for a server that takes HTTP/0.9 as well.
        groups = [(f, list(faces.KINDS.items()), f) for f in forms]
        self.assert_same(groups, ask, functools.partial(ask, moment=10 * MOMENT))


class BehindNginx(Faces, Nginx):
    def setUp(self):
        super().setUp()
        self.serve()


class BehindLighttpd(Faces, Lighttpd):
    def setUp(self):
        super().setUp()
        self.compile()
        self.lighttpd()
