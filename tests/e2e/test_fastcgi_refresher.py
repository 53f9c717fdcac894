"""The child that keeps the snapshot fresh: what it holds, and who outlives whom."""

import contextlib
import os
import pathlib
import re
import shutil
import signal

import fcgi
from processes import children, descriptors, is_ready, sockets, stat_of
from support import LIMIT, MINIMAL_LINK, RESPONDER, SIGNPOST, UUID, VALGRIND, TestCase, until

MESSAGE = "the refresher has ended"


class Refresher(TestCase):
    def setUp(self):
        super().setUp()
        self.registry.minimal()
        self.path = self.dir / "fcgi.sock"
        self.changes = 0

    def child(self, responder):
        (found,) = until(lambda: children(responder.pid, "signpost"), "the child")
        return found

    def assert_fresh(self, *paths):
        """A change of the registry arrives."""
        self.changes += 1
        name = f"phone{self.changes}"
        self.registry.device(device=name)
        wanted = MINIMAL_LINK.replace("#phone", f"#{name}").encode()
        for path in paths or (self.path,):
            until(lambda path=path: self.links(path) == wanted, "the new links")

    @staticmethod
    def signals(pid, name):
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        return int(re.search(f"(?m)^{name}:\t(.*)", status)[1], 16)

    @staticmethod
    def links(path):
        return fcgi.ask(path, f"/{UUID}", query="format=links").body

    def assert_ended(self, *pids):
        for pid in pids:
            until(lambda pid=pid: stat_of(pid) is None, "the end of the child")


class Child(Refresher):
    def test_what_it_holds(self):
        """Neither the listening socket nor anything else of its parent's, and no odd signals."""
        reading, writing = os.pipe()
        inherited = os.readlink(f"/proc/self/fd/{writing}")

        def ignore_and_block():
            signal.signal(signal.SIGUSR2, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2, signal.SIGALRM])

        self.compile()  # it has nothing to say then
        with open(reading, "rb"), open(writing, "wb"):
            responder = self.heir(
                self.listen(),
                refresh=True,
                pass_fds=[writing],
                preexec_fn=ignore_and_block,
            )
            child = self.child(responder)
            self.assert_fresh()
            held = descriptors(child)
            self.assertEqual(["/dev/null"] * 3, [held[fd] for fd in (0, 1, 2)])
            self.assertTrue(held[3].startswith("pipe:"), held)
            self.assertIn(inherited, descriptors(responder.pid).values())
            self.assertNotIn(inherited, held.values())
            self.assertEqual(set(), sockets(child) & sockets(responder.pid))
            # The C library blocks them for a moment whenever a thread or a program is started.
            until(lambda: self.signals(child, "SigBlk") == 0, "no signal that is blocked")
            self.assertFalse(self.signals(child, "SigIgn") >> signal.SIGUSR2 - 1 & 1)
        self.assertEqual((0, ""), (responder.stop(), responder.said()))
        self.assert_ended(child)

    def test_it_ends_with_its_parent(self):
        """However the parent ends, and the one that waits for another to end as well."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            responders = [
                self.start(RESPONDER, "-s", self.dir / f"{number}-{i}.sock") for i in range(2)
            ]
            family = [self.child(responder) for responder in responders]
            for responder in responders:
                until(lambda pid=responder.pid: is_ready(pid), "the responder")
                responder.stop(number)
            self.assert_ended(*family)

    def test_its_settings_are_those_of_its_parent(self):
        settings = self.settings("data: registry\nstate: there\n")
        env = {k: v for k, v in self.environment.items() if not k.startswith("SIGNPOST_")}
        # In its sandbox, for nothing in the environment says otherwise: no place for valgrind.
        self.start_responder(
            "-c", settings.name, "-s", self.path, refresh=True, env=env, valgrind=False
        )
        until(lambda: self.can_connect(self.path), "the responder")
        self.assert_fresh()
        self.assertTrue(list((self.dir / "there").glob("*.cdb")))

    def test_none_without_need(self):
        self.compile()
        without = {k: v for k, v in self.environment.items() if k != "SIGNPOST_DATA"}
        self.settings("refresh: off\n")
        for env in (without, self.environment):
            responder = self.heir(self.listen(), refresh=True, env=env)
            self.assertEqual([], children(responder.pid, "signpost"))
            self.assertEqual(200, fcgi.ask(self.path, f"/{UUID}").status)
            self.assertEqual((0, ""), (responder.stop(), responder.said()))
            self.path.unlink()


class Installed(Refresher):
    """Where it looks for the command: beside itself, then in ../bin."""

    def install(self, responder, command=None):
        places = [(RESPONDER, responder)] + ([(SIGNPOST, command)] if command else [])
        for program, place in places:
            (self.dir / place).parent.mkdir(exist_ok=True)
            shutil.copy2(program, self.dir / place)
        return self.dir / responder

    def test_in_bin_beside_libexec(self):
        program = self.install("libexec/signpost.fcgi", "bin/signpost")
        link = self.dir / "link"
        link.symlink_to(program)
        child = self.child(self.heir(self.listen(), refresh=True, program=link))
        self.assertEqual(
            (self.dir / "bin" / "signpost").resolve(),
            pathlib.Path(os.readlink(f"/proc/{child}/exe")),
        )
        self.assert_fresh()

    def test_nowhere(self):
        self.compile()
        program = self.install("alone/signpost.fcgi")
        responder = self.heir(self.listen(), refresh=True, program=program)
        if children(responder.pid, "signpost"):
            self.skipTest("Signpost is installed here")
        until(lambda: "the snapshot is not kept fresh" in responder.said(), "its word")
        if not VALGRIND:  # there posix_spawn does not say what went wrong
            self.assertIn("/signpost cannot be started: No such file", responder.said())
        self.assertEqual(1, responder.said().count("\n"))
        self.assertEqual(200, fcgi.ask(self.path, f"/{UUID}").status)
        self.registry.device(device="laptop")
        self.compile()
        until(lambda: self.links(self.path).endswith(b"#laptop"), "the new links")


class Trouble(Refresher):
    def test_a_child_that_is_killed(self):
        self.compile()
        for number in (signal.SIGKILL, signal.SIGTERM):
            responder = self.heir(self.listen(), refresh=True)
            child = self.child(responder)
            self.assert_fresh()
            self.assertEqual("", responder.said())
            os.kill(child, number)
            until(lambda r=responder: MESSAGE in r.said(), "its word")
            self.assertFalse(pathlib.Path(f"/proc/{child}").exists())  # no zombie either
            self.assertEqual(200, fcgi.ask(self.path, f"/{UUID}").status)
            self.registry.device(device="tablet")
            self.compile()
            until(lambda: self.links(self.path).endswith(b"#tablet"), "the new links")
            self.assertEqual(0, responder.stop())
            self.assertEqual(1, responder.said().count("\n"), responder.said())
            self.path.unlink()

    def test_a_child_that_is_killed_where_children_are_ignored(self):
        """A parent that ignores SIGCHLD hands that on; the kernel then tells of no child's end."""
        responder = self.heir(
            self.listen(),
            refresh=True,
            preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
        )
        child = self.child(responder)
        self.assert_fresh()
        os.kill(child, signal.SIGKILL)
        self.assert_ended(child)
        for _ in range(3):  # turns of its loop: whatever it noticed, it has said
            self.assertEqual(200, fcgi.ask(self.path, f"/{UUID}").status)
        self.assertIn(MESSAGE, responder.said())

    def test_a_child_that_cannot_work(self):
        """The state directory cannot be made: the responder says so, and that there is nothing."""
        (self.dir / "file").write_text("precious\n")
        self.environment["SIGNPOST_STATE"] = str(self.dir / "file" / "state")
        responder = self.heir(self.listen(), refresh=True)
        until(lambda: "503" in responder.said(), "its words")
        # Which it is depends on how soon it ends.
        until(lambda: re.search("the refresher (ended at once|has ended)", responder.said()), "why")
        self.assertEqual(503, fcgi.ask(self.path, f"/{UUID}").status)
        self.assertEqual([], children(responder.pid, "signpost"))

    def test_a_registry_that_comes_later(self):
        """And is away for a while: what there was stays in service."""
        self.registry.path.rename(self.dir / "elsewhere")
        responder = self.heir(self.listen(), refresh=True)
        self.assertEqual(503, fcgi.ask(self.path, f"/{UUID}").status)
        (self.dir / "elsewhere").rename(self.registry.path)
        until(lambda: fcgi.ask(self.path, f"/{UUID}").status == 200, "the links")
        self.registry.path.rename(self.dir / "elsewhere")
        self.assertEqual(200, fcgi.ask(self.path, f"/{UUID}").status)
        (self.dir / "elsewhere").rename(self.registry.path)
        self.assert_fresh()
        self.assertEqual(1, responder.said().count("\n"), responder.said())  # the 503 at first

    def test_an_order_to_end_while_the_first_snapshot_is_awaited(self):
        shutil.rmtree(self.registry.path)
        for number in (signal.SIGTERM, signal.SIGINT):
            responder = self.start_responder("-s", self.path, refresh=True)
            child = self.child(responder)
            os.kill(responder.pid, number)
            self.assertEqual(0, responder.popen.wait(LIMIT), responder.said())
            self.assert_ended(child)
            self.assertFalse(self.path.exists())


