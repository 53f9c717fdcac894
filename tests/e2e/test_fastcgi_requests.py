"""What a FastCGI request may look like, and that everything else ends its own connection only."""

import socket
import struct

import fcgi
from fcgi import ABORT, BEGIN, DATA, GET_VALUES, PARAMS, STDIN, begin, pair, params, record, stream
from support import UNKNOWN, UUID

HEAD_MAX = 64 * 1024
PAIRS_MAX = 512
END = record(STDIN)


def whole(pairs, keep=True, id=1, **kwargs):
    """A request of the given name-value pairs."""
    return begin(keep, id) + stream(PARAMS, pairs, id, **kwargs) + record(STDIN, b"", id)


def filled(size):
    """A request whose records up to the end of the parameters have this many bytes."""
    pairs = params(f"/{UUID}")
    rest = size - len(begin() + record(PARAMS, pairs) + record(PARAMS))
    value = rest - len(fcgi.length(1) + fcgi.length(rest) + b"X")
    return whole(pairs + pair("X", "x" * value))


class Accepted(fcgi.Case):
    def test_cut_at_every_byte(self):
        data = fcgi.request(f"/{UUID}")
        with self.client() as client, self.client() as other:
            for cut in range(1, len(data)):
                client.send(data[:cut])
                # Answered after the first part has been looked at: it came later.
                self.assert_good(other)
                self.assertTrue(client.is_silent(), cut)
                client.send(data[cut:])
                self.assertEqual(self.good, client.reply().stdout, cut)

    def test_in_many_pieces(self):
        """A UNIX socket holds some dozens of writes that are not read yet, however short."""
        data = fcgi.request(f"/{UUID}")
        with self.client() as client:
            for size in range(4, len(data)):
                for at in range(0, len(data), size):
                    client.send(data[at : at + size])
                self.assertEqual(self.good, client.reply().stdout, size)

    def test_parameters_in_records_of_any_size(self):
        pairs = params(f"/{UUID}", HTTP_LONG="x" * 200)
        with self.client() as client:
            for size in range(1, len(pairs) + 1):
                client.send(whole(pairs, size=size))
                self.assertEqual(self.good, client.reply().stdout, size)

    def test_parameters_in_two_records(self):
        pairs = params(f"/{UUID}", HTTP_LONG="x" * 200)
        with self.client() as client:
            for cut in range(1, len(pairs)):
                one, two = record(PARAMS, pairs[:cut]), record(PARAMS, pairs[cut:])
                client.send(begin() + one + two + record(PARAMS) + END)
                self.assertEqual(self.good, client.reply().stdout, cut)

    def test_many_requests_on_a_kept_connection(self):
        with self.client() as client:
            for i in range(500):
                reply = client.ask(f"/{UUID if i % 2 else UNKNOWN}")
                self.assertEqual(200 if i % 2 else 404, reply.status)
                self.assertTrue(reply.is_complete)
            self.assertTrue(client.is_silent())

    def test_it_is_kept_when_the_flag_says_so(self):
        for flags in range(256):
            with self.client() as client:
                head = record(BEGIN, struct.pack(">HB5x", 1, flags))
                client.send(head + stream(PARAMS, params(f"/{UUID}")) + END)
                self.assertEqual(self.good, client.reply().stdout)
                if flags & fcgi.KEEP:
                    self.assert_good(client)
                else:
                    self.assertTrue(client.is_closed(), flags)

    def test_a_peer_that_will_say_no_more(self):
        """It has shut down its side before the request is looked at: answered, then the end."""
        for path, status in ((f"/{UUID}", 200), (f"/{UNKNOWN}", 404)):
            with self.client() as client:
                self.pause()
                client.send(fcgi.request(path))
                client.socket.shutdown(socket.SHUT_WR)
                self.go_on()
                self.assertEqual([status], [reply.status for reply in client.replies()])

    def test_reserved_bytes_do_not_matter(self):
        with self.client() as client:
            data = bytearray(fcgi.request(f"/{UUID}"))
            data[7] = 0xFF
            data[11:16] = b"\xff" * 5
            client.send(data)
            self.assertEqual(self.good, client.reply().stdout)

    def test_the_answer_has_the_id_of_the_request(self):
        with self.client() as client:
            for id in (1, 2, 127, 128, 255, 256, 257, 32767, 32768, 65280, 65534, 65535):
                reply = client.ask(f"/{UUID}", id=id)
                self.assertEqual(self.good, reply.stdout)
                self.assertEqual({id}, {one for _, one, _ in reply.records})

    def test_the_answer_ends_as_the_specification_says(self):
        for path in (f"/{UUID}", f"/{UNKNOWN}"):
            *content, last, end = fcgi.ask(self.path, path).records
            self.assertTrue(all(k == fcgi.STDOUT and c for k, _, c in content))
            self.assertEqual((fcgi.STDOUT, 1, b""), last)
            self.assertEqual((fcgi.END, 1, bytes(8)), end)

    def test_padding_of_parameters(self):
        pairs = params(f"/{UUID}")
        with self.client() as client:
            for padding in range(256):
                for size in (65535, 50):
                    client.send(whole(pairs, size=size, padding=padding))
                    self.assertEqual(self.good, client.reply().stdout, padding)

    def test_padding_of_the_end_is_answered_but_not_kept(self):
        for padding in (1, 7, 8, 255):
            with self.client() as client:
                client.send(fcgi.request(f"/{UUID}")[:-8] + record(STDIN, padding=padding))
                self.assertEqual([self.good], [reply.stdout for reply in client.replies()])

    def test_lengths_of_four_bytes(self):
        def long(name, value):
            name, value = name.encode(), value.encode()
            sizes = struct.pack(">II", len(name) | 1 << 31, len(value) | 1 << 31)
            return sizes + name + value

        pairs = long("REQUEST_METHOD", "GET") + long("PATH_INFO", f"/{UUID}") + long("EMPTY", "")
        with self.client() as client:
            for size in (1, 2, 3, 5, 65535):
                client.send(whole(pairs, size=size))
                self.assertEqual(self.good, client.reply().stdout, size)
            for size in (127, 128, 255, 256, 40000):
                client.send(whole(params(f"/{UUID}") + pair("N" * size, "v" * (size // 2))))
                self.assertEqual(self.good, client.reply().stdout, size)

    def test_the_first_of_equal_names_counts(self):
        with self.client() as client:
            client.send(whole(params(f"/{UUID}") + params(f"/{UNKNOWN}", method="POST")))
            self.assertEqual(self.good, client.reply().stdout)

    def test_no_path_is_a_miss(self):
        with self.client() as client:
            client.send(whole(pair("REQUEST_METHOD", "GET")))
            self.assertEqual(404, client.reply().status)
            self.assert_good(client)

    def test_as_many_pairs_as_allowed(self):
        more = b"".join(pair(f"N{i}", "v") for i in range(PAIRS_MAX - 3))
        with self.client() as client:
            client.send(whole(params(f"/{UUID}") + more))
            self.assertEqual(self.good, client.reply().stdout)
        self.assert_refused(whole(params(f"/{UUID}") + more + pair("N", "v")))

    def test_a_head_as_large_as_allowed(self):
        with self.client() as client:
            for size in (8192, HEAD_MAX - 1, HEAD_MAX):
                client.send(filled(size))
                self.assertEqual(self.good, client.reply().stdout, size)
        for size in (HEAD_MAX + 1, HEAD_MAX + 100):
            self.assert_refused(filled(size))


class Refused(fcgi.Case):
    def test_other_types_of_records(self):
        data = fcgi.request(f"/{UUID}")
        starts = [0, 16, len(data) - 16, len(data) - 8]
        for at, right in zip(starts, (BEGIN, PARAMS, PARAMS, STDIN)):
            for kind in {*range(13), 255} - {right}:
                bad = bytearray(data)
                bad[at + 1] = kind
                # Half a request is not refused but waited for: the rest of another one follows.
                self.assert_refused(bad + data)

    def test_other_versions(self):
        data = fcgi.request(f"/{UUID}")
        for at in (0, 16, len(data) - 16, len(data) - 8):
            for version in (0, 2, 255):
                bad = bytearray(data)
                bad[at] = version
                self.assert_refused(bad)

    def test_abort(self):
        abort = record(ABORT)
        self.assert_refused(abort)
        self.assert_refused(begin() + abort)
        self.assert_refused(begin() + record(PARAMS, params(f"/{UUID}")) + abort)
        self.assert_refused(begin() + stream(PARAMS, params(f"/{UUID}")) + abort)
        client = self.client()
        self.assert_good(client)
        client.send(abort)
        self.assertTrue(client.is_closed())

    def test_management_records(self):
        for kind in (GET_VALUES, fcgi.GET_VALUES_RESULT, fcgi.UNKNOWN_TYPE, 12, 255):
            record_ = record(kind, pair("FCGI_MAX_CONNS", ""), id=0)
            self.assert_refused(record_)
            self.assert_refused(record_ + fcgi.request(f"/{UUID}"))
            self.assert_refused(begin() + record_ + fcgi.request(f"/{UUID}"))

    def test_a_second_beginning(self):
        rest = stream(PARAMS, params(f"/{UUID}")) + END
        self.assert_refused(begin() + begin() + rest)
        self.assert_refused(begin() + begin(id=2) + rest)
        self.assert_refused(begin() + record(PARAMS, params(f"/{UUID}")) + begin() + rest)
        self.assert_refused(begin() + stream(PARAMS, params(f"/{UUID}")) + begin() + rest)

    def test_no_beginning(self):
        self.assert_refused(stream(PARAMS, params(f"/{UUID}")) + END)
        self.assert_refused(END)
        self.assert_refused(record(DATA, b"x"))

    def test_other_roles(self):
        rest = stream(PARAMS, params(f"/{UUID}")) + END
        for role in (0, 2, 3, 255, 256, 257, 65535):
            self.assert_refused(begin(role=role) + rest)

    def test_a_beginning_of_another_size(self):
        rest = stream(PARAMS, params(f"/{UUID}")) + END
        for size in (0, 3, 7, 9, 16, 255):
            self.assert_refused(record(BEGIN, b"\0\1\1".ljust(size, b"\0")[:size]) + rest)

    def test_ids_that_do_not_fit(self):
        self.assert_refused(fcgi.request(f"/{UUID}", id=0))
        pairs = params(f"/{UUID}")
        for id in (0, 2, 257):
            self.assert_refused(begin() + record(PARAMS, pairs, id) + record(PARAMS) + END)
            self.assert_refused(begin() + record(PARAMS, pairs) + record(PARAMS, b"", id) + END)
            self.assert_refused(begin() + stream(PARAMS, pairs) + record(STDIN, b"", id))

    def test_padding_that_libfcgi_would_not_skip(self):
        body = struct.pack(">HB5x", 1, 1)
        pairs = params(f"/{UUID}")
        for padding in (1, 8, 255):
            self.assert_refused(record(BEGIN, body, padding=padding) + stream(PARAMS, pairs) + END)
            end = record(PARAMS, padding=padding)
            self.assert_refused(begin() + record(PARAMS, pairs) + end + END)

    def test_no_method(self):
        self.assert_refused(whole(b""))
        self.assert_refused(whole(pair("PATH_INFO", f"/{UUID}")))
        self.assert_refused(whole(pair("REQUEST_METHOD_", "GET") + pair("PATH_INFO", f"/{UUID}")))

    def test_nul_in_parameters(self):
        for bad in (
            params(f"/{UUID}\0x"),
            params(f"/{UUID}", method="GET\0POST"),
            params(f"/{UUID}", query="\0"),
            params(f"/{UUID}") + pair("X\0Y", "z"),
            params(f"/{UUID}") + pair("X", "y\0"),
        ):
            for size in (1, 65535):
                self.assert_refused(whole(bad, size=size))

    def test_pairs_that_do_not_end_with_the_stream(self):
        pairs = params(f"/{UUID}")
        last = pair("HTTP_X", "value")
        for cut in range(1, len(last)):
            self.assert_refused(whole(pairs + last[:cut]))
