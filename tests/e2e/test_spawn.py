"""Who starts the responder: spawn-fcgi, multiwatch, what systemd's socket activation does."""

import base64
import os
import shutil
import signal
import socket
import stat
import subprocess
import threading

import fcgi
from ports import free_port
from processes import children, is_ready, sockets, stat_of
from support import LIMIT, MINIMAL_LINK, RESPONDER, UNKNOWN, UUID, TestCase, until

BASE64 = base64.b64encode(MINIMAL_LINK.encode())


class Spawn(TestCase):
    def setUp(self):
        super().setUp()
        self.registry.minimal()
        self.path = self.dir / "fcgi.sock"

    def need(self, *commands):
        for command in commands:
            if not shutil.which(command):
                self.skipTest(f"needs the package {command}")

    def without_data(self):
        """The snapshot is there and nobody refreshes it, as in production."""
        self.compile()
        return {k: v for k, v in self.environment.items() if k != "SIGNPOST_DATA"}

    def assert_serves(self):
        reply = fcgi.ask(self.path, f"/{UUID}")
        self.assertEqual((200, BASE64), (reply.status, reply.body))
        self.assertEqual(404, fcgi.ask(self.path, f"/{UNKNOWN}").status)

    def assert_ends(self, *pids):
        for pid in pids:
            until(lambda pid=pid: stat_of(pid) is None, "the end")


class SpawnFcgi(Spawn):
    def fork(self, *args, env=None):
        """Runs spawn-fcgi as a start script does; the processes outlive it. Returns their pids."""
        pids = self.dir / "pids"
        run = subprocess.run(
            ["spawn-fcgi", "-s", self.path, "-P", pids, *args, "--", RESPONDER],
            env=env or self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
        )
        found = [int(word) for word in pids.read_text().split()] if pids.exists() else []
        for pid in found:
            self.addCleanup(self.end, pid)
        return run, found

    def end(self, pid, number=signal.SIGTERM):
        if stat_of(pid):
            os.kill(pid, number)
            self.assert_ends(pid)

    def test_in_the_foreground(self):
        self.need("spawn-fcgi")
        env = self.without_data()
        command = ["spawn-fcgi", "-n", "-s", self.path, "-M", "0660", "--", RESPONDER]
        process = self.start(*command, env=env)
        until(lambda: self.can_connect(self.path) or not process.is_alive())
        self.assert_serves()
        self.assertEqual(0o660, stat.S_IMODE(self.path.stat().st_mode))
        self.assertEqual(0, process.stop())
        self.assertEqual("", process.said())

    def test_several_at_once(self):
        self.need("spawn-fcgi")
        run, pids = self.fork("-F", "2", "-M", "0660", env=self.without_data())
        self.assertEqual(0, run.returncode, run.stdout)
        self.assertEqual(2, len(pids))
        self.assertEqual(0o660, stat.S_IMODE(self.path.stat().st_mode))
        self.assert_serves()
        # Each of them serves alone.
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
            until(lambda pid=pid: stat_of(pid).state == "T", "its standing still")
            for _ in range(20):
                self.assert_serves()
            os.kill(pid, signal.SIGCONT)
        self.end(pids[0], signal.SIGKILL)
        self.assert_serves()
        self.end(pids[1])
        self.assertFalse(self.can_connect(self.path))

    def test_several_that_keep_the_snapshot_fresh(self):
        """One compiles, the other's compiler waits to take over; none holds the socket."""
        self.need("spawn-fcgi")
        run, pids = self.fork("-F", "2")
        self.assertEqual(0, run.returncode, run.stdout)
        compilers = []
        for pid in pids:
            compilers += until(lambda pid=pid: children(pid, "signpost"), "the compiler")
        until(lambda: fcgi.ask(self.path, f"/{UUID}").status == 200, "the links")
        for pid in compilers:
            self.assertEqual(set(), sockets(pid) & sockets(pids[0]))
        for pid in pids:
            self.registry.device(status="blocked")
            until(lambda: fcgi.ask(self.path, f"/{UUID}").status == 404, "the 404")
            self.registry.device(status="active")
            until(lambda: fcgi.ask(self.path, f"/{UUID}").status == 200, "the links")
            self.end(pid, signal.SIGKILL if pid == pids[0] else signal.SIGTERM)
        self.assert_ends(*compilers)

    def test_a_tcp_port(self):
        self.need("spawn-fcgi")
        env = self.without_data()
        port = free_port()
        command = ["spawn-fcgi", "-n", "-a", "127.0.0.1", "-p", str(port), "--", RESPONDER]
        process = self.start(*command, env=env)

        def connected():
            try:
                return socket.create_connection(("127.0.0.1", port), LIMIT)
            except OSError:
                return None

        client = until(lambda: connected() or not process.is_alive(), "the port")
        self.assertIsNot(True, client, process.said())
        with client:
            client.sendall(fcgi.request(f"/{UUID}", keep=False))
            reply = b"".join(iter(lambda: client.recv(65536), b""))
        self.assertIn(BASE64, reply)

    def test_settings_that_are_wrong(self):
        self.need("spawn-fcgi")
        self.settings("coer: 192.0.2.1\n")
        run, _ = self.fork()
        self.assertNotEqual(0, run.returncode)
        self.assertIn("exited with: 2", run.stdout)


