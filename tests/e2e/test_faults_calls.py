"""System calls that fail or are interrupted: compiles, the watcher, the responder.

FAULTS_ALL=1 in the environment: each call of a kind, not one of a few.
"""

import errno
import itertools
import json
import os
import resource

import fcgi
from faults import ALWAYS, Faults, end_of, where_preloading_works
from processes import children
from support import SIGNPOST, UUID, GitRegistry, TestCase, until

SNAPSHOT = "snapshot-4.cdb"
ALL = bool(os.environ.get("FAULTS_ALL"))
FAILING = {
    "open": (errno.EMFILE, errno.ENFILE),
    "read": (errno.EIO,),
    "write": (errno.ENOSPC, errno.EIO),
    "fsync": (errno.EIO, errno.ENOSPC),
    "rename": (errno.ENOSPC, errno.EIO),
    "mmap": (errno.ENOMEM,),
}
STORM = 300  # microseconds


class Calls(TestCase):
    def setUp(self):
        super().setUp()
        self.faults = Faults(self.dir / "faults")
        self.addCleanup(self.faults.close)
        # So far ahead that no file was written a moment ago.
        self.faults["clock"] = 10
        self.quiet = dict(self.environment, **self.faults.environment("none"))
        self.registry.minimal()

    def snapshot(self):
        return (self.state / SNAPSHOT).read_bytes()

    def links(self, path):
        return fcgi.ask(path, f"/{UUID}", query="format=links").body


@where_preloading_works
class Compile(Calls):
    """Between two registries, to and fro: what lies there is one of their two snapshots."""

    def setUp(self):
        super().setUp()
        self.environment.update(self.faults.environment("signpost"))
        self.whole = {}
        for name in ("new", "old"):
            self.change_to(name)
            self.compile()
            self.whole[name] = self.snapshot()
        self.serves = self.now = "old"

    def change_to(self, name):
        self.registry.device(device=name)
        self.registry.domain(location=name)

    def next(self):
        self.was, self.serves = self.now, {"old": "new", "new": "old"}[self.serves]
        self.change_to(self.serves)

    def run_once(self, what):
        status, _, said = end_of([SIGNPOST, "compile"], self.environment)
        self.assertIn(status, (0, 1, 2), f"{what}: {status}, {said}")
        if status == 1 and f"json: error: {os.strerror(errno.EIO)}" in said:
            return status  # the record's own trouble: its last good version is served
        now = self.snapshot()
        # The next one knows nothing of a rename that could not be synced, nor need it.
        self.assertEqual(self.whole[self.was if status == 2 else self.serves], now, f"{what}: {said}")
        self.assertTrue(said, what)
        self.now = self.was if status == 2 else self.serves
        return status

    def assert_repaired(self, what):
        self.faults.stop()
        self.compile()
        self.assertEqual(self.whole[self.serves], self.snapshot(), what)
        self.now = self.serves
        status = json.loads((self.state / "status.json").read_text())
        self.assertEqual((None, 0), (status["failure"], status["errors"]), what)
        self.assertEqual([], list(self.state.glob("*.tmp")), what)

    def test_each_call_that_fails(self):
        for kind, codes in FAILING.items():
            ends = set()
            for code, times in itertools.product(codes, (1, ALWAYS)):
                if not ALL and (code != codes[0] and times == ALWAYS):
                    continue
                for number in itertools.count(1, 1 if ALL or kind in ("fsync", "rename") else 3):
                    what = f"{kind} {number}, {os.strerror(code)}"
                    self.next()
                    self.faults.fail(kind, number, times, code)
                    ends.add(self.run_once(what))
                    failed = self.faults["failed"]
                    self.assert_repaired(what)
                    if failed == 0:
                        break
            self.assertIn(0, ends, kind)
            self.assertIn(2, ends, kind)

    def test_what_cannot_be_opened_for_want_of_descriptors_is_not_bad(self):
        """The record that is: its last good version would be served, and nobody would look again."""
        for number in itertools.count(1):
            self.registry.device(status="blocked", device=f"d{number}")
            self.faults.fail("open", number, 1, errno.EMFILE)
            status, _, said = end_of([SIGNPOST, "compile"], self.environment)
            failed = self.faults["failed"]
            self.faults.stop()
            self.assertNotIn("devices/8f3c5d1e.json: error", said, f"open {number}")
            if failed == 0:
                break

    def test_a_storm_of_signals(self):
        self.environment.update(self.faults.environment("signpost", storm=STORM))
        for _ in range(5):
            self.next()
            self.assertIn(self.run_once("a storm"), self.ends_in_a_storm)
        self.assertGreater(self.faults["caught"], 5)
        self.environment.update(self.faults.environment("signpost"))
        self.environment.pop("FAULTS_STORM")
        self.assert_repaired("a storm")

    ends_in_a_storm = (0,)


