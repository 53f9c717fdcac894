"""max_shrink: what looks like a mishap and not like an order is refused whole."""

import os

from support import CORE, SIGNPOST, UUID, GitRegistry, TestCase, until

REFUSAL = "would vanish or turn unreadable at once"


def uuid_of(n):
    return f"{UUID[:-3]}9{n:02x}"


def entry_of(n):
    return f"203.0.113.{n}"


NAMES = {
    "users": lambda n: f"users/{100 + n}.json",
    "devices": lambda n: f"devices/{uuid_of(n)}.json",
    "routes": lambda n: f"routes/entry_{entry_of(n)}_core_{CORE}.json",
    "domains": lambda n: f"domains/s{n:02}.example.org.json",
    "endpoints": lambda n: f"endpoints/e{n:02}.json",
}


class Shrink(TestCase):
    def make(self, *kinds, count=20):
        """A git checkout with a number of records of some kinds besides minimal()."""
        self.registry = GitRegistry(self.registry.path)
        self.registry.minimal()
        for n in range(count):
            if "users" in kinds:
                self.registry.user(100 + n)
            if "devices" in kinds:
                self.registry.device(uuid_of(n), device=f"phone{n}")
            if "routes" in kinds:
                self.registry.route(entry_of(n), client_service_name=f"s{n}")
            if "domains" in kinds:
                self.registry.domain(f"s{n:02}.example.org", entry_of(n))
            if "endpoints" in kinds:
                self.registry.endpoint(f"e{n:02}", address=f"e{n}.example.org", type="ws")
        self.first = self.registry.commit()
        self.signpost("compile", check=0)
        self.good = self.poll()
        self.assertIn("vless://", self.good)

    def lose(self, kind, numbers, way="vanish"):
        for n in numbers:
            if way == "vanish":
                self.registry.remove(NAMES[kind](n))
            else:
                self.registry.write(NAMES[kind](n), '{"status": "active"')
        return self.registry.commit()

    def compile_again(self, check, *args):
        return self.signpost("compile", *args, check=check).stderr

    def assert_refused(self, kind, lost, of, limit=50):
        said = self.compile_again(2)
        self.assertIn(f"{lost} of {of} active records in {kind}/ {REFUSAL}", said)
        for words in ("not compiled", f"max_shrink: {limit}", "signpost compile --force"):
            self.assertIn(words, said)
        self.assertEqual(self.good, self.poll())
        return said

    def repair(self):
        self.registry.git("checkout", "-q", self.first, "--", ".")
        self.registry.commit()
        self.compile_again(0)
        self.assertIsNone(self.status(0)["last_compile"]["failure"])
        self.assertEqual(self.good, self.poll())


