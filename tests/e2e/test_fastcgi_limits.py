"""Limits: descriptors that run out, and what must not grow with uptime."""

import pathlib
import resource

import fcgi
from support import RESPONDER, UNKNOWN, UUID, VALGRIND, until

FEW = 40  # descriptors
GOOD = fcgi.request(f"/{UUID}")
IS_SANITIZED = b"__asan_init" in RESPONDER.read_bytes()


def allow_few():
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, FEW))


class Descriptors(fcgi.Case):
    def options(self):
        # At the limit valgrind accepts a connection, closes it and says that it could not.
        return {"preexec_fn": allow_few, "valgrind": False}

    def idle(self, count):
        """So many connections, each answered once, idle in that order."""
        clients = []
        for _ in range(count):
            clients.append(self.client())
            self.assert_good(clients[-1])
        return clients

    def halves(self, count):
        """So many that have begun a request that ends the connection, and not ended it."""
        clients = []
        self.pause()
        for _ in range(count):
            clients.append(self.client())
            clients[-1].send(fcgi.request(f"/{UUID}", keep=False)[:-1])
        self.go_on()
        return clients

    def test_the_longest_idle_make_room(self):
        clients = self.idle(3 * FEW)
        is_open = [client.is_silent() for client in clients]
        kept = sum(is_open)
        self.assertEqual([False] * (3 * FEW - kept) + [True] * kept, is_open)
        self.assertTrue(FEW // 2 < kept < FEW, kept)
        for client in clients[-kept:]:
            self.assert_good(client)

    def test_who_has_asked_lately_is_not_the_longest_idle(self):
        clients = self.idle(1)
        for _ in range(3 * FEW):
            clients += self.idle(1)
            self.assert_good(clients[0])
        self.assertFalse(clients[1].is_silent())

    @fcgi.while_heads_live
    def test_it_accepts_again_when_connections_end(self):
        for client in self.halves(3 * FEW):
            client.send(GOOD[-1:])
            self.assertEqual([self.good], [reply.stdout for reply in client.replies()])
        self.assert_good()

    @fcgi.while_heads_live
    def test_idle_ones_make_room_among_busy_ones(self):
        held = self.halves(FEW // 2)
        self.idle(3 * FEW)
        self.assertTrue(all(client.is_silent() for client in held))
        for client in held:
            client.send(GOOD[-1:])
            self.assertEqual(self.good, client.reply().stdout)

    def test_bad_ones_make_room(self):
        for _ in range(3 * FEW):
            self.client().push(b"nonsense")
        self.assert_good()

    def test_all_at_once(self):
        """More requests than descriptors: they queue, and none is lost."""
        self.pause()
        clients = [self.client() for _ in range(3 * FEW)]
        for client in clients:
            client.send(fcgi.request(f"/{UUID}", keep=False))
        self.go_on()
        lost = [i for i, client in enumerate(clients) if len(client.replies()) != 1]
        self.assertEqual([], lost)

    def test_the_last_one_is_of_use(self):
        """Nobody is sent away while nobody waits."""
        [client] = self.idle(1)
        count = self.descriptors() - 1
        client.socket.close()
        until(lambda: self.descriptors() == count, "the end of the first")
        self.halves(FEW - 1 - count)
        until(lambda: self.descriptors() == FEW - 1, "all but one")
        client = self.client()
        until(lambda: self.descriptors() == FEW or not client.is_silent(), "the last one")
        self.assert_good(client)

    def test_a_new_snapshot_is_seen_when_none_is_left(self):
        client = self.idle(3 * FEW)[-1]
        self.registry.device(status="blocked")
        self.compile()
        until(lambda: client.ask(f"/{UUID}").status == 404, "the change")


class Flat(fcgi.Case):
    def use(self, times):
        """What comes in a day, good and bad."""
        for _ in range(times):
            with fcgi.Client(self.path) as client:
                self.assert_good(client)
                self.assertEqual(404, client.ask(f"/{UNKNOWN}", query="x" * 3000).status)
                client.send(fcgi.request(f"/{UNKNOWN}", body=b"x" * 3000))
                self.assertEqual(1, len(client.replies()))
            with fcgi.Client(self.path) as client:
                client.push(b"nonsense")
            with fcgi.Client(self.path):
                pass

    def test_descriptors(self):
        before = self.descriptors()
        self.use(170)
        self.assert_descriptors(before)

    def memory(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        [line] = [line for line in text.split("\n") if line.startswith("VmRSS:")]
        return int(line.split()[1])

    def test_memory(self):
        if VALGRIND or IS_SANITIZED:
            self.use(100)  # The tool keeps what is freed, and looks for leaks itself.
            return
        self.use(300)
        before = self.memory()
        self.use(2000)
        self.assertLess(self.memory() - before, 512)  # kB; 6000 requests of 100 bytes each
