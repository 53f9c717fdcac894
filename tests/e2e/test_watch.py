"""The watcher outlives whatever happens to a single compile."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import signal

from processes import children
from support import SIGNPOST, GitRegistry, TestCase, until

# Stands where git does; stops before it reads objects as long as the file `hold` is there.
GIT = """#!/bin/sh
case " $* " in
*" ls-tree "* | *" diff-tree "*) [ ! -e {hold} ] || read -r line <{fifo} ;;
esac
exec {git} "$@"
"""


class Watch(TestCase):
    def setUp(self):
        super().setUp()
        git = shutil.which("git")
        if git is None:
            self.skipTest("needs the package git")
        self.registry = GitRegistry(self.registry.path).minimal()
        self.hold = self.dir / "hold"
        fifo = self.dir / "fifo"
        os.mkfifo(fifo)
        self.addCleanup(self.let_go, fifo)
        fake = self.dir / "bin" / "git"
        fake.parent.mkdir()
        fake.write_text(GIT.format(hold=self.hold, fifo=fifo, git=git))
        fake.chmod(0o755)
        self.environment["PATH"] = f"{fake.parent}:{os.environ['PATH']}"
        self.registry.commit("one")

    def let_go(self, fifo):
        """What still waits goes on, and ends since nobody listens."""
        fd = os.open(fifo, os.O_RDWR)
        os.write(fd, b"\n" * 16)
        os.close(fd)

    def watch_and_hold(self):
        """A watcher, and its process that compiles a change and waits for git."""
        self.compile()
        watcher = self.start(SIGNPOST, "compile", "--watch", name="watcher")
        self.hold.touch()
        self.registry.device(device="second")
        self.registry.commit("two")
        return watcher, until(lambda: self.held(watcher), "the compile, and its git")

    @staticmethod
    def held(watcher):
        """Not the first pass over what is compiled already, which asks git for no objects."""
        for compiler in children(watcher.pid, "signpost"):
            for git in children(compiler, "git"):
                with contextlib.suppress(OSError):
                    if b"-tree\0" in pathlib.Path(f"/proc/{git}/cmdline").read_bytes():
                        return compiler
        return None

    def test_a_compile_that_is_killed(self):
        watcher, compiler = self.watch_and_hold()
        os.kill(compiler, signal.SIGKILL)
        until(lambda: "ended by signal 9" in watcher.said(), "the message")
        self.hold.unlink()
        self.registry.device(device="third")
        self.registry.commit("three")
        until(lambda: "signpost: compiled" in watcher.said(), "the next compile")
        self.assertTrue(watcher.is_alive())
        self.assertEqual([], list(self.state.glob("*.tmp")))
        self.assertEqual(1, watcher.said().count("ended by signal"))
        self.assertEqual(0, self.signpost("status").returncode)

    def test_nothing_is_left_when_the_watcher_is_killed(self):
        watcher, compiler = self.watch_and_hold()
        watcher.stop(signal.SIGKILL)
        until(lambda: not os.path.exists(f"/proc/{compiler}/exe"), "its end")
        self.hold.unlink()
        self.compile()


class Turns(TestCase):
    def test_head_comes_back_to_what_was_seen(self):
        """While a compile waits for its turn, HEAD goes on; when it is done, HEAD goes back."""
        self.registry = GitRegistry(self.registry.path).minimal()
        first = self.registry.commit("one")
        self.compile()
        with open(self.state / "lock", "r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            watcher = self.start(SIGNPOST, "compile", "--watch", name="watcher")
            until(lambda: children(watcher.pid, "signpost"), "a compile that waits")
            self.registry.device(device="second")
            self.registry.commit("two")
        until(lambda: self.served()[0].endswith("#second"), "the second commit")
        self.registry.git("reset", "-q", "--hard", first)
        until(lambda: self.served()[0].endswith("#phone"), "the first commit again")
