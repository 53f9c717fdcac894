"""A small FastCGI client (FastCGI Specification 1.0), able to say wrong things."""

import functools
import os
import pathlib
import select
import signal
import socket
import struct
import time

from support import LIMIT, UUID, TestCase, until

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR, DATA = 1, 2, 3, 4, 5, 6, 7, 8
GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE = 9, 10, 11
KEEP = 1
HEAD_TIME = 4.9  # seconds; an unfinished request is dropped after 5


def record(kind, content=b"", id=1, padding=0, version=1):
    head = struct.pack(">BBHHBB", version, kind, id, len(content), padding, 0)
    return head + content + b"\0" * padding


def begin(keep=True, id=1, role=1):
    return record(BEGIN, struct.pack(">HB5x", role, KEEP if keep else 0), id)


def length(n):
    return struct.pack(">B", n) if n < 128 else struct.pack(">I", n | 0x80000000)


def pair(name, value):
    name, value = name.encode(), value if isinstance(value, bytes) else value.encode()
    return length(len(name)) + length(len(value)) + name + value


def params(path, method="GET", query="", **more):
    pairs = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, **more}
    return b"".join(pair(k, v) for k, v in pairs.items())


def stream(kind, content, id=1, size=65535, padding=0):
    """Content in records of at most size bytes, each with the padding, and the empty one."""
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(record(kind, p, id, padding) for p in pieces) + record(kind, b"", id)


def request(path, keep=True, id=1, body=b"", **kwargs):
    """A whole request as nginx sends it; body is the content of FCGI_STDIN."""
    return begin(keep, id) + stream(PARAMS, params(path, **kwargs), id) + stream(STDIN, body, id)


class Reply:
    """What came back: CGI output split up, and the records it came in."""

    def __init__(self, records):
        self.records = records
        self.stdout = b"".join(c for kind, _, c in records if kind == STDOUT)
        self.is_complete = bool(records) and records[-1][0] == END
        head, _, self.body = self.stdout.partition(b"\r\n\r\n")
        self.headers = {}
        for line in head.decode().split("\r\n"):
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value
        self.status = int(self.headers.get("status", "0").split()[0] or 0)


class Client:
    """One connection to a responder."""

    def __init__(self, address, buffer=None):
        """A path, or the address of a TCP socket, whose receive buffer may be given a size."""
        is_tcp = isinstance(address, tuple)
        self.socket = socket.socket(socket.AF_INET if is_tcp else socket.AF_UNIX)
        self.socket.settimeout(LIMIT)
        if buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.connect(address if is_tcp else str(address))

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, n):
        """Exactly n bytes, or fewer at the end of the connection."""
        data = b""
        while len(data) < n:
            piece = self.socket.recv(n - len(data))
            if not piece:
                break
            data += piece
        return data

    def read_record(self):
        """(type, id, content), or None at the end of the connection."""
        head = self.receive(8)
        if len(head) < 8:
            return None
        version, kind, id, size, padding, _ = struct.unpack(">BBHHBB", head)
        assert version == 1, head
        content = self.receive(size)
        self.receive(padding)
        return kind, id, content

    def reply(self):
        """The records up to FCGI_END_REQUEST or the end of the connection."""
        records = []
        while True:
            one = self.read_record()
            if one is None:
                return Reply(records)
            records.append(one)
            if one[0] == END:
                return Reply(records)

    def ask(self, path, **kwargs):
        self.send(request(path, **kwargs))
        return self.reply()

    def push(self, data):
        """Sends as much as the peer takes: it may hang up in the middle. Whether it took all."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def replies(self):
        """Every answer up to the end of the connection; the last may be broken off."""
        found = []
        while True:
            try:
                reply = self.reply()
            except ConnectionResetError:
                return found
            if not reply.records:
                return found
            found.append(reply)

    def is_silent(self):
        """Whether the connection is there and nothing has come, right now."""
        poll = select.poll()  # select knows no more than 1024 descriptors
        poll.register(self.socket, select.POLLIN)
        return not poll.poll(0)

    def is_closed(self):
        """Whether the peer has closed: waits for a byte or the end; a reset is an end too."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def ask(path, *args, **kwargs):
    """One request on a connection of its own."""
    with Client(path) as client:
        return client.ask(*args, **kwargs)


def while_heads_live(test):
    """For what holds unfinished requests: once more, twice at most, where their time was over."""

    @functools.wraps(test)
    def run(self):
        for is_last in (False, False, True):
            began = time.monotonic()
            try:
                return test(self)
            except (AssertionError, OSError):
                if is_last or time.monotonic() - began < HEAD_TIME:
                    raise

    return run


class Case(TestCase):
    """A test of one responder that serves one link."""

    def setUp(self):
        super().setUp()
        self.fill()
        self.compile()
        self.process = self.responder(**self.options())
        self.path = self.process.path
        self.good = ask(self.path, f"/{UUID}").stdout
        self.assertIn(b"Status: 200 OK\r\n", self.good)

    def fill(self):
        """Writes the registry."""
        self.registry.minimal()

    def fill_large(self, count=700):
        """Writes a registry whose answer has a kilobyte per endpoint."""
        self.registry.minimal()
        for i in range(count):
            name = f"{i:04}" + "s" * 700
            client = {"address": f"h{i}.example.org", "serviceName": name}
            self.registry.endpoint(f"e{i}", client=client)

    def options(self):
        """More arguments for the responder's start."""
        return {}

    def client(self, address=None, **kwargs):
        """A connection that ends with the test at the latest."""
        client = Client(address or self.path, **kwargs)
        self.addCleanup(client.socket.close)
        return client

    def assert_good(self, client=None):
        """The device gets its answer, on a connection of its own if none is given."""
        if client is not None:
            self.assertEqual(self.good, client.ask(f"/{UUID}").stdout)
            return
        with Client(self.path) as own:
            self.assertEqual(self.good, own.ask(f"/{UUID}").stdout)

    def assert_refused(self, data):
        """The connection ends without an answer, and others are served."""
        with Client(self.path) as client:
            client.push(data)
            self.assertEqual([], client.replies())
        self.assert_good()

    def pause(self):
        """Stops the responder, so that what comes meanwhile is there at once when it goes on."""
        os.kill(self.process.pid, signal.SIGSTOP)
        self.addCleanup(self.go_on)
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat")
        until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "the pause")

    def go_on(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def assert_descriptors(self, count):
        """No more descriptors are left, as soon as the responder has seen who has gone."""
        until(lambda: self.descriptors() <= count, f"{count} descriptors")