@where_preloading_works
class CompileGit(Compile if Compile else object):
    def setUp(self):
        self.commits = {}
        super().setUp()

    def change_to(self, name):
        if not self.commits:
            self.registry = GitRegistry(self.registry.path).init()
        super().change_to(name)
        if name not in self.commits:
            self.commits[name] = self.registry.commit()
        self.registry.git("update-ref", "--no-deref", "HEAD", self.commits[name])

    # git opens the records.
    test_what_cannot_be_opened_for_want_of_descriptors_is_not_bad = None

    # stdio gives up in one; no signal of ours is caught so.
    ends_in_a_storm = (0, 2)


@where_preloading_works
class Watcher(Calls):
    """It says what fails, lives, and serves the change when nothing fails any more."""

    def setUp(self):
        super().setUp()
        self.compile()
        self.process = self.responder()

    def watch(self, storm=0):
        environment = dict(self.environment, **self.faults.environment("signpost", storm))
        return self.start(SIGNPOST, "compile", "--watch", env=environment, name="watcher")

    def assert_arrives(self, name):
        self.registry.device(device=name)
        until(lambda: f"#{name}".encode() in self.links(self.process.path), "the change")

    def test_what_fails_for_a_while(self):
        watcher = self.watch()
        self.assert_arrives("first")
        for number, (kind, code) in enumerate(
            (("rename", errno.ENOSPC), ("open", errno.EMFILE), ("alloc", errno.ENOMEM))
        ):
            before = self.links(self.process.path)
            self.faults.fail(kind, 1, ALWAYS, code)
            self.registry.device(device=f"d{number}")
            until(lambda: self.faults["failed"] > 0, kind)
            self.assertEqual(before, self.links(self.process.path))
            self.faults.stop()
            self.assert_arrives(f"e{number}")
            self.assertTrue(watcher.is_alive(), watcher.said())

    def test_a_storm_of_signals(self):
        watcher = self.watch(storm=STORM)
        for number in range(2):
            self.assert_arrives(f"d{number}")
        until(lambda: self.faults["caught"] > 1000, "a storm")
        self.assertTrue(watcher.is_alive(), watcher.said())


@where_preloading_works
class Responder(Calls):
    def setUp(self):
        super().setUp()
        self.compile()

    def serve(self, storm=0, **kwargs):
        environment = dict(self.environment, **self.faults.environment("signpost.fcgi", storm))
        return self.responder(env=environment, **kwargs)

    def test_accept_that_fails(self):
        process = self.serve()
        good = self.links(process.path)
        for code in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EINTR,
                     errno.ECONNABORTED, errno.EAGAIN):  # fmt: skip
            for times in (1, 3):
                self.faults.fail("accept", 1, times, code)
                self.assertEqual(good, self.links(process.path), os.strerror(code))
        self.assertEqual("", process.said())

    def test_a_snapshot_that_cannot_be_opened_for_a_while(self):
        process = self.serve()
        for number, kind in enumerate(("open", "mmap")):
            before = self.links(process.path)
            self.faults.fail(kind, 1, ALWAYS, errno.EMFILE if kind == "open" else errno.ENOMEM)
            self.registry.device(device=f"d{number}")
            self.compile()

            def is_seen(before=before):
                self.assertEqual(before, self.links(process.path))
                return self.faults["failed"] > 1

            until(is_seen, "a look")
            self.faults.stop()
            until(lambda name=f"#d{number}".encode(): name in self.links(process.path), "the new one")

    def test_drained_nodes_where_descriptors_have_run_out(self):
        """Connections have all of them: what changes is seen all the same."""
        for last in (22, 23):
            self.registry.route(entry=f"203.0.113.{last}")
            self.registry.domain(f"n{last}.example.org", f"203.0.113.{last}")
        self.compile()
        few = (40, 40)
        process = self.serve(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, few))
        clients = []
        for _ in range(60):
            clients.append(fcgi.Client(process.path))
            self.addCleanup(clients[-1].socket.close)
            reply = clients[-1].ask(f"/{UUID}", query="format=links")
        self.assertEqual(3, len(reply.body.split(b"\n")))
        part = self.state / "drained.part"
        part.write_text("203.0.113.22\n")
        part.rename(self.state / "drained")
        until(
            lambda: len(clients[-1].ask(f"/{UUID}", query="format=links").body.split(b"\n")) == 2,
            "one server less",
        )

    def test_a_storm_of_signals(self):
        process = self.serve(storm=STORM, refresh=True)
        good = self.links(process.path)
        for _ in range(300):
            self.assertEqual(good, self.links(process.path))
        with fcgi.Client(process.path) as kept:
            for _ in range(300):
                self.assertEqual(good, kept.ask(f"/{UUID}", query="format=links").body)
        self.assertGreater(self.faults["caught"], 50)
        self.assertTrue(children(process.pid, "signpost"))
        self.registry.device(device="changed")
        until(lambda: b"#changed" in self.links(process.path), "the change")
        self.assertEqual("", process.said())
