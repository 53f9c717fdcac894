"""The shipped nginx-fcgi.conf when responders end, fail or are restarted; what the logs hold."""

import http.client
import itertools
import os
import signal
import socket
import threading

import fcgi
from misses import ENDED, TOKEN
from support import RESPONDER, UNKNOWN, UUID, UnixConnection, fetch, shipped, until
from test_nginx import Nginx


class Outage(Nginx):
    def assert_outage(self):
        """Every miss and every hit is a 503 without a word; the decoy is as ever."""
        for path in (f"/api/{UUID}", f"/{UNKNOWN}", "/nix", "/api"):
            for method in ("GET", "HEAD", "POST", "DELETE"):
                answer = self.fetch(path, method)
                self.assertEqual((503, b""), (answer.status, answer.body), (method, path))
                self.assertGreater(int(answer.header("Retry-After")), 0)
                self.assertIsNone(answer.header("ETag"))
        self.assertEqual(b"<title>Bakery</title>\n", self.fetch("/").body)
        self.assertEqual(200, self.fetch("/img/logo.svg").status)

    def test_no_socket(self):
        self.nginx()
        self.assert_outage()

    def test_nobody_at_the_socket(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(self.socket))
        self.nginx()
        self.assert_outage()

    def test_no_snapshot_and_then_one(self):
        self.responder(socket_path=self.socket)
        self.nginx()
        self.assert_outage()
        self.compile()
        until(lambda: self.fetch(f"/api/{UUID}").status == 200, "the links")
        self.assertEqual(404, self.fetch("/nix").status)

    def test_the_responder_goes_and_comes_back(self):
        responder = self.serve()
        connection = UnixConnection(self.web)
        self.assertEqual(200, fetch(connection, f"/api/{UUID}").status)
        responder.stop()
        self.assertEqual(503, fetch(connection, f"/api/{UUID}").status)
        self.assert_outage()
        self.responder(socket_path=self.socket)
        self.assertEqual(200, fetch(connection, f"/api/{UUID}").status)


class Logs(Nginx):
    """No log names a UUID or a token, whatever goes wrong: nginx is fond of quoting the request line."""

    def poll(self):
        """The statuses of every kind of address, by the ways that a token can be written too."""
        paths = [f"/api/{address}" for address in (UUID, UNKNOWN, UUID.upper(), TOKEN, ENDED)]
        paths += [f"/{TOKEN}?format=links", f"//{TOKEN}", f"/api/{TOKEN}/clash"]
        return {self.fetch(path).status for path in paths}

    def assert_no_address_is_logged(self):
        logs = [*(self.dir / "run").rglob("*"), *self.dir.glob("*.log")]
        said = {str(log): log.read_bytes().lower() for log in logs if log.is_file()}
        starts = [address[:8].lower().encode() for address in (UUID, TOKEN, ENDED)]
        self.assertEqual([], [log for log in said if any(start in said[log] for start in starts)])

    def test_answers(self):
        self.serve()
        self.assertEqual({200, 404}, self.poll())
        self.assert_no_address_is_logged()

    def test_no_socket(self):
        self.nginx()
        self.assertEqual({503}, self.poll())
        self.assert_no_address_is_logged()

    def test_nobody_at_the_socket(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(self.socket))
        self.nginx()
        self.assertEqual({503}, self.poll())
        self.assert_no_address_is_logged()

    def test_no_snapshot(self):
        self.responder(socket_path=self.socket)
        self.nginx()
        self.assertEqual({503}, self.poll())
        self.assert_no_address_is_logged()

    def test_the_responder_goes(self):
        responder = self.serve()
        self.assertEqual(200, self.fetch(f"/api/{TOKEN}").status)
        responder.stop()
        self.assertEqual({503}, self.poll())
        self.assert_no_address_is_logged()

    def test_a_responder_that_talks_nonsense(self):
        self.nginx()
        for say in (b"", b"HTTP/1.1 200 OK\r\n\r\nhello", fcgi.record(fcgi.STDOUT, b"hello")):
            with self.subTest(say), socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(self.socket))
                listener.listen(64)
                thread = threading.Thread(target=self.say_to_all, args=(listener, say))
                thread.start()
                statuses = self.poll()
                listener.shutdown(socket.SHUT_RDWR)
                thread.join()
                self.socket.unlink()
                self.assertEqual({503}, statuses)
        self.assert_no_address_is_logged()

    def test_the_log_for_debugging(self):
        """The form of the access log that the file holds as a comment."""
        self.compile()
        self.responder(socket_path=self.socket)
        conf = shipped("nginx-fcgi.conf")
        conf = conf.replace("listen 127.0.0.1:8080;", f"listen unix:{self.web};")
        start, end = conf.index("    # map $uri"), conf.index("    upstream signpost {")
        conf = conf[:start] + conf[start:end].replace("    # ", "    ") + conf[end:]
        self.nginx(conf.replace("access_log off; # for debugging: ", ""))
        self.poll()
        self.fetch(f"/{UUID}?format=links")
        self.fetch("/about/")
        log = self.dir / "run" / "access.log"
        lines = until(lambda: (said := log.read_text().splitlines()) and said[9:] and said)
        self.assertCountEqual(
            [
                f"GET /api/{UUID[:4]}... 200",
                f"GET /api/{UUID.upper()[:4]}... 200",
                f"GET /api/{UNKNOWN[:4]}... 404",
                *[f"GET /api/{TOKEN[:4]}... 200"] * 2,
                f"GET /api/{ENDED[:4]}... 404",
                f"GET /{UUID[:4]}... 200",
                *[f"GET /{TOKEN[:4]}... 200"] * 2,
                "GET /abou... 200",
            ],
            [line.split(" ", 1)[1].rsplit(" ", 1)[0] for line in lines],
        )
        self.assert_no_address_is_logged()

    @staticmethod
    def say_to_all(listener, words):
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                peer.recv(65536)
                peer.sendall(words)


