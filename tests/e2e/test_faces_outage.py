"""In an outage, too, one face: whoever asks for what, the same 503; links, misses and all."""

import os
import signal
import socket

import faces
import misses
from processes import children
from support import RESPONDER, UUID, fetch, until
from test_lighttpd import Lighttpd
from test_nginx import Nginx

METHODS = ["GET", "HEAD", "POST", "OPTIONS", "FOO"]
SPELLINGS = ["as it is", "trailing slash", "encoded slash", "//", "two dots", "query"]
EVERYTHING = {**faces.KINDS, **faces.LIVE, "a format": f"/api/{UUID}/clash"}


class Outage:
    TRIES = 1  # for each answer

    def first_odd(self, group, method, shape):
        for _ in range(self.TRIES):
            found = faces.first_odd(group, lambda path: self.exchange(path, method, shape))
            if not found:
                return None
        return found

    def exchange(self, path, method, shape):
        return faces.exchange(self.web, method, path, *shape)

    def assert_outage(self):
        """Every kind, the live device among them, by every request: the same; and it is a 503."""
        odd = []
        for method in METHODS:
            for name, *shape in faces.SHAPES:
                group = [
                    (f"{kind}, {spelling}", faces.SPELLINGS[spelling](path))
                    for kind, path in EVERYTHING.items()
                    for spelling in SPELLINGS
                ]
                found = self.first_odd(group, method, shape)
                odd += [(method, name, *found)] if found else []
        self.assertEqual([], odd[:5])
        for method, shape in (("POST", ["1.1", [], faces.LARGE_BODY]),
                              ("GET", ["1.1", faces.HEADERS_16K["cookies"], b""])):
            self.assertIsNone(self.first_odd(list(EVERYTHING.items()), method, shape))
        for path in EVERYTHING.values():
            self.assertIn(503, (fetch(self.web, path).status for _ in range(self.TRIES)))
        self.assertEqual(200, fetch(self.web, "/").status)


class BehindNginx(Outage, Nginx):
    def test_no_snapshot(self):
        self.responder(socket_path=self.socket)
        self.nginx()
        self.assert_outage()

    def test_no_socket(self):
        self.nginx()
        self.assert_outage()

    def test_nobody_at_the_socket(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(self.socket))
        self.nginx()
        self.assert_outage()

    def test_the_responder_has_gone(self):
        responder = self.serve()
        self.assertEqual(200, self.fetch(f"/api/{UUID}").status)
        responder.stop()
        self.assert_outage()

    def test_every_outage_is_the_same(self):
        """Nobody can tell why."""
        self.nginx()
        answers = [self.exchange(misses.PLAIN, "GET", ["1.1", [], b""])]
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(self.socket))
        answers.append(self.exchange(misses.PLAIN, "GET", ["1.1", [], b""]))
        self.socket.unlink()
        self.responder(socket_path=self.socket)
        answers.append(self.exchange(misses.PLAIN, "GET", ["1.1", [], b""]))
        self.assertEqual([answers[0]] * 3, answers)


class BehindLighttpd(Outage, Lighttpd):
    # About once a second it starts the program anew, and takes what has not failed within a
    # millisecond for good: whoever asks then, whatever for, is answered 500.
    TRIES = 3

    def test_no_snapshot(self):
        del self.environment["SIGNPOST_DATA"]
        self.lighttpd()
        self.assert_outage()

    def test_the_responder_has_gone(self):
        """It is killed, and what starts it again finds no program."""
        self.compile()
        (self.dir / "build").unlink()
        (self.dir / "build").mkdir()
        program = self.dir / "build" / "signpost.fcgi"
        program.symlink_to(RESPONDER)
        server = self.lighttpd()
        self.assertEqual(200, self.fetch(f"/api/{UUID}").status)
        program.unlink()
        for pid in children(server.pid, "signpost.fcgi"):
            os.kill(pid, signal.SIGKILL)
        until(lambda: self.fetch(f"/api/{UUID}").status == 503, "the outage")
        self.assert_outage()

    def test_every_outage_is_the_same(self):
        """Without a snapshot, or without a responder."""
        del self.environment["SIGNPOST_DATA"]
        (self.dir / "build").unlink()
        (self.dir / "build").mkdir()
        program = self.dir / "build" / "signpost.fcgi"
        program.symlink_to(RESPONDER)
        server = self.lighttpd()
        first = self.exchange(misses.PLAIN, "GET", ["1.1", [], b""])
        program.unlink()
        for pid in children(server.pid, "signpost.fcgi"):
            os.kill(pid, signal.SIGKILL)
        until(lambda: not children(server.pid, "signpost.fcgi"), "the end")
        until(lambda: self.fetch(misses.PLAIN).status == 503, "the outage")
        ask = self.exchange
        answers = (ask(misses.PLAIN, "GET", ["1.1", [], b""]) for _ in range(self.TRIES))
        self.assertIn(first, answers)