class Refused(Shrink):
    def test_every_kind_either_way(self):
        for kind in NAMES:
            if self.registry.path.exists():
                self.registry.path.rename(self.dir / f"before-{kind}")
                (self.state / "cache").unlink()
            self.make(kind)
            # minimal() has one more user, device, route and domain.
            of = 20 + (kind != "endpoints")
            for way, word in (("vanish", "has vanished"), ("spoil", "has turned unreadable")):
                with self.subTest(kind=kind, way=way):
                    self.lose(kind, range(3, 15), way)
                    said = self.assert_refused(kind, 12, of)
                    status = self.status(1)["last_compile"]
                    text = self.signpost("status", check=1).stdout
                    self.assertIn(f"12 of {of} active records", status["failure"])
                    self.assertIn(status["failure"], text)
                    self.assertIn("failed", text)
                    paths = [finding["path"] for finding in status["findings"]]
                    self.assertEqual(sorted(NAMES[kind](n) for n in range(3, 15)), sorted(paths))
                    for path in paths:
                        shown = path.replace(path[8:44], path[8:16]) if kind == "devices" else path
                        self.assertIn(f"{shown}: error: {word}", said)
                        self.assertIn(f"{path}: error: {word}", text)
                    self.repair()

    def test_back_at_the_commit_in_service(self):
        self.make("devices")
        self.lose("devices", range(12))
        self.assert_refused("devices", 12, 21)
        self.registry.git("reset", "-q", "--hard", self.first)
        self.assertIn("0 errors", self.compile_again(0))
        self.signpost("status", check=0)
        self.assertEqual(self.good, self.poll())

    def test_both_ways_count_together(self):
        self.make("devices")
        self.lose("devices", range(6))
        self.lose("devices", range(6, 12), "spoil")
        self.assert_refused("devices", 12, 21)

    def test_twenty_are_named(self):
        self.make("devices", count=40)
        self.lose("devices", range(35))
        said = self.assert_refused("devices", 35, 41)
        self.assertEqual(20, said.count("has vanished"))
        self.assertNotRegex(said, r"[0-9a-f]{8}-[0-9a-f]{4}-")

    def test_refused_whole(self):
        """Nothing of such a commit counts, nor of the next that leaves it so."""
        self.make("devices")
        self.registry.device(device="tablet")
        self.lose("devices", range(12))
        self.assert_refused("devices", 12, 21)
        self.registry.device(status="blocked")
        self.registry.commit()
        self.assert_refused("devices", 12, 21)
        self.assertIn("vless://", self.poll(uuid_of(0)))

    def test_in_plain_files_too(self):
        self.make("devices")
        self.settings("source: files\n")
        self.compile_again(0)
        self.lose("devices", range(12))
        self.assert_refused("devices", 12, 21)
        self.lose("devices", range(12, 20), "spoil")
        self.assert_refused("devices", 20, 21)
        self.registry.git("reset", "-q", "--hard", self.first)
        self.compile_again(0)
        (self.registry.path / "devices").rename(self.dir / "devices")
        self.assert_refused("devices", 21, 21)
        (self.dir / "devices").rename(self.registry.path / "devices")
        self.compile_again(0)
        self.assertEqual(self.good, self.poll())

    def test_force(self):
        self.make("devices")
        self.lose("devices", range(12))
        self.assert_refused("devices", 12, 21)
        self.compile_again(0, "--force")
        self.assertIn("Status: 404 ", self.poll(uuid_of(0)))
        self.assertIsNone(self.status(0)["last_compile"]["failure"])
        self.compile_again(0)

    def test_force_keeps_what_is_unreadable(self):
        """It lets a loss through; a last good version is better than none even then."""
        self.make("devices")
        before = self.poll(uuid_of(0))
        self.lose("devices", range(12), "spoil")
        self.assert_refused("devices", 12, 21)
        self.compile_again(1, "--force")
        self.assertEqual((before, self.good), (self.poll(uuid_of(0)), self.poll()))
        self.assertEqual(12, self.status(1)["last_compile"]["kept_back"])
        # What is kept back has been accepted, and does not count again.
        self.lose("devices", range(12, 16))
        self.compile_again(1)
        self.assertIn("Status: 404 ", self.poll(uuid_of(12)))


