"""Large answers: whole for whoever reads them, however slowly, and in nobody else's way."""

import base64
import fcntl
import re
import socket
import struct
import termios

import fcgi
from support import RESPONDER, UNKNOWN, UUID, until

CONTENT_MAX = 65528  # of one record of the answer
ENDPOINTS = 700
ASK = fcgi.request(f"/{UUID}")


def waiting(client):
    """How many bytes lie in the socket, unread."""
    return struct.unpack("i", fcntl.ioctl(client.socket, termios.FIONREAD, b"\0" * 4))[0]


class Large(fcgi.Case):
    def fill(self):
        self.fill_large(ENDPOINTS)

    def setUp(self):
        super().setUp()
        with fcgi.Client(self.path) as client:
            client.send(fcgi.request(f"/{UUID}", keep=False))
            self.whole = b"".join(iter(lambda: client.socket.recv(65536), b""))

    def hold(self, count):
        """Peers that have asked and do not read; the responder has not got rid of the answer."""
        clients = [self.client() for _ in range(count)]
        for client in clients:
            client.send(ASK)
        self.assert_small()
        for client in clients:
            self.assertLess(waiting(client), len(self.whole))
        return clients

    def assert_small(self, address=None):
        """Others are answered."""
        self.assertEqual(404, fcgi.ask(address or self.path, f"/{UNKNOWN}").status)

    def test_the_records_of_a_large_answer(self):
        reply = fcgi.ask(self.path, f"/{UUID}")
        self.assertGreater(len(reply.body), 10 * CONTENT_MAX)
        self.assertEqual(str(len(reply.body)), reply.headers["content-length"])
        links = base64.b64decode(reply.body, validate=True).split(b"\n")
        self.assertEqual(ENDPOINTS + 1, len(links))
        sizes = [len(content) for kind, _, content in reply.records if kind == fcgi.STDOUT]
        self.assertEqual({CONTENT_MAX}, set(sizes[:-2]))
        self.assertEqual({1}, {id for _, id, _ in reply.records})
        head = fcgi.ask(self.path, f"/{UUID}", method="HEAD")
        self.assertEqual((reply.headers, b""), (head.headers, head.body))

    def test_a_slow_reader(self):
        [client] = self.hold(1)
        found = b""
        for size in (1, 7, 100, 3000):
            for _ in range(50):
                found += client.receive(size)
            self.assert_small()
        while len(found) < len(self.whole):
            found += client.receive(min(20000, len(self.whole) - len(found)))
            self.assert_small()
        self.assertTrue(found == self.whole)
        self.assert_good(client)

    def test_slow_readers_in_turn(self):
        """Each goes on from where it stopped."""
        found = {client: b"" for client in self.hold(8)}
        size = len(found)
        while size < len(self.whole):
            size = min(size + 9999, len(self.whole))
            for client in found:
                found[client] += client.receive(size - len(found[client]))
        for client in found:
            self.assertTrue(found[client] == self.whole)
            self.assert_good(client)

    def test_readers_that_never_read(self):
        clients = self.hold(20)
        self.assert_good()
        with self.client() as kept:
            for _ in range(5):
                self.assert_good(kept)
        for client in clients:
            self.assertEqual(self.good, client.reply().stdout)
            self.assert_good(client)

    def test_a_next_request_before_the_answer_has_been_read(self):
        [client] = self.hold(1)
        client.send(fcgi.request(f"/{UNKNOWN}"))
        self.assertEqual(self.good, client.reply().stdout)
        self.assertEqual(404, client.reply().status)
        self.assert_good(client)

    def test_a_large_answer_on_a_connection_that_is_not_kept(self):
        for data in (fcgi.request(f"/{UUID}", keep=False), ASK + ASK):
            with self.client() as client:
                client.send(data)
                self.assert_small()
                self.assertEqual([self.good], [reply.stdout for reply in client.replies()])

    def test_half_closed_by_the_peer(self):
        """The peer has said all that it will: the answer comes all the same."""
        [client] = self.hold(1)
        client.socket.shutdown(socket.SHUT_WR)
        self.assertEqual([self.good], [reply.stdout for reply in client.replies()])

    def test_peers_that_leave_in_mid_answer(self):
        before = self.descriptors()
        for size in (0, 1, 5000, 300000):
            for client in self.hold(5):
                self.assertEqual(size, len(client.receive(size)))
                client.socket.close()
        self.assert_good()
        self.assert_descriptors(before)


