"""Standard input decides: a listening socket is FastCGI, which restarts in turn; else it is CGI."""

import base64
import os
import signal
import socket
import subprocess
import threading

import fcgi
import misses
from processes import stat_of
from support import LIMIT, MINIMAL_LINK, RESPONDER, UUID, VALGRIND, TestCase, until

BASE64 = base64.b64encode(MINIMAL_LINK.encode())

# Of each kind one: (path, method, further variables).
REQUESTS = [
    (f"/{UUID}", "GET", {}),
    (f"/api/{UUID}", "HEAD", {}),
    (f"/{UUID}", "GET", {"QUERY_STRING": "format=links"}),
    (f"/{UUID}", "GET", {"HTTP_IF_NONE_MATCH": "*"}),
    (f"/{UUID}", "GET", {"HTTP_IF_NONE_MATCH": '"0000000000000000"'}),
    (f"/{UUID}", "POST", {}),
    (f"/{misses.BLOCKED}", "GET", {}),
    ("/", "HEAD", {}),
]


class Detection(TestCase):
    def setUp(self):
        super().setUp()
        misses.fill(self.registry)
        self.compile()

    def cgi(self, stdin, path, method, more):
        """What the program writes as a CGI program."""
        variables = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "", **more}
        run = subprocess.run(
            [RESPONDER],
            env={**self.environment, "GATEWAY_INTERFACE": "CGI/1.1", **variables},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=LIMIT,
        )
        self.assertEqual((0, b""), (run.returncode, run.stderr))
        return run.stdout

    def fastcgi(self, path, method, more):
        """The same from the responder, which must have been one answer."""
        with fcgi.Client(self.dir / "fcgi.sock") as client:
            variables = {"query": "", **more}
            variables["query"] = variables.pop("QUERY_STRING", "")
            reply = client.ask(path, keep=False, method=method, **variables)
            self.assertTrue(reply.is_complete)
            self.assertTrue(client.is_closed())
        return reply.stdout

    def assert_cgi(self, stdin):
        self.assertEqual(self.wanted, [self.cgi(stdin, *request) for request in REQUESTS])

    def test_what_does_not_listen_is_cgi_with_the_same_answers(self):
        self.responder()
        self.wanted = [self.fastcgi(*request) for request in REQUESTS]
        self.assertIn(BASE64, self.wanted[0])
        self.assertEqual(5, len(set(self.wanted)))  # the 304, the 404 and three of 200
        file = self.dir / "file"
        file.write_bytes(fcgi.request("/"))
        with open("/dev/null", "rb") as null, open(file, "rb") as plain:
            self.assert_cgi(null)
            self.assert_cgi(plain)
        reading, writing = os.pipe()
        with open(reading, "rb") as pipe, open(writing, "wb"):
            self.assert_cgi(pipe)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.sendall(fcgi.request("/"))
            self.assert_cgi(theirs)
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(self.dir / "bound.sock"))
            self.assert_cgi(bound)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
            datagrams.bind(str(self.dir / "datagrams.sock"))
            self.assert_cgi(datagrams)

    def test_what_listens_is_fastcgi_whatever_the_environment(self):
        variables = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "PATH_INFO": "/"}
        for more in ({}, variables, {"FCGI_WEB_SERVER_ADDRS": "192.0.2.1"}):
            listener = self.listen()
            responder = self.heir(listener, env={**self.environment, **more})
            for request in REQUESTS:
                self.assertEqual(self.cgi(subprocess.DEVNULL, *request), self.fastcgi(*request))
            self.assertEqual((0, ""), (responder.stop(), responder.said()))
            listener.close()
            os.unlink(self.dir / "fcgi.sock")

    def test_a_tcp_socket(self):
        listener = socket.create_server(("127.0.0.1", 0))
        with listener:
            self.heir(listener)
            with socket.create_connection(listener.getsockname(), LIMIT) as client:
                client.sendall(fcgi.request(f"/{UUID}", keep=False))
                self.assertIn(BASE64, b"".join(iter(lambda: client.recv(65536), b"")))


