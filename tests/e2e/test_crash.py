"""Compiles, watchers and responders that are killed: the answer is old or new, and all heals."""

import contextlib
import ctypes
import itertools
import os
import random
import select
import signal
import subprocess
import time

from crash import CACHE, SNAPSHOT, STATUS, Crash, Events
from processes import children, stat_of
from support import LIMIT, RESPONDER, SIGNPOST, until

ROUNDS = 40
PTRACE_TRACEME, PTRACE_SYSCALL = 0, 24


class After:
    """Due at the call after so many for which it counts."""

    def __init__(self, calls, counts=lambda: True):
        self.left, self.counts, self.has_come = calls, counts, False

    def __call__(self):
        if self.counts():
            self.has_come = self.left == 0
            self.left -= 1
        return self.has_come


class Killed(Crash):
    def command(self, *args, **kwargs):
        kwargs.setdefault("env", self.environment)
        null = subprocess.DEVNULL
        command = [SIGNPOST, "compile", *args]
        return subprocess.Popen(command, stdin=null, stdout=null, stderr=null, **kwargs)

    def kill(self, process):
        process.kill()
        process.wait(LIMIT)

    def test_compile_at_random_moments(self):
        process = self.responder()
        started = time.monotonic()
        self.turn()
        self.compile()
        took = time.monotonic() - started
        self.served = self.now_served()
        outcomes = set()
        for _ in range(ROUNDS):
            wanted = self.turn()
            run = self.command()
            select.select([], [], [], random.uniform(0, 1.2 * took))
            self.kill(run)
            is_new = self.now_served() == wanted
            outcomes.add(is_new)
            took *= 0.8 if is_new else 1.25  # it was measured once, with all that went on then
            self.assertIn(self.body(process), self.bodies.values())
            self.compile()
            self.assert_repaired(wanted)
        self.assertEqual({False, True}, outcomes, "the moments do not spread over its run")
        self.assertEqual("", process.said())

    def test_between_two_files(self):
        """A pass that ended when only its first files were in place is made up for."""
        kept = {name: (self.state / name).read_bytes() for name in (CACHE, STATUS)}
        self.registry.write("devices/broken.json", "{")
        self.registry.commit()
        self.compile(check=1)
        whole = {name: (self.state / name).read_bytes() for name in kept}
        for lost in ((STATUS,), (CACHE, STATUS)):
            for name in lost:
                (self.state / name).write_bytes(kept[name])
            run = self.compile(check=1)
            self.assertIn("1 errors", run.stderr)
            self.assertIn("broken.json", (self.state / STATUS).read_text())
            self.assertEqual(whole[CACHE], (self.state / CACHE).read_bytes())

    def run_traced(self, is_due):
        """A compile that is killed as soon as is_due() at a system call; how many it got to."""
        libc = ctypes.CDLL(None, use_errno=True)
        env = dict(self.environment, ASAN_OPTIONS="detect_leaks=0")  # it cannot, under ptrace
        run = self.command(env=env, preexec_fn=lambda: libc.ptrace(PTRACE_TRACEME, 0, 0, 0))
        for count in itertools.count():
            _, status = os.waitpid(run.pid, 0)
            if not os.WIFSTOPPED(status):
                run.returncode = os.waitstatus_to_exitcode(status)  # Popen knows nothing of stops
                return count
            if is_due():
                os.kill(run.pid, signal.SIGKILL)
                continue
            number = os.WSTOPSIG(status)
            number = 0 if number == signal.SIGTRAP else number
            libc.ptrace(PTRACE_SYSCALL, run.pid, None, ctypes.c_void_p(number))

    def calls(self):
        """At how many system calls a compile can be killed, more or less."""
        self.turn()
        total = self.run_traced(lambda: False)
        if total < 10:
            self.skipTest("no ptrace here")
        self.served = self.now_served()
        return total

    def kill_and_repair(self, is_due):
        """Whether the compile that is killed then had its snapshot in place."""
        wanted = self.turn()
        self.run_traced(is_due)
        is_new = self.now_served() == wanted
        self.compile()
        self.assert_repaired(wanted)
        return is_new

    def test_compile_at_system_calls(self):
        total = self.calls()
        for stops in range(random.randint(1, 5), total, min(total // 150 + 1, 9)):
            self.kill_and_repair(After(stops))

    def test_compile_at_every_system_call_while_a_file_is_unfinished(self):
        self.calls()
        # The cache is saved by a process that goes on to its end.
        for name, outcomes in ((SNAPSHOT, {False}), (STATUS, {True})):
            moments = 0
            while True:
                moment = After(moments, (self.state / f"{name}.tmp").exists)
                is_new = self.kill_and_repair(moment)
                if not moment.has_come:
                    break
                moments += 1
                self.assertEqual(outcomes, {is_new})
            self.assertGreaterEqual(moments, 5, f"{name}: it is not written and then moved")

    def test_watcher_at_random_moments(self):
        process = self.responder()
        with contextlib.ExitStack() as stack:
            reading, writing = os.pipe()
            stack.callback(os.close, writing)
            stack.callback(os.close, reading)
            watch = ("--watch", "--while-open", str(reading))
            for _ in range(ROUNDS // 2):
                wanted = self.turn()
                # It compiles as soon as it has started.
                run = self.command(*watch, pass_fds=[reading])
                select.select([], [], [], random.uniform(0, 0.05))
                self.kill(run)
                self.now_served()
                run = self.command(*watch, pass_fds=[reading])
                version = f'"{self.commits[wanted]}"'
                until(lambda: version in (self.state / STATUS).read_text(), "the status")
                self.assert_repaired(wanted)
                self.kill(run)
        self.assertIn(self.body(process), self.bodies.values())
        self.assertEqual("", process.said())

    def test_the_refresher_at_work(self):
        responder = self.responder(refresh=True)
        (child,) = until(lambda: children(responder.pid, "signpost"), "the child")
        with Events(self.state) as events:
            wanted = self.turn()
            self.assertTrue(events.wait(1))
            os.kill(child, signal.SIGKILL)
        until(lambda: stat_of(child) is None, "its end")
        until(lambda: "the refresher has ended" in responder.said(), "its word")
        self.assertIn(self.body(responder), self.bodies.values())
        self.now_served()
        self.compile()
        self.assert_repaired(wanted)
        until(lambda: self.body(responder) == self.bodies[wanted], "the new links")

    def test_the_responder_while_its_child_works(self):
        """The child ends too, at whatever point; another responder goes on."""
        for _ in range(3):
            responder = self.start_quietly()
            with Events(self.state) as events:
                wanted = self.turn()
                self.assertTrue(events.wait(random.randint(1, 6)))
                family = children(responder.pid, "signpost")
                responder.stop(signal.SIGKILL)
            for child in family:
                until(lambda pid=child: stat_of(pid) is None, "the child's end")
            self.now_served()
            self.compile()
            self.assert_repaired(wanted)

    def start_quietly(self):
        path = self.dir / "killed.sock"
        path.unlink(missing_ok=True)
        responder = self.start(RESPONDER, "-s", path)
        until(lambda: self.can_connect(path), "the responder")
        until(lambda: children(responder.pid, "signpost"), "its child")
        return responder
