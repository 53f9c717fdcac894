"""Entry nodes that weigh next to nothing: hundreds of VLESS servers by plain TCP in one thread.

Each has an address of its own in 127.0.0.0/8, which connections of this machine do not start from:
nobody takes the port of one that is closed for a while. So has the target, which listens, too,
though a node answers for what it is asked for (by 128 KB for /large). What a node does is a word:

    alive    the target's answer, for the UUIDs that it knows
    closed   nobody listens
    silent   takes connections and says nothing
    strange  a web server, without VLESS
    reset    takes a request and resets the connection
    cut      lets in, but the target is not there: the connection ends without a byte
    choked   as alive, but after 16 KB of a flow no more comes
    open     as alive, and for any UUID
    once     the target: alive for one answer, then cut

`python3 entry.py UUID` is one node in a process of its own, which says where it listens.
"""

import asyncio
import collections
import os
import random
import resource
import socket
import struct
import sys
import threading
import time
import uuid

ANSWER = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 131072\r\nConnection: close\r\n\r\n" + bytes(131072)
NO_VLESS = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
DEATHS = ("closed", "silent", "strange", "reset")
BACKLOG = 1024


class Visit(asyncio.Protocol):
    """A connection to a node."""

    def __init__(self, node):
        self.node, self.bytes = node, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.bytes += data
        if b"\r\n\r\n" in self.bytes:
            self.answer()

    def answer(self):
        node, request = self.node, self.bytes
        who = str(uuid.UUID(bytes=request[1:17]))
        mode = node.mode_for.get(who, node.mode)
        is_let_in = request[0] == 0 and (who in node.fleet.uuids or mode == "open")
        node.visitors[who] += 1
        node.visits += 1
        if mode == "silent":
            return
        if mode == "reset":
            linger = struct.pack("ii", 1, 0)
            self.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
            self.transport.abort()
            return
        answer = LARGE if b" /large " in request else ANSWER
        if mode == "choked" and is_let_in:
            self.transport.write((b"\0\0" + answer)[: 16 * 1024])
            return
        if mode == "strange":
            self.transport.write(NO_VLESS)
        elif mode in ("alive", "open") and is_let_in:
            self.transport.write(b"\0\0" + answer)
        self.transport.close()


class Asked(Visit):
    """A connection to the target itself."""

    def answer(self):
        if self.node.mode == "silent":
            return
        if self.node.mode in ("alive", "once"):
            self.transport.write(ANSWER)
        if self.node.mode == "once":
            self.node.mode = "cut"
        self.transport.close()


class Node:
    def __init__(self, fleet, address, visit=Visit):
        self.fleet, self.address, self.visit = fleet, address, visit
        self.port = 0
        self.mode = "closed"
        self.mode_for = {}  # other modes, by the UUID of who asks
        self.visitors, self.visits = collections.Counter(), 0
        self.server = None

    @property
    def key(self):
        return f"{self.address}:{self.port}"

    @property
    def client(self):
        """The `client:` of its endpoint."""
        return {"address": self.address, "port": self.port, "type": "tcp", "security": "none"}

    def link(self, who):
        return f"vless://{who}@{self.key}?type=tcp&encryption=none&security=none"

    async def become(self, mode):
        if mode == "closed" and self.server is not None:
            self.server.close()
            self.server = None
        elif mode != "closed" and self.server is None:
            self.server = await asyncio.get_running_loop().create_server(
                lambda: self.visit(self), sock=self.listening(), backlog=BACKLOG
            )
        self.mode = mode

    def listening(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.address, self.port))
        self.port = listener.getsockname()[1]
        return listener


class Fleet:
    """Nodes and the target, all alive, from `with` until its end."""

    def __init__(self, count, *uuids):
        self.uuids = set(uuids)
        net = f"127.{random.randint(64, 127)}"
        self.nodes = [Node(self, f"{net}.{i // 250}.{i % 250 + 1}") for i in range(count)]
        self.target = Node(self, f"{net}.255.1", Asked)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.late = 0  # seconds: the longest that this machine has kept the thread from its work

    def __enter__(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)), hard))
        self.thread.start()
        self.loop.call_soon_threadsafe(self.beat, self.loop.time())
        self.set("alive", *self.nodes, self.target)
        return self

    def __exit__(self, *error):
        self.set("closed", *self.nodes, self.target)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.close()

    def beat(self, due):
        now = self.loop.time()
        self.late = max(self.late, now - due)
        self.loop.call_later(0.1, self.beat, now + 0.1)

    def set(self, mode, *nodes):
        """Makes nodes alive or whatever else; returns when that is so (time.monotonic)."""

        async def become():
            for node in nodes:
                await node.become(mode)

        asyncio.run_coroutine_threadsafe(become(), self.loop).result()
        return time.monotonic()

    def url(self, page="generate_204"):
        return f"http://{self.target.key}/{page}"


def main():
    with Fleet(1, *sys.argv[1:]) as fleet:
        print(fleet.nodes[0].key, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
    os._exit(0)