class Two(Refresher):
    """Two responders on one state directory."""

    def setUp(self):
        super().setUp()
        self.compile()
        self.paths = [self.dir / "1.sock", self.dir / "2.sock"]
        self.responders = [self.heir(self.listen(path), refresh=True) for path in self.paths]
        self.family = {self.child(responder): responder for responder in self.responders}

    def at_work(self):
        """The child that holds the lock; the other opens it only for a moment, to try."""
        holders = set(self.family)
        for line in pathlib.Path("/proc/locks").read_text().split("\n"):
            words = line.split()
            lock = (self.state / "watch.lock").stat().st_ino
            if len(words) > 5 and words[1] == "FLOCK" and words[5].endswith(f":{lock}"):
                with contextlib.suppress(ValueError):
                    holders &= {int(words[4])}
                    return holders
        return set()

    def test_one_compiles_and_the_other_takes_over(self):
        self.assert_fresh(*self.paths)
        (first,) = until(self.at_work, "one at work")
        (second,) = set(self.family) - {first}
        os.kill(first, signal.SIGKILL)
        until(lambda: MESSAGE in self.family[first].said(), "its word")
        self.assert_fresh(*self.paths)
        self.assertEqual({second}, self.at_work())
        self.assertEqual("", self.family[second].said())

    def test_the_responder_of_the_one_at_work_is_killed(self):
        self.assert_fresh(*self.paths)
        (first,) = until(self.at_work, "one at work")
        (second,) = set(self.family) - {first}
        responder = self.family[first]
        self.assertEqual(0, responder.stop(signal.SIGTERM))
        self.assert_ended(first)
        self.assert_fresh(*[p for p, r in zip(self.paths, self.responders) if r != responder])
        self.assertEqual({second}, self.at_work())
