"""Bytes of a body, or behind a request, are never a request: one answer, and the end."""

import fcgi
from fcgi import PARAMS, STDIN, begin, params, record, stream
from support import UNKNOWN, UUID

LIBFCGI_BUFFER = 8192  # libfcgi reads this many bytes at once
GOOD = fcgi.request(f"/{UUID}")


def head(method="POST", path=f"/{UNKNOWN}", id=1):
    """A request without its FCGI_STDIN."""
    return begin(True, id) + stream(PARAMS, params(path, method=method), id)


class Smuggling(fcgi.Case):
    def assert_one_miss(self, *pieces):
        """Of what is sent comes one 404 and then the end; others are served."""
        with fcgi.Client(self.path) as client:
            for piece in pieces:
                client.push(piece)
            replies = client.replies()
        self.assertEqual([404], [reply.status for reply in replies])
        self.assertTrue(replies[0].is_complete)
        self.assert_good()

    def test_a_request_in_a_body(self):
        self.assert_one_miss(head() + stream(STDIN, GOOD))
        self.assert_one_miss(head() + stream(STDIN, GOOD * 20))
        for id in (1, 2, 65535):
            smuggled = fcgi.request(f"/{UUID}", id=id)
            self.assert_one_miss(head(id=id) + stream(STDIN, smuggled, id))

    def test_a_request_where_the_buffer_of_libfcgi_ends(self):
        start = head()
        for buffers in (1, 2, 3):
            edge = buffers * LIBFCGI_BUFFER - len(start + record(STDIN))
            for shift in (-8, -1, 0, 1, 8):
                body = b"x" * (edge + shift) + GOOD
                self.assert_one_miss(start + stream(STDIN, body))
                self.assert_one_miss(start + stream(STDIN, body + b"x" * LIBFCGI_BUFFER))

    def test_where_the_buffer_ends_in_the_parameters(self):
        """The body begins in a buffer that libfcgi has filled for the parameters, or after it."""
        for shift in range(-24, 25, 4):
            pairs = params(f"/{UNKNOWN}", method="POST")
            filler = LIBFCGI_BUFFER + shift - len(begin() + record(PARAMS, pairs) + record(PARAMS))
            pairs += fcgi.pair("X", "x" * (filler - 6))
            self.assert_one_miss(begin() + stream(PARAMS, pairs) + stream(STDIN, GOOD))

    def test_a_request_that_is_not_within_a_body_record(self):
        self.assert_one_miss(head() + record(STDIN, b"x") + GOOD)
        self.assert_one_miss(head() + record(STDIN, b"x", padding=255) + GOOD)
        self.assert_one_miss(head() + record(STDIN, b"x") + record(STDIN) + GOOD)
        self.assert_one_miss(head() + record(STDIN, padding=8) + GOOD)

    def test_a_body_of_a_request_that_is_served(self):
        with self.client() as client:
            client.push(head("GET", f"/{UUID}") + stream(STDIN, GOOD))
            self.assertEqual([self.good], [reply.stdout for reply in client.replies()])

    def test_a_body_that_comes_after_the_answer(self):
        for body in (GOOD, b"x" * (LIBFCGI_BUFFER - 8) + GOOD):
            data = head() + stream(STDIN, body)
            cut = len(data) - len(body) - 8
            with self.client() as client:
                client.send(data[:cut])
                self.assertEqual(404, client.reply().status)
                client.push(data[cut:] + GOOD)
                self.assertEqual([], client.replies())
        self.assert_good()

    def test_a_body_in_small_records(self):
        for size in (1, 8, len(GOOD)):
            for padding in (0, 3):
                body = stream(STDIN, GOOD * 3, size=size, padding=padding)
                self.assert_one_miss(head() + body)

    def test_a_body_in_small_pieces(self):
        data = head() + stream(STDIN, GOOD)
        self.assert_one_miss(*[data[at : at + 7] for at in range(0, len(data), 7)])

    def test_a_padding_that_holds_a_request(self):
        for kind in (PARAMS, STDIN):
            bad = bytearray(record(kind, b"x" if kind == STDIN else b"", padding=len(GOOD)))
            bad[-len(GOOD) :] = GOOD
            data = begin() + record(PARAMS, params(f"/{UNKNOWN}", method="POST"))
            if kind == STDIN:
                self.assert_one_miss(data + record(PARAMS) + bad + record(STDIN))
            else:
                self.assert_refused(data + bad + record(STDIN))

    def test_bytes_after_the_end(self):
        miss = fcgi.request(f"/{UNKNOWN}")
        for rest in (b"\0", b"\1", b"GET / HTTP/1.1\r\n\r\n", b"x" * 100000):
            self.assert_one_miss(miss + rest)
        for cut in (1, 7, 8, 9, 16, len(GOOD) - 1):
            self.assert_one_miss(miss + GOOD[:cut])

    def test_a_second_request_at_once(self):
        miss = fcgi.request(f"/{UNKNOWN}")
        self.assert_one_miss(miss + GOOD)
        self.assert_one_miss(miss + fcgi.request(f"/{UUID}", id=2))
        self.assert_one_miss(miss + GOOD * 200)

    def test_a_second_request_after_the_answer(self):
        with self.client() as client:
            self.assertEqual(404, client.ask(f"/{UNKNOWN}").status)
            self.assert_good(client)

    def test_two_requests_interleaved(self):
        self.assert_refused(
            begin(id=1)
            + begin(id=2)
            + stream(PARAMS, params(f"/{UUID}"), 1)
            + stream(PARAMS, params(f"/{UUID}"), 2)
            + record(STDIN, b"", 1)
            + record(STDIN, b"", 2)
        )

    def test_a_large_body(self):
        body = (b"x" * 1000 + GOOD) * (2 * 1024 * 1024 // (1000 + len(GOOD)))
        self.assert_one_miss(head() + stream(STDIN, body))
        self.assert_one_miss(head() + stream(STDIN, body, size=8192))
