"""What lies behind entry nodes, for real.py: a web server that is every one, and a name server."""

import contextlib
import http.client
import pathlib
import socket
import socketserver
import ssl
import threading
import uuid

from support import LIMIT

FAR = "203.0.113.99"  # any address that is not here


class Server:
    """A server of socketserver in a thread of its own, from `start` until `stop`."""

    allow_reuse_address = daemon_threads = True

    def start(self):
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        return self

    def stop(self):
        self.shutdown()
        self.thread.join()
        self.server_close()

    def handle_error(self, request, client_address):
        pass


class Web(Server, socketserver.ThreadingTCPServer):
    """Answers every HTTP request with the token, over TLS if it begins so.

    It is the name server of afar as well (RFC 8484), to whom every name has the address FAR.
    """

    def __init__(self, certificate, key):
        super().__init__(("127.0.0.1", 0), None)
        self.port = self.server_address[1]
        self.token = uuid.uuid4().hex
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)

    def finish_request(self, request, client_address):
        with contextlib.suppress(OSError):
            request.settimeout(LIMIT)
            if request.recv(1, socket.MSG_PEEK) == b"\x16":
                request = self.tls.wrap_socket(request, server_side=True)
            with contextlib.closing(request), request.makefile("rwb") as stream:
                stream.write(self.answer(stream))

    def answer(self, stream):
        line = stream.readline()
        headers = http.client.parse_headers(stream)
        sent = stream.read(int(headers.get("Content-Length", 0)))
        status, kind, body = "200 OK", "text/plain", self.token.encode()
        if b"generate_204" in line:
            status, body = "204 No Content", b""
        elif b"dns-query" in line:
            kind, body = "application/dns-message", resolved(sent, FAR)
        length = "" if status.startswith("204") else f"Content-Length: {len(body)}\r\n"
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{length}Connection: close\r\n\r\n"
        return head.encode() + (b"" if line.startswith(b"HEAD") else body)


class Names(Server, socketserver.ThreadingUDPServer):
    """The name server of this place, to whom every name has the address 127.0.0.1."""

    def finish_request(self, request, client_address):
        query, sock = request
        sock.sendto(resolved(query, "127.0.0.1"), client_address)


def question(name):
    """A question to a name server for a name's address (RFC 1035)."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"


def resolved(query, address):
    """The answer to a question: this address, if it asks for one of IPv4, else none."""
    asked = query[12 : query.index(b"\0", 12) + 5]
    answer = b""
    if asked[-4:-2] == b"\0\1":
        answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(address)
    counts = b"\0\1" + (b"\0\1" if answer else b"\0\0") + bytes(4)
    return query[:2] + b"\x81\x80" + counts + asked + answer


def name_server():
    """The first IPv4 address that this system asks for names."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path("/etc/resolv.conf").read_text().splitlines():
            words = line.split()
            if len(words) > 1 and words[0] == "nameserver" and ":" not in words[1]:
                return words[1]
    return "127.0.0.1"
