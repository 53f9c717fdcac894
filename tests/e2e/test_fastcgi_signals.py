"""Signals: each ends the responder in order, and none loses what has been asked before it."""

import base64
import itertools
import os
import signal
import socket
import time

import fcgi
from processes import stat_of
from support import LIMIT, MINIMAL_LINK, UUID, VALGRIND, TestCase, until

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
BASE64 = base64.b64encode(MINIMAL_LINK.encode())
HEAD = fcgi.request(f"/{UUID}")
DRAIN = 0.2  # seconds: no longer does it go on with what has been begun


class Signals(TestCase):
    def setUp(self):
        super().setUp()
        self.registry.minimal()
        self.compile()

    def client(self, path):
        """A connection that has been accepted: it has got an answer and is kept."""
        client = fcgi.Client(path)
        self.addCleanup(client.__exit__)
        self.assert_hit(client.ask(f"/{UUID}"))
        return client

    def assert_hit(self, reply):
        self.assertTrue(reply.is_complete)
        self.assertEqual((200, BASE64), (reply.status, reply.body))

    def stand_still(self, responder):
        os.kill(responder.pid, signal.SIGSTOP)
        until(lambda: stat_of(responder.pid).state == "T", "its standing still")

    def in_time(self, attempt, *args):
        """Once more where the machine was too slow for what is only promised for so long."""
        end = time.monotonic() + LIMIT
        for i in itertools.count():
            self.ended_at = None
            try:
                return attempt(self.responder(socket_path=self.dir / f"{i}.sock"), *args)
            except (AssertionError, OSError):
                now = time.monotonic()
                if self.ended_at is None or now - self.ended_at < DRAIN or now > end:
                    raise

    def end(self, responder, number):
        self.ended_at = time.monotonic()
        os.kill(responder.pid, number)

    def assert_ended(self, responder):
        self.assertEqual((0, ""), (responder.popen.wait(LIMIT), responder.said()))
        self.assertFalse(responder.path.exists())


class Ending(Signals):
    def test_each_ends_it_and_closes_idle_connections(self):
        for number in ENDING:
            responder = self.responder()
            clients = [self.client(responder.path) for _ in range(3)]
            silent = fcgi.Client(responder.path)
            self.addCleanup(silent.__exit__)
            os.kill(responder.pid, number)
            for client in [*clients, silent]:
                self.assertTrue(client.is_closed())
            self.assert_ended(responder)

    def test_what_was_sent_before_is_answered(self):
        """And what comes at the same time: more than one turn's events before it and after it."""
        for number in ENDING:
            self.in_time(self.end_among_requests, number)

    def end_among_requests(self, responder, number):
        clients = [self.client(responder.path) for _ in range(200)]
        for client in clients[::2]:
            client.send(HEAD[:30])
        self.client(responder.path)
        self.stand_still(responder)
        for i, client in enumerate(clients):
            if i == 100:
                os.kill(responder.pid, number)
            client.send(HEAD if i % 2 else HEAD[30:])
        self.end(responder, signal.SIGCONT)
        for client in clients:
            self.assert_hit(client.reply())
            self.assertTrue(client.is_closed())
        self.assert_ended(responder)

    def test_peers_that_come_to_no_end_do_not_keep_it(self):
        responder = self.responder()
        clients = [self.client(responder.path) for _ in range(4)]
        clients[0].send(HEAD[:1])
        clients[1].send(HEAD[:-1])
        clients[2].send(HEAD[:40])
        clients[3].send(fcgi.begin() + fcgi.record(fcgi.PARAMS, b""))
        self.client(responder.path)  # those have been read
        os.kill(responder.pid, signal.SIGTERM)
        for client in clients:
            self.assertTrue(client.is_closed())
        self.assert_ended(responder)

    def test_several_at_once_and_one_after_the_other(self):
        responder = self.responder()
        holder = self.client(responder.path)
        holder.send(HEAD[:30])
        self.client(responder.path)
        self.stand_still(responder)
        for number in ENDING:
            os.kill(responder.pid, number)
        os.kill(responder.pid, signal.SIGCONT)

        def once_more():
            ended = stat_of(responder.pid) is None
            if not ended:
                os.kill(responder.pid, signal.SIGTERM)
            return ended

        until(once_more, "the end")
        self.assert_ended(responder)

    def test_what_was_ignored_or_blocked_at_the_start(self):
        """nohup ignores SIGHUP, shells ignore SIGINT for jobs in the background."""

        def ignore():
            for number in ENDING:
                signal.signal(number, signal.SIG_IGN)

        def block():
            signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)

        for before in (ignore, block):
            responder = self.responder(preexec_fn=before)
            client = self.client(responder.path)
            os.kill(responder.pid, signal.SIGHUP if before is ignore else signal.SIGTERM)
            self.assertTrue(client.is_closed())
            self.assert_ended(responder)

    def test_as_soon_as_it_can_be_connected_to(self):
        """Who waits for the socket may end it at once; its socket must not stay behind."""
        path = self.dir / "fcgi.sock"
        for _ in range(3 if VALGRIND else 30):
            responder = self.start_responder("-s", path)
            responder.path = path
            while not self.can_connect(path):
                self.assertTrue(responder.is_alive(), responder.said())
            os.kill(responder.pid, signal.SIGTERM)
            self.assert_ended(responder)

    def test_sigpipe_does_not(self):
        responder = self.responder()
        client = self.client(responder.path)
        os.kill(responder.pid, signal.SIGPIPE)
        self.assert_hit(client.ask(f"/{UUID}"))


