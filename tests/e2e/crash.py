"""A checkout between two commits, whose compile is disturbed, and what may come of that."""

import ctypes
import json
import os
import random
import select
import struct
import time

import fcgi
from polls import Poll
from support import LIMIT, UUID, GitRegistry, TestCase

DEVICES = 60
SNAPSHOT, CACHE, STATUS = "snapshot-4.cdb", "cache", "status.json"


class Events:
    """What happens to the files of a directory (inotify(7)), one event after the other."""

    CREATE, MODIFY, CLOSE_WRITE, MOVED_TO, DELETE = 0x100, 0x2, 0x8, 0x80, 0x200

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        mask = self.CREATE | self.MODIFY | self.CLOSE_WRITE | self.MOVED_TO | self.DELETE
        if libc.inotify_add_watch(self.fd, os.fsencode(path), mask) < 0:
            raise OSError(ctypes.get_errno(), "inotify", str(path))

    def __enter__(self):
        return self

    def __exit__(self, *args):
        os.close(self.fd)

    def wait(self, count, seconds=LIMIT):
        """Whether that many happen within so many seconds."""
        end = time.monotonic() + seconds
        while count > 0:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                return False
            data, at = os.read(self.fd, 65536), 0
            while at < len(data):
                at += 16 + struct.unpack_from("iIII", data, at)[3]
                count -= 1
        return True


class Crash(TestCase):
    """A checkout that goes to and fro between two commits, and all that each may bring about."""

    def setUp(self):
        super().setUp()
        self.seed = random.randrange(1 << 32)
        random.seed(self.seed)
        self.registry = GitRegistry(self.registry.path).init()
        self.poll = Poll(self.dir, self.state)
        self.addCleanup(self.poll.close)
        self.names = []
        self.commits = {name: self.make(name) for name in ("old", "new")}
        self.bytes, self.bodies = {}, {}
        for name in ("new", "old"):
            self.go_to(name)
            self.compile()
            self.bytes[name] = (self.state / SNAPSHOT).read_bytes()
            self.bodies[name] = self.poll.ask(UUID).body
            self.assertIn(f"#{name}".encode(), self.bodies[name])
        self.served = "old"

    def make(self, name):
        self.registry.minimal()
        self.registry.device(device=name)
        for i in range(DEVICES):
            uuid = f"00000000-0000-4000-8000-{i:012}"
            self.registry.device(uuid, device=f"{name}{i}", user_id=7)
        return self.registry.commit()

    def go_to(self, name):
        """Moves HEAD alone, which is quick; nobody looks at the files."""
        self.registry.git("update-ref", "--no-deref", "HEAD", self.commits[name])

    def turn(self):
        """HEAD moves to the commit that is not compiled; returns its name."""
        name = {"old": "new", "new": "old"}[self.served]
        self.go_to(name)
        return name

    @staticmethod
    def body(responder):
        return fcgi.ask(responder.path, f"/{UUID}", query="format=links").body

    def now_served(self):
        """The name of what a new process answers: one of the two, whole."""
        reply = self.poll.ask(UUID)
        self.assertEqual(200, reply.status, f"seed {self.seed}: {reply.stdout}")
        (name,) = [n for n, body in self.bodies.items() if body == reply.body]
        content = (self.state / SNAPSHOT).read_bytes()
        self.assertEqual(self.bytes[name], content, f"seed {self.seed}")
        return name

    def left(self):
        return sorted(file.name for file in self.state.glob("*.tmp"))

    def assert_repaired(self, name):
        """All is there and as a pass that was never disturbed leaves it."""
        self.assertEqual((name, []), (self.now_served(), self.left()))
        status = json.loads((self.state / STATUS).read_text())
        wanted = (self.commits[name], None, None)
        self.assertEqual(wanted, (status["version"], status["failure"], status["waiting"]))
        self.served = name
