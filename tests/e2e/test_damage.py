"""A snapshot or cache with a wrong byte: never a wrong answer, and the next compile heals it."""

import os
import random
import shutil
import socket
import subprocess

import fcgi
from polls import Poll
from support import LIMIT, MINIMAL_LINK, SIGNPOST, UNKNOWN, UUID, GitRegistry, TestCase, until

SNAPSHOT, CACHE = "snapshot-4.cdb", "cache"
EXPIRED = "8f3c5d1e-6324-4d53-ad4f-8cda48b30813"
TOC, FOOTER = 2048, 2088
LINK = MINIMAL_LINK.encode()


class Damage(TestCase):
    def setUp(self):
        super().setUp()
        self.seed = random.randrange(1 << 32)
        random.seed(self.seed)
        self.registry = GitRegistry(self.registry.path).init().minimal()
        self.registry.user(8, expires="2020-01-01")
        self.registry.device(EXPIRED, user_id=8)
        self.commits = {"phone": self.registry.commit()}
        self.compile()
        self.snapshot, self.cache = self.state / SNAPSHOT, self.state / CACHE
        self.whole = self.snapshot.read_bytes()

    def replace(self, file, content):
        new = self.dir / "replacement"
        new.write_bytes(content)
        shutil.copymode(file, new)
        new.replace(file)

    def spoil(self, file, whole, offset):
        """Puts a copy in place that has another byte at the offset; returns what to tell of it."""
        byte = whole[offset] ^ random.randint(1, 255)
        self.replace(file, whole[:offset] + bytes([byte]) + whole[offset + 1 :])
        return f"seed {self.seed}: byte {offset} is {byte}"

    def regions(self, count):
        """Offsets spread over each part of the snapshot: its index, records, tables, footer."""
        start = int.from_bytes(self.whole[:4], "little")
        bounds = [0, TOC, start, len(self.whole) - FOOTER, len(self.whole)]
        found = []
        for first, last in zip(bounds, bounds[1:]):
            self.assertLess(first, last)
            found += random.sample(range(first, last), min(count, last - first))
        return found