class Peers(Signals):
    def setUp(self):
        super().setUp()
        for number in range(1000):
            client = {"address": f"e{number}.example.org", "type": "ws", "path": "/" + "x" * 600}
            self.registry.endpoint(f"e{number}", client=client)
        self.compile()
        self.path = self.responder().path
        reply = fcgi.ask(self.path, f"/{UUID}")
        self.assertEqual(200, reply.status)
        self.body = reply.body
        self.assertGreater(len(self.body), 2 * self.room())

    @staticmethod
    def room():
        """How much a socket takes from a peer before that must wait."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            return ours.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)

    def test_who_goes_away_in_mid_answer_does_not_hurt_it(self):
        """It would be ended by SIGPIPE."""
        for taken in (0, 1, 8, 5000, len(self.body) // 2):
            for keep in (True, False):
                with fcgi.Client(self.path) as client:
                    client.send(fcgi.request(f"/{UUID}", keep=keep))
                    client.receive(taken)
                self.assertEqual(self.body, fcgi.ask(self.path, f"/{UUID}").body)
        with fcgi.Client(self.path) as client:
            client.socket.shutdown(socket.SHUT_RD)
            client.send(fcgi.request(f"/{UUID}"))
        self.assertEqual(self.body, fcgi.ask(self.path, f"/{UUID}").body)

    def test_who_does_not_take_an_answer_does_not_keep_it_from_ending(self):
        with fcgi.Client(self.path) as slow:
            slow.send(fcgi.request(f"/{UUID}"))
            slow.receive(1)
            # The clean end is asserted when the test ends; the peer is still there then.
            self.assertEqual(404, fcgi.ask(self.path, "/").status)
            self.doCleanups()

    def test_who_takes_an_answer_slowly_gets_the_whole(self):
        """SIGTERM in the middle: what has been begun is finished."""
        self.in_time(self.end_in_mid_answer)

    def end_in_mid_answer(self, responder):
        with fcgi.Client(responder.path) as client:
            client.send(fcgi.request(f"/{UUID}"))
            first = client.read_record()
            self.end(responder, signal.SIGTERM)
            reply = client.reply()
            self.assertTrue(reply.is_complete)
            self.assertTrue((first[2] + reply.stdout).endswith(self.body))
            self.assertTrue(client.is_closed())
        self.assert_ended(responder)
