"""Plain CGI without any daemon: those who poll keep the snapshot fresh, and never wait for it."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
import time

from processes import descriptors, processes
from support import LIMIT, MINIMAL_LINK, RESPONDER, SIGNPOST, UNKNOWN, UUID, TestCase, until

OK = "Status: 200 OK\r\n"
BACKGROUND = "compile --background"


class Cgi(TestCase):
    """The command beside the responder tells of each of its starts."""

    def setUp(self):
        super().setUp()
        self.registry.minimal()
        self.log = self.dir / "starts"
        self.log.touch()
        self.log.chmod(0o666)
        place = self.dir / "bin"
        place.mkdir()
        self.program = pathlib.Path(shutil.copy(RESPONDER, place))
        shutil.copy(SIGNPOST, place / "real")
        script = f'#!/bin/sh\necho "$*" >>"{self.log}"\nexec "{place}/real" "$@"\n'
        (place / "signpost").write_text(script)
        (place / "signpost").chmod(0o755)
        self.addCleanup(lambda: until(lambda: not self.running(), "the end of what was started"))

    def starts(self):
        return self.log.read_text().splitlines()

    def running(self):
        """The commands that were started here. While one is exchanged for another, by exec, it has
        no command line for a moment, and is then known by its file."""
        found, place = [], str(self.program.parent)
        for pid in processes():
            with contextlib.suppress(OSError):
                line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
                is_ours = f"{place}/signpost\0".encode() in line
                if is_ours or os.readlink(f"/proc/{pid}/exe") == f"{place}/real":
                    found.append(pid)
        return found

    def begin(self, uuid=UUID, **kwargs):
        request = {"REQUEST_METHOD": "GET", "PATH_INFO": f"/{uuid}", "QUERY_STRING": "format=links"}
        return subprocess.Popen(
            [self.program],
            env={**self.environment, **request, "GATEWAY_INTERFACE": "CGI/1.1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.dir,
            **kwargs,
        )

    def end(self, process):
        """What it says up to the end of its output and of its errors."""
        out, self.errors = process.communicate(timeout=LIMIT)
        self.assertEqual(0, process.returncode)
        return out.decode()

    def ask(self, *args, **kwargs):
        return self.end(self.begin(*args, **kwargs))

    def make_due(self, when=0):
        os.utime(self.state / "looked", (when, when))

    def put_off(self):
        """Nobody need look for a while."""
        now = time.time()
        os.utime(self.state / "looked", (now, now + 600))

    def due_after(self, since):
        """How many seconds after that moment somebody is to look again."""
        return (self.state / "looked").stat().st_mtime - since

    def assert_given(self, said, link=MINIMAL_LINK):
        self.assertTrue(said.startswith(OK) and said.endswith("\r\n\r\n" + link), said)

    def hold(self):
        """Keeps every compile waiting until this is closed."""
        lock = open(self.state / "lock", "r+b")
        self.addCleanup(lock.close)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return lock


class FirstSnapshot(Cgi):
    def test_it_is_waited_for(self):
        began = time.time()
        self.assert_given(self.ask())
        self.assertEqual(["compile"], self.starts())
        self.assertEqual(b"", self.errors)  # nothing was wrong
        self.assertGreater(self.due_after(began), 1)
        self.put_off()
        self.assert_given(self.ask())
        self.assertEqual(["compile"], self.starts())  # it is fresh

    def test_a_miss_waits_as_well(self):
        self.assertTrue(self.ask(UNKNOWN).startswith("Status: 404 "))
        self.assert_given(self.ask())

    def test_several_at_once(self):
        processes = [self.begin(UUID if n % 2 else UNKNOWN) for n in range(8)]
        for n, process in enumerate(processes):
            said = self.end(process)
            if n % 2:
                self.assert_given(said)
            else:
                self.assertTrue(said.startswith("Status: 404 "), said)
        # On a slow machine the last of them may come when somebody is to look again.
        self.assertEqual("compile", self.starts()[0])
        self.assertLessEqual(set(self.starts()), {"compile", BACKGROUND})

    def test_one_that_cannot_be_made(self):
        shutil.rmtree(self.registry.path)
        self.assertTrue(self.ask().startswith("Status: 503 "))
        self.registry.minimal()
        self.assert_given(self.ask())

    def test_one_that_cannot_be_opened(self):
        self.compile()
        (snapshot,) = self.state.glob("*.cdb")
        snapshot.write_bytes(snapshot.read_bytes()[:-1])
        self.assert_given(self.ask())


class Stale(Cgi):
    def setUp(self):
        super().setUp()
        began = time.time()
        self.compile()
        self.assertGreater(self.due_after(began), 1)

    def change(self):
        self.registry.device(device="tablet")
        self.changed = MINIMAL_LINK.replace("#phone", "#tablet")

    def test_a_change_arrives(self):
        self.change()
        self.put_off()
        self.assert_given(self.ask())  # not due: nobody looks
        self.assertEqual([], self.starts())
        self.make_due()
        self.assertTrue(self.ask().startswith(OK))
        until(lambda: self.ask().endswith(self.changed), "the new links")
        self.assertEqual([BACKGROUND], self.starts()[:1])

    def test_any_poll_brings_it(self):
        self.change()
        self.make_due()
        self.assertTrue(self.ask(UNKNOWN).startswith("Status: 404 "))
        until(lambda: self.poll().endswith(self.changed), "the new links")

    def test_a_clock_that_was_set_back(self):
        self.change()
        self.make_due(time.time() + 2 * 24 * 3600)
        self.ask()
        until(lambda: self.poll().endswith(self.changed), "the new links")

    def test_nobody_waits_for_it(self):
        """Output and errors end while it still runs, and it holds nothing of its parent's."""
        lock = self.hold()
        self.change()
        self.make_due()
        reading, writing = os.pipe()
        with open(reading, "rb") as ours:
            with open(writing, "wb"):
                self.assert_given(self.ask(pass_fds=[writing]))
            (pid,) = until(self.running, "the background compile")
            self.assertEqual(b"", ours.read())
        place = str(self.state) + "/"
        # It has started, and waits.
        until(lambda: f"{place}lock" in descriptors(pid).values(), "its wait")
        held = descriptors(pid)
        self.assertEqual(["/dev/null"] * 3, [held.pop(fd) for fd in range(3)])
        self.assertEqual([], [what for what in held.values() if not what.startswith(place)])
        self.assertEqual(pid, os.getsid(pid))
        self.assert_given(self.ask())
        lock.close()
        until(lambda: self.poll().endswith(self.changed), "the new links")
        until(lambda: not self.running(), "its end")

    def test_one_at_a_time(self):
        lock = self.hold()
        self.make_due()
        self.ask()
        (first,) = until(self.running, "the background compile")
        until(lambda: str(self.state / "lock") in descriptors(first).values(), "its wait")
        for _ in range(3):
            self.make_due()
            began = time.time()
            self.assert_given(self.ask())
            until(lambda: self.running() == [first], "the end of the other")
            self.assertGreater(self.due_after(began), 1)
        self.change()
        lock.close()
        until(lambda: not self.running(), "its end")
        self.make_due()
        self.ask()
        until(lambda: self.poll().endswith(self.changed), "the new links")

    def test_many_polls_start_few(self):
        self.make_due()
        for process in [self.begin() for _ in range(12)]:
            self.assert_given(self.end(process))
        until(lambda: self.starts() and not self.running(), "the background compile")
        self.assertLess(len(self.starts()), 6)

    def test_where_somebody_watches(self):
        self.start(SIGNPOST, "compile", "--watch", name="watch")
        self.change()
        until(lambda: self.poll().endswith(self.changed), "the watcher's work")
        self.make_due()
        began = time.time()
        self.assert_given(self.ask(), self.changed)
        until(lambda: self.due_after(began) > 30, "its notice")
        for _ in range(3):
            self.assert_given(self.ask(), self.changed)
        self.assertEqual([BACKGROUND], self.starts())

    def test_none_without_need(self):
        self.make_due()
        with_data = dict(self.environment)
        del self.environment["SIGNPOST_DATA"]
        self.assert_given(self.ask())
        self.environment = with_data
        self.settings("refresh: off\n")
        self.assert_given(self.ask())
        self.assertEqual((0, []), ((self.state / "looked").stat().st_mtime, self.starts()))

    def test_a_registry_that_is_away(self):
        self.registry.path.rename(self.dir / "away")
        self.make_due()
        self.assert_given(self.ask())
        until(lambda: self.starts() and not self.running(), "the background compile")
        self.assert_given(self.ask())
        self.assertIn("No such file", self.status(1)["last_compile"]["failure"])

    def test_a_damaged_record(self):
        """Found by a poll, it is compiled anew: no daemon is there who would see to it."""
        (snapshot,) = self.state.glob("*.cdb")
        whole = snapshot.read_bytes()
        snapshot.write_bytes(whole.replace(b"@shop.example.org", b"@zhop.example.org", 1))
        self.make_due()
        self.assertTrue(self.ask().startswith("Status: 503 "))
        until(lambda: self.starts() and not self.running(), "the background compile")
        self.assert_given(self.poll())


class WithoutRights(Cgi):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("needs root, to start programs as somebody else")
        self.nobody = self.as_nobody()

    def test_a_state_directory_that_cannot_be_written(self):
        self.compile()
        self.state.chmod(0o755)
        for file in self.state.iterdir():
            file.chmod(0o644)
        self.make_due()
        self.assert_given(self.ask(**self.nobody))
        self.assertEqual(b"", self.errors)
        (self.state / "looked").unlink()
        self.assert_given(self.ask(**self.nobody))
        self.assertEqual(([], False), (self.starts(), (self.state / "looked").exists()))

    def test_nor_a_first_snapshot_made(self):
        self.state.mkdir(mode=0o755)
        self.assertTrue(self.ask(**self.nobody).startswith("Status: 503 "))
        self.assertEqual([], list(self.state.iterdir()))