class Snapshot(Damage):
    def setUp(self):
        super().setUp()
        self.poll = Poll(self.dir, self.state)
        self.addCleanup(self.poll.close)

    def test_every_byte(self):
        """The device gets its link or an outage, never a 404; nobody else gets anything."""
        answers = {200: 0, 503: 0}
        for offset in range(len(self.whole)):
            what = self.spoil(self.snapshot, self.whole, offset)
            reply = self.poll.ask(UUID)
            self.assertIn((reply.status, reply.body), ((200, LINK), (503, b"")), what)
            answers[reply.status] += 1
            # The unit test asks for everybody after every byte.
            if offset % 16 == 0:
                for uuid in (UNKNOWN, EXPIRED):
                    self.assertIn(self.poll.ask(uuid).status, (404, 503), what)
        # What the answer is made of is most of the file, but not all.
        self.assertGreater(answers[503], TOC + FOOTER)
        self.assertGreater(answers[200], 0)

    def test_misses_are_one_outage(self):
        """Also those that the damaged table is not asked for, from the first on."""
        paths = [f"/{UNKNOWN}", f"/{EXPIRED}", "/nothing/here", "/", "/" + "A" * 22]
        hits = 0
        tables = [int.from_bytes(self.whole[8 * i : 8 * i + 4], "little") for i in range(256)]
        sizes = [int.from_bytes(self.whole[8 * i + 4 : 8 * i + 8], "little") for i in range(256)]
        for table in (table for table, size in zip(tables, sizes) if size > 0):
            what = self.spoil(self.snapshot, self.whole, table + 1)
            responder = self.responder()
            random.shuffle(paths)
            for path in paths:
                self.assertEqual(503, fcgi.ask(responder.path, path).status, (what, path))
            hits += fcgi.ask(responder.path, f"/{UUID}").status == 200
            self.assertEqual(0, responder.stop())
            self.assertIn("damaged", responder.said())
        self.assertGreater(hits, 0)

    def test_every_length(self):
        for length in random.sample(range(len(self.whole)), 100):
            self.replace(self.snapshot, self.whole[:length])
            self.assertEqual(503, self.poll.ask(UUID).status, f"{length} bytes")

    def test_compile_makes_it_whole(self):
        for offset in self.regions(12):
            what = self.spoil(self.snapshot, self.whole, offset)
            run = self.compile()
            self.assertIn("signpost: compiled ", run.stderr, what)
            self.assertEqual(self.whole, self.snapshot.read_bytes(), what)
        for content in (b"", self.whole[:-1], self.whole + b"\0", self.whole * 2, b"\0" * 9000):
            self.replace(self.snapshot, content)
            self.compile()
            self.assertEqual(self.whole, self.snapshot.read_bytes())
        self.assertIn("in service already", self.compile().stderr)

    def test_the_refresher_makes_it_whole(self):
        """By itself where opening it tells, else as soon as somebody was answered 503 for it."""
        responder = self.responder(refresh=True)
        wanted = {UUID: (200, 503), UNKNOWN: (404, 503), EXPIRED: (404, 503)}

        def is_whole(offset):
            for uuid in wanted if TOC <= offset < len(self.whole) - FOOTER else ():
                self.assertIn(fcgi.ask(responder.path, f"/{uuid}").status, wanted[uuid], offset)
            return self.snapshot.read_bytes() == self.whole

        for offset in [0, TOC - 1, *self.record_of(UUID), *self.record_of(EXPIRED), *self.end()]:
            what = self.spoil(self.snapshot, self.whole, offset)
            until(lambda at=offset: is_whole(at), what)
        until(lambda: fcgi.ask(responder.path, f"/{UUID}").status == 200, "the link")

    def record_of(self, uuid):
        """The offsets of a byte of its key and of one of its value."""
        at = self.whole.index(bytes.fromhex(uuid.replace("-", "")))
        return at + 5, at + 30

    def end(self):
        return len(self.whole) - FOOTER, len(self.whole) - 1

    def test_other_formats_are_left_alone(self):
        others = [self.state / f"snapshot-{n}.cdb" for n in (0, 1, 10)]
        others += [self.state / name for name in ("snapshot-2.cdb.old", "snapshot.cdb", "notes")]
        for number, other in enumerate(others):
            other.write_bytes(self.whole if number % 2 else os.urandom(100))
        before = [(o.read_bytes(), o.stat().st_mtime_ns, o.stat().st_ino) for o in others]
        responder = self.responder(refresh=True)
        for name in ("laptop", "phone"):
            self.registry.device(device=name)
            self.registry.commit()
            self.compile()
            wanted = LINK.replace(b"#phone", b"#" + name.encode())
            until(
                lambda: fcgi.ask(responder.path, f"/{UUID}", query="format=links").body == wanted,
                "the new link",
            )
        after = [(o.read_bytes(), o.stat().st_mtime_ns, o.stat().st_ino) for o in others]
        self.assertEqual(before, after)
        # Another format alone is none at all.
        self.snapshot.unlink()
        self.assertEqual(503, self.poll.ask(UUID).status)


