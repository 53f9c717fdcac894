"""The engine's own life: programs that are none, its end and ours, and what it leaves behind."""

import contextlib
import os
import pathlib
import signal
import socket
import stat
import sys

from engines import HEALTH, ONE, PROBER, REFUSED, EngineTest
from processes import children, descriptors, stat_of
from support import LIMIT, until

NATIVE = "ws+tls"
ALIVE = {ONE: ("alive", "engine", ""), NATIVE: ("alive", "native", "")}

# Takes a way, says that it is there, and is gone.
DYING_ENGINE = f"""#!{sys.executable}
import contextlib, json, os, socket, sys
config = json.load(sys.stdin)
if "-test" in sys.argv:
    sys.exit()
listener = socket.socket(socket.AF_UNIX)
listener.bind(config["inbounds"][0]["listen"])
listener.listen()
while True:
    connection, _ = listener.accept()
    if connection.recv(4096):
        with contextlib.suppress(OSError):  # it may have been given up
            connection.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
            connection.recv(4096)
        os._exit(1)
"""


class Life(EngineTest):
    """One node that takes an engine, and one that takes none."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        _, cls.ways = cls.place.entry(ONE, NATIVE)

    def setUp(self):
        super().setUp()
        self.register(self.ways)

    def at_work(self, **more):
        """Starts signpost-health; it has judged both when this returns: (it, the engine)."""
        self.configure(**more)
        with contextlib.suppress(FileNotFoundError):
            (self.state / "health").unlink()  # of the last one's
        process = self.health()
        until(lambda: self.nodes() == ALIVE, "both nodes to be alive")
        return process, self.engine(process)

    def engine(self, process):
        (engine,) = self.engines(process)
        return engine

    def next_engine(self, process, last):
        return until(lambda: set(self.engines(process)) - {last}, "another engine").pop()

    def left(self):
        return {name for name in os.listdir(self.state) if name.startswith("engine")}


class Programs(Life):
    """Whatever the program is, native nodes are judged, and the others served."""

    def write(self, text, mode=0o755):
        file = self.dir / "engine-program"
        file.write_text(text)
        file.chmod(mode)
        return file

    def assert_told(self, program, *words):
        """It is said once, with these words; the reason of the node is that none runs."""
        self.configure(engine=program)
        said = self.once().stderr.splitlines()
        self.assertEqual(1, len(said), said)
        for word in ("signpost-health: health.engine: ", *words):
            self.assertIn(word, said[0])
        self.assertEqual(ALIVE[NATIVE], self.nodes()[NATIVE])
        self.assertEqual(("unknown", "none", "the engine does not run"), self.nodes()[ONE])
        self.assertEqual(sorted([ONE, NATIVE]), self.given())
        self.assertEqual(set(), self.left())

    def test_none(self):
        self.assert_told("/nonexistent/xray", "/nonexistent/xray", "cannot be started")
        self.assert_told("no-such-program-as-this", "cannot be started")

    def test_by_a_name_that_path_finds(self):
        self.environment["PATH"] += f"{os.pathsep}{self.place.program.parent}"
        self.configure(engine=self.place.program.name)
        self.assertEqual("", self.once().stderr)
        self.assertEqual(ALIVE, self.nodes())

    def test_not_executable(self):
        self.assert_told(self.write("#!/bin/sh\n", 0o644), "cannot be started")

    def test_one_that_fails(self):
        program = self.write("#!/bin/sh\necho 'Failed to start: app > it is not Xray'; exit 1\n")
        self.assert_told(program, str(program), ": it is not Xray")

    def test_one_that_ends_at_once(self):
        self.assert_told("/bin/true", "/bin/true has ended")

    def test_rubbish(self):
        for text in (r"\001\033[2J\377\n\n\r\000", "x" * 5000):
            program = self.write(f"#!/bin/sh\nprintf '{text}'; exit 1\n")
            self.assert_told(program, str(program))
            self.configure(engine=program)
            said = self.once().stderr.rstrip("\n")
            self.assertTrue(said.isascii() and said.isprintable(), said)
            self.assertLess(len(said), 400)

    def test_one_that_hangs_when_asked(self):
        self.assert_told(self.write("#!/bin/sh\nexec sleep 600\n"), "does not look over")

    def test_one_that_says_much(self):
        """What it says is kept in memory: there must be an end of it."""
        whole = self.dir / "whole"
        much = f"head -c 67108864 /dev/zero | tr '\\0' x && : >{whole}"
        self.configure(engine=self.write(f"#!/bin/bash\nset -o pipefail\n{much}\nexit 1\n"))
        self.once()
        self.assertEqual(ALIVE[NATIVE], self.nodes()[NATIVE])
        self.assertFalse(whole.exists())


class Ends(Life):
    def test_the_engine_is_killed(self):
        process, engine = self.at_work()
        os.kill(engine, signal.SIGKILL)
        until(lambda: "has ended" in process.said(), "a word of it")
        until(lambda: self.nodes()[ONE][2] == "the engine does not run", "it to be noted")
        other = self.next_engine(process, engine)
        until(lambda: self.nodes() == ALIVE, "the node to be judged again")
        self.assertEqual(other, self.engine(process))
        self.assertEqual(sorted([ONE, NATIVE]), self.given())
        self.assertEqual(1, len(process.said().splitlines()), process.said())

    def test_the_engine_hangs(self):
        process, engine = self.at_work(fall=2, timeout=3)
        os.kill(engine, signal.SIGSTOP)
        until(lambda: self.nodes()[ONE][2] == "the engine does not answer", "it to be noted")
        self.assertEqual(("alive", "engine"), self.nodes()[ONE][:2])
        self.assertEqual(ALIVE[NATIVE], self.nodes()[NATIVE])
        # One that stays silent for long is replaced.
        with contextlib.suppress(ProcessLookupError):
            os.kill(engine, signal.SIGCONT)
        until(lambda: self.nodes() == ALIVE, "the node to be judged again")
        engine = self.engine(process)
        os.kill(engine, signal.SIGSTOP)
        self.assertEqual(0, process.stop())
        self.assertIsNone(stat_of(engine))

    def test_an_engine_that_dies_of_each_probe(self):
        """Whatever it has promised before: nothing is learnt about the node."""
        program = self.dir / "engine-program"
        program.write_text(DYING_ENGINE)
        program.chmod(0o755)
        self.configure(engine=program)
        process = self.health()
        # The second one 5 s after the first has gone.
        first = until(lambda: self.engines(process), "an engine")[0]
        second = self.next_engine(process, first)
        until(lambda: stat_of(second) is None, "its end")
        for _ in range(2):
            before = (self.state / "health").stat().st_mtime_ns
            until(lambda: (self.state / "health").stat().st_mtime_ns != before, "another round")
        self.assertEqual("unknown", self.nodes()[ONE][0])
        self.assertEqual(ALIVE[NATIVE], self.nodes()[NATIVE])
        self.assertEqual(1, len(process.said().splitlines()), process.said())

    def test_we_are_killed(self):
        process, engine = self.at_work()
        process.stop(signal.SIGKILL)
        until(lambda: stat_of(engine) is None, "the engine's end")
        # What has been left does not keep the next one from working.
        other, engine = self.at_work()
        self.assertEqual((0, ""), (other.stop(), other.said()))
        self.assertIsNone(stat_of(engine))
        self.assertEqual(set(), self.left())

    def test_we_are_asked_to_end(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            process, engine = self.at_work()
            self.assertEqual((0, ""), (process.stop(number), process.said()))
            self.assertIsNone(stat_of(engine))
            self.assertEqual(set(), self.left())

    def test_we_are_asked_to_end_before_the_engine_listens(self):
        program = self.dir / "engine-program"
        program.write_text("#!/bin/sh\ncase $* in *-test*) ;; *) exec sleep 600;; esac\n")
        program.chmod(0o755)
        self.configure(engine=program)
        process = self.health()
        until(lambda: NATIVE in self.nodes(), "the native node to be judged meanwhile")
        self.assertEqual((0, ""), (process.stop(), process.said()))

    def test_we_are_asked_to_end_while_it_looks_over(self):
        program = self.dir / "engine-program"
        program.write_text("#!/bin/sh\nexec sleep 600\n")
        program.chmod(0o755)
        self.configure(engine=program)
        process = self.health()
        (child,) = until(lambda: children(process.pid, "sleep"), "it to be asked")
        self.assertEqual(0, process.stop())
        self.assertIsNone(stat_of(child))
        # That it was broken off is no fault of the program's.
        self.assertEqual("", process.said())


class Secrets(Life):
    def test_who_can_use_the_socket_and_see_the_uuid(self):
        # Whatever ours is, the socket is only its owner's.
        self.addCleanup(os.umask, os.umask(0))
        process, engine = self.at_work()
        found = (self.state / "engine.sock").stat()
        self.assertTrue(stat.S_ISSOCK(found.st_mode))
        self.assertEqual(0, stat.S_IMODE(found.st_mode) & 0o077)
        self.assertEqual(os.geteuid(), found.st_uid)
        secrets = PROBER.encode(), PROBER.replace("-", "").encode(), bytes.fromhex(
            PROBER.replace("-", ""))  # fmt: skip
        places = [f"/proc/{pid}/{what}" for pid in (process.pid, engine)
                  for what in ("cmdline", "environ")]  # fmt: skip
        places += [file for file in self.state.rglob("*") if file.is_file()]
        for place in places:
            try:
                content = pathlib.Path(place).read_bytes()
            except FileNotFoundError:
                # Its content is that of the file that it has become.
                self.assertEqual("health.new", pathlib.Path(place).name)
                continue
            for secret in secrets:
                self.assertNotIn(secret, content, place)
                self.assertNotIn(secret.upper(), content, place)

    def test_it_has_no_files_of_ours(self):
        _, engine = self.at_work()
        files = {what for what in descriptors(engine).values() if what.startswith(str(self.dir))}
        self.assertLessEqual(files, {str(self.state / "engine.sock.lock")})

    def test_no_other_user_takes_a_way(self):
        """Whoever logs in as nobody that is known is turned away."""
        process, _ = self.at_work()
        for login in ("", "Proxy-Authorization: Basic bjk5Om4=\r\n"):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(LIMIT)
                s.connect(str(self.state / "engine.sock"))
                s.sendall(f"CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: a\r\n{login}\r\n".encode())
                self.assertIn(b" 407 ", s.recv(100))


class Places(Life):
    """State directories whose names the engine might take for something else."""

    def in_state(self, name, cwd=None):
        self.state = self.dir / name
        self.environment["SIGNPOST_STATE"] = str(cwd and name or self.state)
        self.signpost("compile", check=0, cwd=cwd)
        return self.signpost("--once", command=HEALTH, cwd=cwd)

    def test_too_long_for_a_socket(self):
        run = self.in_state("s" * 108)
        self.assertEqual(2, run.returncode)
        self.assertIn("s" * 108, run.stderr)
        self.assertIn("too long a path", run.stderr)
        self.assertFalse((self.state / "health").exists())

    def test_just_short_enough(self):
        room = 107 - len(str(self.dir)) - len("/") - len("/engine.sock")
        run = self.in_state("s" * room)
        self.assertEqual((0, ""), (run.returncode, run.stderr))
        self.assertEqual(ALIVE, self.nodes())

    def test_odd_names(self):
        for name in ("with a space", "é\"'\\", "@x"):
            run = self.in_state(name)
            self.assertEqual((0, ""), (run.returncode, run.stderr), name)
            self.assertEqual(ALIVE, self.nodes())

    def test_a_comma(self):
        """Xray takes what follows a comma for a mode."""
        run = self.in_state("a,0777")
        self.assertEqual(2, run.returncode)
        self.assertIn("a,0777: health.engine takes no comma", run.stderr)

    def test_a_relative_name(self):
        run = self.in_state("elsewhere", cwd=self.dir)
        self.assertEqual((0, ""), (run.returncode, run.stderr))
        self.assertEqual(ALIVE, self.nodes())


class Changes(Life):
    """What the registry's changes mean to the engine."""

    def inode(self):
        (snapshot,) = self.state.glob("snapshot-*.cdb")
        return snapshot.stat().st_ino

    def has_seen(self, process):
        """Whether it has the snapshot that lies there."""
        with open(f"/proc/{process.pid}/maps") as maps:
            return any(line.split()[4] == str(self.inode())
                       for line in maps if line.rstrip().endswith(".cdb"))  # fmt: skip

    def test_a_new_node(self):
        process, engine = self.at_work()
        _, ways = self.place.entry("xhttp+reality")
        self.register(ways)
        other = self.next_engine(process, engine)
        alive = {**ALIVE, "xhttp+reality": ("alive", "engine", "")}
        until(lambda: self.nodes() == alive, "the new node to be alive")
        self.assertEqual(other, self.engine(process))
        self.assertIsNone(stat_of(engine))
        self.assertEqual((0, ""), (process.stop(), process.said()))

    def test_a_new_node_that_is_refused(self):
        process, engine = self.at_work()
        self.register({"refused": REFUSED})
        until(lambda: len(self.nodes()) == 3, "the new node to be known")
        until(lambda: "refuses it" in self.nodes()["refused"][2], "it to be refused")
        until(lambda: self.nodes()[ONE] == ALIVE[ONE], "the other to be alive")
        self.assertEqual("unknown", self.nodes()["refused"][0])
        self.assertIn("refused", self.given())
        self.assertEqual((0, ""), (process.stop(), process.said()))

    def test_the_last_one_goes(self):
        process, engine = self.at_work()
        self.registry.remove(f"endpoints/{ONE.replace('+', '-')}.json")
        self.compile()
        until(lambda: stat_of(engine) is None, "the engine's end")
        until(lambda: set(self.nodes()) == {NATIVE}, "the node to be forgotten")
        self.assertEqual([], self.engines(process))
        self.assertEqual(set(), self.left())
        self.assertEqual((0, ""), (process.stop(), process.said()))

    def test_devices(self):
        process, engine = self.at_work()
        self.assertTrue(self.has_seen(process))
        before = self.inode()
        self.registry.device("c0ffee00-6324-4d53-ad4f-8cda48b30812", device="tablet")
        self.compile()
        self.assertNotEqual(before, self.inode())
        until(lambda: self.has_seen(process), "it to see the new snapshot")
        before = (self.state / "health").stat().st_mtime_ns
        until(lambda: (self.state / "health").stat().st_mtime_ns != before, "another round")
        self.assertEqual(engine, self.engine(process))
        until(lambda: self.nodes() == ALIVE, "both nodes to be alive")
        self.assertEqual([NATIVE, ONE], sorted(self.given(), reverse=True))


del EngineTest, Life
