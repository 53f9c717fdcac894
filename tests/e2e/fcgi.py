"""A small FastCGI client (FastCGI Specification 1.0), able to say wrong things."""

import socket
import struct

from support import LIMIT

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR, DATA = 1, 2, 3, 4, 5, 6, 7, 8
GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE = 9, 10, 11
KEEP = 1


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


def request(path, keep=True, id=1, body=None, **kwargs):
    """A whole request as nginx sends it; body is the content of FCGI_STDIN."""
    out = begin(keep, id) + record(PARAMS, params(path, **kwargs), id) + record(PARAMS, b"", id)
    if body:
        for at in range(0, len(body), 65535):
            out += record(STDIN, body[at : at + 65535], id)
    return out + record(STDIN, b"", id)


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

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT)
        self.socket.connect(str(path))

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