class Cache(Damage):
    """Whatever is wrong with the cache, the next commit is compiled as if there were none."""

    def setUp(self):
        super().setUp()
        self.registry.device(device="laptop")
        self.registry.node("198.51.100.10", location="Paris")
        self.commits["laptop"] = self.registry.commit()
        self.wanted, self.caches = {}, {}
        for name in ("laptop", "phone"):
            self.go_to(name)
            other = self.dir / name
            env = dict(self.environment, SIGNPOST_STATE=str(other))
            self.signpost("compile", env=env, check=0)
            self.wanted[name] = (other / SNAPSHOT).read_bytes()
            self.caches[name] = (other / CACHE).read_bytes()
        self.name = "phone"
        self.assertEqual(self.whole, self.wanted["phone"])

    def go_to(self, name):
        self.registry.git("update-ref", "--no-deref", "HEAD", self.commits[name])

    def assert_no_matter(self, what):
        """The other commit is compiled; all files come out as those of a first compile."""
        self.name = {"phone": "laptop", "laptop": "phone"}[self.name]
        self.go_to(self.name)
        run = self.signpost("compile")
        self.assertEqual((0, ""), (run.returncode, run.stdout), f"{what}: {run.stderr}")
        self.assertIn(f"signpost: compiled {self.commits[self.name]}: ", run.stderr, what)
        self.assertEqual(self.wanted[self.name], self.snapshot.read_bytes(), what)
        self.assertEqual(self.caches[self.name], self.cache.read_bytes(), what)
        self.assertEqual(0o600, self.cache.stat().st_mode & 0o777, what)
        self.assertEqual([], list(self.state.glob("*.tmp")), what)

    def test_bytes(self):
        size = len(self.cache.read_bytes())
        for offset in [*range(28), *range(28, size, size // 40), size - 1]:
            whole = self.cache.read_bytes()
            if offset < len(whole):
                self.assert_no_matter(self.spoil(self.cache, whole, offset))

    def test_lengths(self):
        for length in (0, 1, 8, 23, 24, 25, 100, -100, -1):
            self.replace(self.cache, self.cache.read_bytes()[:length])
            self.assert_no_matter(f"{length} bytes")
        self.replace(self.cache, self.cache.read_bytes() + b"\0")
        self.assert_no_matter("a byte more")
        self.cache.unlink()
        self.assert_no_matter("none")

    def test_of_another_registry(self):
        """Also where it holds records of the same names, which then do not count as known."""
        other = GitRegistry(self.dir / "elsewhere").init().minimal()
        other.device(device="stranger")
        for number in range(30):
            other.device(f"00000000-0000-4000-8000-{number:012}", device="stranger")
        other.commit()
        state = self.dir / "elsewhere-state"
        env = dict(self.environment, SIGNPOST_DATA=str(other.path), SIGNPOST_STATE=str(state))
        self.signpost("compile", env=env, check=0)
        self.replace(self.cache, (state / CACHE).read_bytes())
        self.assert_no_matter("of another checkout")
        # The same files, but not by git.
        shutil.rmtree(other.path / ".git")
        self.signpost("compile", env=env, check=0)
        self.replace(self.cache, (state / CACHE).read_bytes())
        self.assert_no_matter("of plain files")
        self.replace(self.cache, self.snapshot.read_bytes())
        self.assert_no_matter("a snapshot")

    def test_of_a_commit_that_is_gone(self):
        """What is known is known of a commit that was pruned, as after a forced push."""
        self.registry.device(device="lost")
        self.registry.commit()
        self.compile()
        self.go_to("phone")
        self.registry.git("reset", "-q", "--hard")
        for ref in self.registry.git("for-each-ref", "--format=%(refname)").split():
            self.registry.git("update-ref", "-d", ref)
        self.registry.git("branch", "kept", self.commits["laptop"])
        self.registry.git("reflog", "expire", "--expire=now", "--all")
        self.registry.git("gc", "-q", "--prune=now")
        self.name = "phone"
        self.assert_no_matter("of a commit that is gone")

    def test_not_a_plain_file(self):
        outside = self.dir / "outside"
        outside.write_bytes(self.cache.read_bytes())
        self.cache.unlink()
        self.cache.symlink_to(outside)
        before = outside.read_bytes()
        self.assert_no_matter("a symbolic link")
        self.assertEqual(before, outside.read_bytes())
        self.cache.unlink()
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(self.cache))
        self.assert_no_matter("a socket")

    def test_a_pipe_does_not_stop_it(self):
        self.cache.unlink()
        os.mkfifo(self.cache)
        self.go_to("laptop")
        process = self.start(SIGNPOST, "compile")
        try:
            self.assertEqual(0, process.popen.wait(LIMIT))
        except subprocess.TimeoutExpired:
            self.fail("it waits for somebody to write, and holds the lock")
        self.assertEqual(self.wanted["laptop"], self.snapshot.read_bytes())

    def test_a_directory_is_named(self):
        self.cache.unlink()
        self.cache.mkdir()
        self.go_to("laptop")
        run = self.signpost("compile")
        self.assertIn(f"{self.cache}: Is a directory", run.stderr)
        self.assertEqual([], list(self.state.glob("*.tmp")))
        self.cache.rmdir()
        self.name = "laptop"
        self.assert_no_matter("none")