class Load:
    """Requests without a pause from several threads, and what went wrong with them.

    A request that was sent whole on a new connection must be answered. On a kept connection the
    peer may have closed before any byte of the answer: then a web server asks once more, anew.
    """

    def __init__(self, path):
        self.path = path
        self.is_over = False
        self.answered = {self.new: 0, self.kept: 0}
        self.retries = 0
        self.wrong = []
        self.threads = [
            threading.Thread(target=self.go_on, args=(way,))
            for way in (self.new, self.new, self.kept, self.kept)
        ]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *args):
        self.is_over = True
        for thread in self.threads:
            thread.join()

    def go_on(self, way):
        while not self.is_over:
            try:
                way()
            except Exception as e:
                self.wrong.append(f"{way.__name__}: {e!r}")

    def new(self):
        with fcgi.Client(self.path) as client:
            if self.is_sent(client, keep=False):
                self.take(client, self.new)

    def kept(self):
        with fcgi.Client(self.path) as client:
            if not self.is_sent(client):
                return
            self.take(client, self.kept)
            while not self.is_over and self.is_sent(client) and self.is_answering(client):
                self.take(client, self.kept)
            self.retries += not self.is_over

    @staticmethod
    def is_sent(client, **kwargs):
        try:
            client.send(fcgi.request(f"/{UUID}", **kwargs))
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    @staticmethod
    def is_answering(client):
        try:
            return client.socket.recv(1, socket.MSG_PEEK) != b""
        except ConnectionResetError:
            return False

    def take(self, client, way):
        reply = client.reply()
        if (reply.is_complete, reply.status, reply.body) != (True, 200, BASE64):
            self.wrong.append(f"{way.__name__}: {reply.records}")
        self.answered[way] += 1

    def go_ahead(self):
        """Waits until both ways have got answers from now on."""
        seen = dict(self.answered)
        until(lambda: all(n > seen[way] + 20 for way, n in self.answered.items()), "answers")


class Restarts(TestCase):
    def setUp(self):
        super().setUp()
        self.registry.minimal()
        self.compile()
        self.listener = self.listen()
        self.path = self.dir / "fcgi.sock"

    def test_one_after_the_other_under_load(self):
        """The new one is there before the old one goes: no request is lost."""
        old = self.heir(self.listener)
        with Load(self.path) as load:
            for number in (2 if VALGRIND else 20) * [signal.SIGTERM] + [signal.SIGINT]:
                load.go_ahead()
                new = self.heir(self.listener)
                self.assertEqual((0, ""), (old.stop(number), old.said()))
                old = new
            load.go_ahead()
        self.assertEqual([], load.wrong)
        self.assertGreater(load.retries, 0)  # they were closed, else nothing was tried

    def test_with_a_gap_between_them(self):
        """The socket outlives the service: who connects meanwhile waits."""
        with Load(self.path) as load:
            for _ in range(2 if VALGRIND else 20):
                responder = self.heir(self.listener)
                load.go_ahead()
                self.assertEqual((0, ""), (responder.stop(), responder.said()))
            self.heir(self.listener)
            load.go_ahead()
        self.assertEqual([], load.wrong)

    def test_what_had_not_been_accepted_is_for_the_next_one(self):
        first = self.heir(self.listener)
        os.kill(first.pid, signal.SIGSTOP)
        until(lambda: stat_of(first.pid).state == "T", "its standing still")
        clients = [fcgi.Client(self.path) for _ in range(100)]
        for client in clients:
            self.addCleanup(client.__exit__)
            client.send(fcgi.request(f"/{UUID}", keep=False))
        os.kill(first.pid, signal.SIGTERM)
        os.kill(first.pid, signal.SIGCONT)
        self.assertEqual(0, first.popen.wait(LIMIT))
        self.heir(self.listener)
        replies = [client.reply() for client in clients]
        self.assertEqual({(200, BASE64)}, {(r.status, r.body) for r in replies})
