"""The same by HTTP/2: nginx with the shipped file's own lines for TLS, lighttpd without TLS.

(lighttpd takes HTTP/2 by prior knowledge as it is shipped; TLS is a package of its own there.)
"""

import faces
import http2
import misses
from support import UUID, shipped
from test_lighttpd import Lighttpd
from test_nginx import Nginx

TIMES = 20  # a second may end between two answers; not so often

# What comes with a request: name, fields, body.
SHAPES = [
    (name, [tuple(line.split(": ", 1)) for line in lines], body)
    for name, version, lines, body in faces.SHAPES
    if version == "1.1" and name not in ("Upgrade",)
]


def lower(pairs):
    return [(name.lower(), value) for name, value in pairs]


class Faces:
    tls = True

    def exchange(self, path, method, more, body):
        """The frames of an answer, and of a GET behind it on the connection."""
        with http2.Connection(self.web, self.tls) as connection:
            first = connection.ask(method, path, lower(more), body)
            if first[-1] == "the end" or first[-1][0] == http2.GOAWAY:
                return first
            return [first, connection.ask("GET", misses.PLAIN)]

    def assert_same(self, groups):
        odd = []
        for words, group, *how in groups:
            for _ in range(TIMES):
                found = faces.first_odd(group, lambda path, how=how: self.exchange(path, *how))
                if not found:
                    break
            else:
                odd.append((words, *found))
                if len(odd) == 5:
                    break
        self.assertEqual([], odd)

    def test_the_live_device_is_live(self):
        for path in faces.LIVE.values():
            with http2.Connection(self.web, self.tls) as connection:
                frames = connection.ask("GET", path + "?format=links")
                body = b"".join(f[3] for f in frames if f[0] == http2.DATA)
                self.assertIn(f"vless://{UUID}@".encode(), body)

    def test_each_kind_by_each_request(self):
        # All of them with a few methods, a plain one with all.
        some = [("GET", s) for s in SHAPES] + [("HEAD", s) for s in SHAPES]
        some += [("POST", s) for s in SHAPES if s[2]]
        some += [(m, SHAPES[0]) for m in faces.METHODS]
        self.assert_same(
            (f"{method} ({name})", faces.kinds(method, "trailing slash"), method, more, body)
            for method, (name, more, body) in some
        )

    def test_each_kind_in_each_spelling(self):
        self.assert_same(
            (f"{method} {spelling}", faces.kinds(method, spelling), method, [], b"")
            for method in ("GET", "HEAD", "POST")
            for spelling in faces.SPELLINGS
            if spelling != "absolute"
        )

    def test_a_body_of_2_mb(self):
        self.assert_same(
            (method, faces.kinds(method, "as it is"), method, [], faces.LARGE_BODY)
            for method in ("POST", "PUT")
        )

    def test_headers_of_16_kb(self):
        self.assert_same(
            (name, faces.kinds("GET", "trailing slash"), "GET",
             [tuple(line.split(": ", 1)) for line in lines], b"")
            for name, lines in faces.HEADERS_16K.items()
        )

    def test_it_is_http_2(self):
        """The control: a 404 there, by frames of HTTP/2."""
        found = self.exchange(misses.PLAIN, "GET", [], b"")
        kinds = [sorted({frame[0] for frame in frames}) for frames in found]
        self.assertEqual([[http2.DATA, http2.HEADERS]] * 2, kinds)


class BehindNginx(Faces, Nginx):
    def setUp(self):
        super().setUp()
        self.compile()
        self.responder(socket_path=self.socket)
        file = http2.certificate(self.dir)
        conf = shipped("nginx-fcgi.conf")
        conf = conf.replace("listen 127.0.0.1:8080;", f"listen unix:{self.web} ssl http2;")
        for line in ("ssl_certificate ", "ssl_certificate_key ", "ssl_protocols "):
            self.assertIn("# " + line, conf)
            conf = conf.replace("# " + line, line)
        for name in ("fullchain.pem", "privkey.pem"):
            conf = conf.replace("/etc/letsencrypt/live/example.org/" + name, str(file))
        self.assertIn("ssl http2;", conf)
        self.nginx(conf)


class BehindLighttpd(Faces, Lighttpd):
    tls = False

    def setUp(self):
        super().setUp()
        self.compile()
        self.lighttpd()