class Restarts(Nginx):
    """Two responders on one listening socket, as a supervisor runs them, ended one at a time."""

    ROUNDS = 60

    def start_one(self):
        process = self.start(RESPONDER, stdin=self.listener, name="responder")
        until(lambda: self.is_ready(process), "the responder")
        return process

    @staticmethod
    def is_ready(process):
        """Whether it has come to wait for events."""
        fds = f"/proc/{process.pid}/fd"
        try:
            return any("eventpoll" in os.readlink(f"{fds}/{fd}") for fd in os.listdir(fds))
        except OSError:
            return False

    def poll(self, path, wanted):
        """Polls by one kept connection until the test is over, and notes what it should not see."""
        connection = UnixConnection(self.web)
        while not self.over:
            try:
                status = fetch(connection, path).status
            except (OSError, http.client.HTTPException) as e:
                status = repr(e)
                connection.close()
            self.polls[status] = self.polls.get(status, 0) + 1
            if status != wanted:
                self.wrong.append((path, status))

    def run_under_load(self, number):
        self.environment.pop("SIGNPOST_DATA")
        self.over, self.polls, self.wrong = False, {}, []
        threads = [
            threading.Thread(target=self.poll, args=args)
            for args in [(f"/api/{UUID}", 200)] * 3 + [(f"/api/{UNKNOWN}", 404)]
        ]
        self.listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.listener.close)
        self.listener.bind(str(self.socket))
        self.listener.listen(1024)
        pair = [self.start_one(), self.start_one()]
        self.nginx()
        for thread in threads:
            thread.start()
        statuses = []
        try:
            for which in itertools.islice(itertools.cycle((0, 1)), self.ROUNDS):
                seen = self.polls.get(200, 0)
                until(lambda seen=seen: self.polls.get(200, 0) > seen + 20, "polls")
                statuses.append(pair[which].stop(number))
                pair[which] = self.start_one()
        finally:
            self.over = True
            for thread in threads:
                thread.join()
        self.assertEqual([], self.wrong, self.polls)
        self.assertGreater(self.polls[200], 20 * self.ROUNDS)
        return statuses

    def test_killed(self):
        self.compile()
        statuses = self.run_under_load(signal.SIGKILL)
        self.assertEqual({-signal.SIGKILL}, set(statuses))

    def test_restarted_in_order(self):
        self.compile()
        self.assertEqual({0}, set(self.run_under_load(signal.SIGTERM)))
