"""A small HTTP/2 client (RFC 9113) that gives back what the server sends, frame by frame.

Field lines go out as literals (RFC 7541 section 6.2.2), so that nothing depends on what was sent
before; what comes back is compared as it is, compressed.
"""

import shutil
import socket
import ssl
import struct
import subprocess

from support import LIMIT

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def certificate(directory):
    """A self-signed certificate and its key in one file, made by the command openssl."""
    file = directory / "certificate.pem"
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 9 -subj /CN=x"
    key, chain = directory / "key.pem", directory / "chain.pem"
    subprocess.run(
        [shutil.which("openssl"), *command.split(), "-keyout", key, "-out", chain],
        check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT,
    )
    file.write_text(key.read_text() + chain.read_text())
    return file


def frame(kind, flags, stream, content=b""):
    head = struct.pack(">I", len(content))[1:] + struct.pack(">BBI", kind, flags, stream)
    return head + content


def number(value, bits):
    """An integer with a prefix of so many bits (RFC 7541 section 5.1), its other bits zero."""
    if value < (1 << bits) - 1:
        return bytes([value])
    out = [(1 << bits) - 1]
    value -= out[0]
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def fields(pairs):
    def text(words):
        return number(len(words), 7) + words.encode()

    return b"".join(b"\0" + text(name) + text(value) for name, value in pairs)


class Connection:
    """A connection by TLS with HTTP/2 agreed on, or without TLS to a server known to speak it."""

    def __init__(self, address, tls=True):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT)
        self.socket.connect(str(address))
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols(["h2"])
            self.socket = context.wrap_socket(self.socket)
            assert self.socket.selected_alpn_protocol() == "h2"
        self.tls = tls
        self.socket.sendall(PREFACE + frame(SETTINGS, 0, 0))
        self.read = b""
        self.next = 1
        self.window, self.first_window = 65535, 65535

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.socket.close()

    def receive(self, size):
        while len(self.read) < size:
            piece = self.socket.recv(1 << 16)
            if not piece:
                return None
            self.read += piece
        data, self.read = self.read[:size], self.read[size:]
        return data

    def take(self):
        """The next frame (type, flags, stream, content) that tells something, None at the end."""
        while head := self.receive(9):
            size, kind = int.from_bytes(head[:3], "big"), head[3]
            flags, stream = head[4], int.from_bytes(head[5:], "big")
            content = self.receive(size)
            if kind == SETTINGS and not flags & ACK:
                for at in range(0, size, 6):
                    name, value = struct.unpack(">HI", content[at : at + 6])
                    if name == 4:
                        self.first_window = value
                self.socket.sendall(frame(SETTINGS, ACK, 0))
            elif kind == WINDOW_UPDATE:
                more = int.from_bytes(content, "big")
                if stream:
                    self.own += more
                else:
                    self.window += more
            if kind in (SETTINGS, WINDOW_UPDATE, PING):
                return ()
            return kind, flags, stream, content
        return None

    def ask(self, method, path, more=(), body=b""):
        """The frames that come to a request, up to the end of its stream or of the connection."""
        stream, self.next = self.next, self.next + 2
        pairs = [(":method", method), (":scheme", "https"), (":path", path)]
        pairs += [(":authority", "example.org"), *more]
        if body:
            pairs.append(("content-length", str(len(body))))
        block = fields(pairs)
        pieces = [block[i : i + 16384] for i in range(0, len(block), 16384)]
        out = b""
        for i, piece in enumerate(pieces):
            flags = (END_HEADERS if i == len(pieces) - 1 else 0) | (
                END_STREAM if i == 0 and not body else 0
            )
            out += frame(HEADERS if i == 0 else 9, flags, stream, piece)
        self.own = self.first_window
        # A small body comes along at once: a server may answer before a later piece, or after it.
        sent = len(body) if len(body) <= 16384 else 0
        if sent:
            out += frame(DATA, END_STREAM, stream, body)
            self.window -= sent
        self.socket.sendall(out)
        return self.rest_of(stream, body, sent)

    def rest_of(self, stream, body, sent):
        """Sends the rest of the body as far as it is wanted and takes what comes."""
        frames = []
        while True:
            room = min(self.window, self.own, 16384, len(body) - sent)
            if room > 0 and not frames:
                piece = body[sent : sent + room]
                sent += room
                self.window -= room
                self.own -= room
                is_last = sent == len(body)
                try:
                    self.socket.sendall(frame(DATA, END_STREAM if is_last else 0, stream, piece))
                except OSError:
                    pass
                if sent < len(body) and not self.is_waiting():
                    continue
            try:
                one = self.take()
            except (ConnectionResetError, ssl.SSLError):
                one = None
            if one is None:
                return [*frames, "the end"]
            if one == ():
                continue
            frames.append(one)
            kind, flags, of, _ = one
            if of == stream and (kind == RST_STREAM or flags & END_STREAM and kind <= HEADERS):
                return frames
            if kind == GOAWAY:
                return frames

    def is_waiting(self):
        """Whether something has come already."""
        if self.read or self.tls and self.socket.pending():
            return True
        self.socket.settimeout(0)
        try:
            piece = self.socket.recv(1 << 16)
            self.read += piece
            return True
        except (ssl.SSLWantReadError, BlockingIOError):
            return False
        finally:
            self.socket.settimeout(LIMIT)
