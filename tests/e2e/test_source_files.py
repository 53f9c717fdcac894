"""Registries of plain files, which anybody may write at any time: what is read, and when."""

import json
import os
import shutil

from support import MINIMAL_LINK, SIGNPOST, UNKNOWN, UUID, Registry, TestCase, until
from test_fastcgi_snapshot import Opens

DEVICE = f"devices/{UUID}.json"


class Files(TestCase):
    def setUp(self):
        super().setUp()
        self.registry.minimal()
        self.settings("source: files\n")
        self.compile_and_serve("phone")

    def compile_and_serve(self, name, check=0):
        run = self.compile(check)
        self.assert_serves(name)
        return run

    def assert_serves(self, name):
        self.assertEqual([MINIMAL_LINK.replace("#phone", f"#{name}")], self.served())

    def assert_same_as_anew(self):
        environment = dict(self.environment, SIGNPOST_STATE=str(self.dir / "anew"))
        self.signpost("compile", env=environment, check=0)
        (other,) = (self.dir / "anew").glob("*.cdb")
        self.assertEqual(other.read_bytes(), self.snapshot().read_bytes())
        shutil.rmtree(self.dir / "anew")

    def snapshot(self):
        (found,) = self.state.glob("*.cdb")
        return found

    def last(self):
        run = self.signpost("status", "--json")
        return json.loads(run.stdout)["last_compile"]