class Multiwatch(Spawn):
    def setUp(self):
        super().setUp()
        self.need("spawn-fcgi", "multiwatch")
        command = ["spawn-fcgi", "-n", "-s", self.path, "-M", "0660", "--"]
        command += [shutil.which("multiwatch"), "-f", "2", "--", RESPONDER]
        self.watcher = self.start(*command, env=self.without_data(), name="multiwatch")
        self.family = until(self.both, "two responders")

    def both(self):
        found = children(self.watcher.pid, "signpost.fcgi")
        return found if len(found) == 2 and all(map(is_ready, found)) else None

    def test_a_killed_one_is_started_again(self):
        for number in (signal.SIGKILL, signal.SIGABRT, signal.SIGTERM):
            os.kill(self.family[0], number)
            self.assert_serves()
            self.family = until(lambda old=self.family[0]: self.without(old), "another")
            self.assert_serves()

    def without(self, pid):
        found = self.both()
        return found if found and pid not in found else None

    def test_one_by_one_under_load(self):
        """An upgrade: each is ended in order and replaced, and no poll is lost."""
        wrong, polls, over = [], [0], threading.Event()

        def poll():
            while not over.is_set():
                try:
                    with fcgi.Client(self.path) as client:
                        if not client.push(fcgi.request(f"/{UUID}")):
                            continue  # it was ended meanwhile: a web server asks once more
                        status = client.reply().status
                except OSError as e:
                    status = repr(e)
                polls[0] += 1
                if status != 200:
                    wrong.append(status)

        threads = [threading.Thread(target=poll) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(3):
                for pid in self.family:
                    seen = polls[0]
                    os.kill(pid, signal.SIGTERM)
                    until(lambda pid=pid: self.without(pid), "another")
                    until(lambda seen=seen: polls[0] > seen + 10, "polls")
                self.family = until(self.both)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.assertEqual([], wrong)

    def test_all_end_with_it(self):
        self.watcher.stop()
        self.assert_ends(*self.family)
        self.assertFalse(self.can_connect(self.path))


class Systemd(Spawn):
    """StandardInput=socket: the listening socket is descriptor 0 and outlives the service."""

    def setUp(self):
        super().setUp()
        self.env = self.without_data()
        self.listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.listener.close)
        self.listener.bind(str(self.path))
        self.listener.listen(64)

    def service(self, **kwargs):
        env = {**self.env, "LISTEN_PID": "1", "LISTEN_FDS": "1"}
        return self.start(RESPONDER, stdin=self.listener, env=env, **kwargs)

    def test_blocking_or_not(self):
        for blocking in (True, False):
            self.listener.setblocking(blocking)
            service = self.service()
            self.assert_serves()
            self.assertEqual((0, ""), (service.stop(), service.said()))
            self.assertTrue(self.path.exists())

    def test_polls_wait_while_nobody_runs(self):
        with fcgi.Client(self.path) as early:
            early.send(fcgi.request(f"/{UUID}"))
            service = self.service()
            self.assertEqual(BASE64, early.reply().body)
            self.assertEqual(0, service.stop())
        with fcgi.Client(self.path) as between:
            between.send(fcgi.request(f"/{UUID}"))
            self.service()
            self.assertEqual(BASE64, between.reply().body)

    def test_two_services_of_a_template(self):
        first, second = self.service(), self.service()
        # Either may answer; one that is still starting would just be ended by the signal.
        until(lambda: is_ready(first.pid) and is_ready(second.pid), "both")
        self.assert_serves()
        self.assertEqual(0, first.stop())
        self.assert_serves()
        self.assertEqual(0, second.stop())

    def test_output_that_is_the_socket_too(self):
        """As with StandardOutput=inherit: words go nowhere, answers are unhurt."""
        (snapshot,) = self.state.glob("*.cdb")
        kept = snapshot.rename(self.dir / "kept")
        process = subprocess.Popen(
            [RESPONDER],
            env=self.env,
            stdin=self.listener,
            stdout=self.listener,
            stderr=self.listener,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        self.assertEqual(503, fcgi.ask(self.path, f"/{UUID}").status)
        kept.rename(snapshot)
        until(lambda: fcgi.ask(self.path, f"/{UUID}").status == 200, "the links")
        process.terminate()
        self.assertEqual(0, process.wait(LIMIT))

    def test_something_else_as_standard_input(self):
        ours, theirs = socket.socketpair()
        with ours, theirs, open("/dev/null", "rb") as null:
            for stdin in (theirs, null):
                process = self.start(RESPONDER, stdin=stdin, env=self.env)
                self.assertEqual(2, process.popen.wait(LIMIT))
                self.assertIn("-s PATH", process.said())


class ByHand(Spawn):
    def test_the_socket_is_made_and_removed(self):
        env = self.without_data()
        responder = self.responder(socket_path=self.path)
        self.assertEqual(0o660, stat.S_IMODE(self.path.stat().st_mode))
        self.assert_serves()
        other = self.start(RESPONDER, "-s", self.path, env=env)
        self.assertEqual(1, other.popen.wait(LIMIT))
        self.assertIn("another process serves it", other.said())
        self.assert_serves()
        responder.stop()
        self.assertFalse(self.path.exists())

    def test_what_a_killed_one_left_is_replaced(self):
        responder = self.start(RESPONDER, "-s", self.path, env=self.without_data())
        until(lambda: self.can_connect(self.path), "the responder")
        responder.stop(signal.SIGKILL)
        self.assertTrue(self.path.exists())
        self.responder(socket_path=self.path)
        self.assert_serves()

    def test_paths_that_cannot_be_sockets(self):
        env = self.without_data()
        file = self.registry.write("file", "precious\n")
        for path, words in (
            (file, "no socket"),
            (self.dir / "missing" / "x.sock", "No such file"),
            (self.dir / ("x" * 120), "too long"),
        ):
            process = self.start(RESPONDER, "-s", path, env=env)
            self.assertEqual(1, process.popen.wait(LIMIT))
            self.assertIn(words, process.said())
            self.assertIn(str(path), process.said())
        self.assertEqual("precious\n", file.read_text())

    def test_help_and_wrong_options(self):
        for args, status, words in (
            (["--help"], 0, "usage: signpost.fcgi"),
            (["--version"], 0, "signpost.fcgi 0."),
            (["--nonsense"], 2, "--help"),
            (["-s"], 2, "--help"),
            (["-s", "x", "y"], 2, "--help"),
            ([], 2, "--help"),
            (["-c", "/nonexistent", "-s", "x"], 2, "/nonexistent: No such file"),
        ):
            run = subprocess.run(
                [RESPONDER, *args],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=LIMIT,
                cwd=self.dir,
            )
            self.assertEqual(status, run.returncode, run.stdout)
            self.assertIn(words, run.stdout)