class LetThrough(Shrink):
    def test_limits(self):
        """settings, number of devices, how many go, whether they may."""
        for settings, of, lost, may in (
            ("", 10, 9, True),
            ("", 10, 10, False),
            ("", 20, 10, True),
            ("", 19, 10, False),
            ("", 20, 11, False),
            ("max_shrink: 100\n", 20, 19, True),
            ("max_shrink: 100\n", 20, 20, True),
            ("max_shrink: 99\n", 20, 20, False),
            ("max_shrink: 0\n", 30, 9, True),
            ("max_shrink: 0\n", 30, 10, False),
            ("max_shrink: 25\n", 40, 10, True),
            ("max_shrink: 25\n", 39, 10, False),
        ):
            with self.subTest(settings=settings, of=of, lost=lost):
                if self.registry.path.exists():
                    self.registry.path.rename(self.dir / f"{of}-{lost}-{settings[11:].strip()}")
                    (self.state / "cache").unlink()
                self.settings(settings)
                self.make("devices", count=of - 1)
                self.registry.write(NAMES["devices"](99), "{}")  # not active: does not count
                self.registry.commit()
                self.signpost("compile", check=1)
                self.registry.remove(NAMES["devices"](99))
                if lost == of:
                    self.registry.remove(f"devices/{UUID}.json")
                    lost -= 1
                self.lose("devices", range(lost))
                self.compile_again(0 if may else 2)
                status = "200" if not may else "404"
                self.assertIn(f"Status: {status} ", self.poll(uuid_of(0)))

    def test_what_is_no_loss(self):
        """Renamed files, orders to stop, and the deletion of what is not active."""
        self.settings("max_shrink: 0\n")
        self.make("devices")
        for n in range(12):
            path = self.registry.path / NAMES["devices"](n)
            path.rename(path.with_suffix(".yaml"))
        self.registry.commit()
        self.compile_again(0)
        self.assertEqual(self.good, self.poll())
        for n in range(12):
            (self.registry.path / NAMES["devices"](n)).with_suffix(".yaml").unlink()
            self.registry.device(uuid_of(n), status="archived")
        self.registry.commit()
        self.compile_again(0)
        self.lose("devices", range(12))
        self.compile_again(0)

    def test_wrong_values(self):
        for text, words in (
            ("\nmax_shrink: 101\n", ":2:1: max_shrink: 101 is out of range (0 to 100)"),
            ("max_shrink: -1\n", ":1:1: max_shrink: -1 is out of range (0 to 100)"),
            ("max_shrink: half\n", ":1:1: max_shrink: must be a whole number"),
            ("max_shrink: 50%\n", ":1:1: max_shrink: must be a whole number"),
            ("max_shrink: 0.5\n", ":1:1: max_shrink: must be a whole number"),
            ("max_shrink: [50]\n", ":1:1: max_shrink: must be a whole number"),
        ):
            file = self.settings(text)
            self.assertIn(f"{file}{words}", self.compile_again(2))


class Watched(Shrink):
    def status_file(self):
        return (self.state / "status.json").stat().st_ino

    def start_watch(self, *args, **kwargs):
        self.make("devices")
        return self.start(SIGNPOST, "compile", "--watch", *args, name="watch", **kwargs)

    def test_said_once(self):
        watcher = self.start_watch()
        self.lose("devices", range(12))
        until(lambda: "12 of 21 active" in watcher.said(), "the refusal")
        self.lose("devices", [12])
        until(lambda: "13 of 21 active" in watcher.said(), "the next refusal")
        said = watcher.said()
        self.assertEqual((1, 1), (said.count("12 of 21 active"), said.count("13 of 21 active")))
        self.assertEqual(self.good, self.poll())
        # Repaired, it goes on as if nothing had been.
        self.registry.git("reset", "-q", "--hard", self.first)
        self.registry.device(device="tablet")
        self.registry.commit()
        until(lambda: "#tablet" in self.poll(), "the new links")
        until(lambda: self.signpost("status").returncode == 0, "its status")
        self.assertEqual(2, watcher.said().count(REFUSAL))
        self.lose("devices", range(12))
        until(lambda: watcher.said().count(REFUSAL) == 3, "the refusal of another time")

    def test_not_on_every_pass(self):
        reading, writing = os.pipe()
        with open(reading, "rb"), open(writing, "wb", buffering=0) as pipe:
            watcher = self.start_watch("--while-open", reading, pass_fds=[reading])
            before = self.status_file()
            self.lose("devices", range(12))
            until(lambda: REFUSAL in watcher.said(), "the refusal")
            until(lambda: self.status_file() != before, "its status")
            for n in range(2):
                before = self.status_file()
                if n == 0:
                    pipe.write(b"d")  # the responder asks for a pass
                else:
                    self.registry.commit()  # about something else
                until(lambda b=before: self.status_file() != b, "another pass")
            self.assertEqual(1, watcher.said().count(REFUSAL))
            self.assertEqual(12, watcher.said().count("has vanished"), watcher.said())