class Tcp(fcgi.Case):
    """Over TCP small buffers are possible, and peers can reset."""

    def fill(self):
        self.fill_large(ENDPOINTS)

    def setUp(self):
        super().setUp()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.address = listener.getsockname()
            env = {k: v for k, v in self.environment.items() if k != "SIGNPOST_DATA"}
            self.process = self.start(
                RESPONDER, name="tcp", valgrind=True, env=env, stdin=listener
            )
        self.addCleanup(self.assert_clean_end, self.process)

    def test_a_slow_reader_with_a_tiny_buffer(self):
        slow = self.client(self.address, buffer=1)
        slow.send(ASK)
        self.assertEqual(self.good, fcgi.ask(self.address, f"/{UUID}").stdout)
        self.assertEqual(self.good, slow.reply().stdout)
        self.assert_good(slow)

    def test_resets(self):
        fcgi.ask(self.address, f"/{UNKNOWN}")
        before = self.descriptors()
        for data, size in ((b"", 0), (ASK[:50], 0), (ASK, 0), (ASK, 1000), (ASK + ASK, 1)):
            for _ in range(5):
                client = fcgi.Client(self.address, buffer=1)
                client.send(data)
                client.receive(size)
                now = struct.pack("ii", 1, 0)
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
                client.socket.close()
            self.assertEqual(self.good, fcgi.ask(self.address, f"/{UUID}").stdout)
        self.assert_descriptors(before)


class Boundaries(fcgi.Case):
    """Sizes where the answer just fills its records: a user of its own for each."""

    SIZES = [n * CONTENT_MAX + more for n in (1, 2, 3) for more in (-8, -1, 0, 1, 8)]
    LINKS = 16  # for each record

    def fill(self):
        self.registry.minimal()
        self.registry.route(groups=["first"])
        self.registry.user(groups=["first"])
        for i, size in enumerate(self.SIZES):
            self.registry.user(100 + i, groups=[f"g{i}"])
            self.registry.device(self.uuid(i), user_id=100 + i)
            self.write(i, size * 9 // 10)

    def write(self, i, total):
        """The service names of a user's links have this many bytes together."""
        count = -(-self.SIZES[i] // CONTENT_MAX) * self.LINKS
        for k in range(count):
            name = "s" * (total // count + (k < total % count))
            client = {"address": f"h{k:02}.example.org", "serviceName": name}
            self.registry.endpoint(f"e{i}-{k}", groups=[f"g{i}"], client=client)

    @staticmethod
    def uuid(i):
        return f"00000000-0000-4000-8000-{i:012}"

    def read(self, i):
        return fcgi.ask(self.path, f"/{self.uuid(i)}", query="format=links")

    def test_sizes(self):
        for i, size in enumerate(self.SIZES):
            reply = self.read(i)
            self.assertEqual(200, reply.status)
            # The number in Content-Length does not get longer.
            self.assertEqual(len(str(len(reply.body))), len(str(size)))
            self.write(i, self.names(reply) + size - len(reply.stdout))
        self.compile()
        last = len(self.SIZES) - 1
        until(lambda: len(self.read(last).stdout) == self.SIZES[last], "the new answers")
        for i, size in enumerate(self.SIZES):
            reply = self.read(i)
            self.assertEqual(size, len(reply.stdout))
            self.assertEqual(str(len(reply.body)), reply.headers["content-length"])
            contents = [len(c) for kind, _, c in reply.records if kind == fcgi.STDOUT]
            full, rest = divmod(size, CONTENT_MAX)
            self.assertEqual([CONTENT_MAX] * full + [rest] * bool(rest) + [0], contents)
            self.assertTrue(all(link.startswith(b"vless://") for link in reply.body.split(b"\n")))

    @staticmethod
    def names(reply):
        return sum(len(name) for name in re.findall(rb"serviceName=(s+)", reply.body))