class Records(Files):
    def test_changed_added_removed_renamed(self):
        registry = self.registry
        registry.device(device="changed")
        self.compile_and_serve("changed")
        registry.device(UNKNOWN)
        registry.endpoint("new", client={"address": "new.example.org", "type": "tcp"})
        self.compile()
        self.assertEqual((2, 2), (len(self.served()), len(self.served(UNKNOWN))))
        self.assert_same_as_anew()
        registry.remove("endpoints/new.json")
        registry.remove(f"devices/{UNKNOWN}.json")
        self.compile_and_serve("changed")
        self.assertEqual([], self.served(UNKNOWN))
        file = registry.path / DEVICE
        file.write_text(file.read_text().replace(UUID, UNKNOWN))
        file.rename(registry.path / f"devices/{UNKNOWN}.json")
        self.compile()
        self.assertEqual(([], 1), (self.served(), len(self.served(UNKNOWN))))
        self.assert_same_as_anew()

    def test_written_in_place_with_the_same_size_and_time(self):
        file = self.registry.path / DEVICE
        old = "phone"
        for name in ("phonf", "phong", "phonh"):
            st = file.stat()
            content = file.read_bytes().replace(old.encode(), name.encode())
            with open(file, "r+b") as out:  # the inode stays
                out.write(content)
            os.utime(file, ns=(st.st_atime_ns, st.st_mtime_ns))
            self.assertEqual(
                (st.st_ino, st.st_size, st.st_mtime_ns),
                (file.stat().st_ino, file.stat().st_size, file.stat().st_mtime_ns),
            )
            self.compile_and_serve(name)
            old = name

    def test_an_older_file_put_in_its_place(self):
        """As rsync and cp -p do: only the change time and the inode tell."""
        new = Registry(self.dir / "other")
        new.device(device="other")
        file = self.registry.path / DEVICE
        os.utime(new.path / DEVICE, (0, 0))
        os.utime(file, (0, 0))
        self.compile_and_serve("phone")
        (new.path / DEVICE).replace(file)
        self.compile_and_serve("other")

    def test_half_written_then_completed(self):
        file = self.registry.path / DEVICE
        whole = file.read_text().replace("phone", "tablet")
        for length in (0, 1, len(whole) // 2, len(whole) - 3):
            file.write_text(whole[:length])
            self.compile_and_serve("phone", check=1)
            self.assertEqual(1, self.last()["kept_back"])
            self.assertEqual(DEVICE, self.last()["kept"][0]["path"])
        self.registry.user(status="blocked")  # others go on
        self.compile(1)
        self.assertEqual([], self.served())
        self.registry.user()
        self.compile_and_serve("phone", check=1)
        file.write_text(whole)
        self.compile_and_serve("tablet")
        self.assertEqual(0, self.last()["kept_back"])
        self.assert_same_as_anew()

    def test_a_broken_file_that_vanishes(self):
        self.registry.write(DEVICE, "{")
        self.compile_and_serve("phone", check=1)
        self.registry.remove(DEVICE)
        self.compile()
        self.assertEqual([], self.served())
        self.assert_same_as_anew()

    def test_another_format(self):
        self.registry.remove(DEVICE)
        self.registry.write(f"devices/{UUID}.yaml", "user_id: 7\nstatus: active\ndevice: yaml\n")
        self.compile_and_serve("yaml")
        self.assert_same_as_anew()
        self.registry.device(device="json")
        self.compile_and_serve("yaml", check=1)
        (finding,) = self.last()["findings"]
        self.assertIn(DEVICE, finding["path"] + finding["text"])
        self.assertIn(f"devices/{UUID}.yaml", finding["path"] + finding["text"])
        self.compile_and_serve("yaml", check=1)
        self.registry.write("README", "x")
        self.registry.user(username="x")
        self.compile_and_serve("yaml", check=1)
        self.registry.remove(f"devices/{UUID}.yaml")
        self.compile_and_serve("json")
        self.assert_same_as_anew()

    def test_three_files_of_which_one_stays(self):
        text = "user_id: 7\ndevice: other\nstatus: active\n"
        for suffix in ("yaml", "yml"):
            self.registry.write(f"devices/{UUID}.{suffix}", text)
        self.compile_and_serve("phone", check=1)
        self.assertEqual(2, self.last()["errors"])
        for suffix in ("yaml", "yml"):
            self.registry.remove(f"devices/{UUID}.{suffix}")
        self.compile_and_serve("phone")
        self.assertEqual(0, self.last()["kept_back"])
        self.assert_same_as_anew()

    def test_a_file_without_permission(self):
        if os.geteuid() != 0:
            self.skipTest("needs the right to become another user")
        shutil.rmtree(self.state)
        self.state.mkdir(mode=0o777)
        self.state.chmod(0o777)
        command, nobody = shutil.copy(SIGNPOST, self.dir), self.as_nobody()
        file, kind = self.registry.path / DEVICE, self.registry.path / "devices"
        self.signpost("compile", command=command, check=0, **nobody)
        self.assert_serves("phone")
        self.registry.device(device="secret")
        file.chmod(0)
        run = self.signpost("compile", command=command, check=1, **nobody)
        self.assertIn("error: Permission denied", run.stderr)
        self.assert_serves("phone")
        file.chmod(0o644)
        self.signpost("compile", command=command, check=0, **nobody)
        self.assert_serves("secret")
        for mode in (0, 0o444):
            kind.chmod(mode)
            run = self.signpost("compile", command=command, **nobody)
            self.assertNotEqual(0, run.returncode)
            self.assertIn("Permission denied", run.stderr)
            self.assert_serves("secret")
        kind.chmod(0o755)
        self.registry.device(device="open")
        self.signpost("compile", command=command, check=0, **nobody)
        self.assert_serves("open")

    def test_odd_things_among_records(self):
        path = self.registry.path
        os.mkfifo(path / f"devices/{UNKNOWN}.json")
        (path / "users/8.json").mkdir()
        (path / "nodes").mkdir()
        (path / "nodes/192.0.2.1.json").symlink_to("/nonexistent")
        (path / "nodes/192.0.2.2.json").symlink_to("/etc/passwd")
        for name in ("users/.7.json.swp", "users/7.json~", "users/.8.json"):
            self.registry.write(name, "{")
        run = self.compile_and_serve("phone", check=1)
        self.assertEqual(4, self.last()["errors"])
        self.assertEqual(2, run.stderr.count("symbolic link"))
        self.assertNotIn("root:", run.stderr)
        self.registry.write("endpoints", "x")
        self.assertIn("endpoints: Not a directory", self.compile(2).stderr)
        self.assert_serves("phone")

    def test_the_whole_directory_goes_and_comes_back(self):
        for kind in ("users", "devices"):
            (self.registry.path / kind).rename(self.dir / kind)
            self.compile()
            self.assertEqual([], self.served())
            (self.dir / kind).rename(self.registry.path / kind)
            self.compile_and_serve("phone")
        self.registry.path.rename(self.dir / "away")
        self.compile_and_serve("phone", check=2)
        self.registry.path.mkdir()
        self.assertIn("no registry", self.compile_and_serve("phone", check=2).stderr)
        self.registry.path.rmdir()
        (self.dir / "away").rename(self.registry.path)
        self.compile_and_serve("phone")
        self.assertIsNone(self.last()["failure"])


class Releases(TestCase):
    """`current` names one of several directories, and is switched at once."""

    def setUp(self):
        super().setUp()
        self.current = self.dir / "current"
        self.environment["SIGNPOST_DATA"] = str(self.current)
        self.release(1, "one")

    def release(self, number, name):
        registry = Registry(self.dir / f"releases/{number}").minimal()
        registry.device(device=name)
        new = self.dir / "new"
        new.symlink_to(f"releases/{number}")
        new.replace(self.current)
        return registry

    def name(self):
        return [link.partition("#")[2] for link in self.served()]

    def test_switching(self):
        for number, name in ((2, "two"), (3, "three"), (2, "two"), (1, "one")):
            self.release(number, name)
            self.compile()
            self.assertEqual([name], self.name())
        shutil.rmtree(self.dir / "releases/1")
        self.assertIn(f"{self.current}: No such file", self.compile(2).stderr)
        self.assertEqual(["one"], self.name())

    def test_a_kind_as_a_symlink(self):
        registry = self.release(2, "two")
        (registry.path / "devices").rename(self.dir / "devices")
        (registry.path / "devices").symlink_to(self.dir / "devices")
        self.compile()
        self.assertEqual(["two"], self.name())
        Registry(self.dir).device(device="three")
        self.compile()
        self.assertEqual(["three"], self.name())

    def test_watching(self):
        """Every change is served, and without one nothing is written."""
        watcher = self.start(SIGNPOST, "compile", "--watch")
        until(lambda: "compiled" in watcher.said(), "the first snapshot")
        until(lambda: (self.state / "status.json").exists(), "the status")
        self.assertEqual(["one"], self.name())
        registry = self.release(2, "two")
        until(lambda: self.name() == ["two"], "the switch")
        registry.device(device="three")
        until(lambda: self.name() == ["three"], "the change")
        registry.write(DEVICE, "{")
        until(lambda: "error:" in watcher.said(), "the complaint")
        self.assertEqual(["three"], self.name())
        registry.device(device="four")
        until(lambda: self.name() == ["four"], "the completed file")
        until(lambda: watcher.said().count("signpost: compiled") == 5, "the last word")
        before = self.written()
        with Opens(self.current / "devices") as opens:
            until(lambda: opens.so_far() >= 2, "two more looks")
        self.assertEqual(before, self.written())
        self.assertEqual(5, watcher.said().count("signpost: compiled"), watcher.said())

    def written(self):
        """When and where each file of the state was written."""
        return {
            file.name: (file.stat().st_ino, file.stat().st_mtime_ns)
            for file in self.state.iterdir()
        }
