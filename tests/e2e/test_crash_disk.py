"""A state directory without room or right to write: said, and what there was stays in service."""

import os
import resource
import shutil
import subprocess

import fcgi
from crash import CACHE, SNAPSHOT, STATUS, Crash
from support import UUID, GitRegistry, until


class NoRoom(Crash):
    """A file cannot be written: it is named, the exit status is 2, what there was stays."""

    def try_compile(self, limit):
        """Compiles with files of at most so many bytes; returns its run."""
        limits = (limit, resource.RLIM_INFINITY)
        return self.signpost(
            "compile", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        )

    def sizes(self):
        return {name: (self.state / name).stat().st_size for name in (SNAPSHOT, CACHE, STATUS)}

    def assert_refused(self, run, file):
        self.assertEqual(2, run.returncode, run.stderr)
        self.assertIn(f"not compiled: {self.state / file}.tmp: ", run.stderr)
        self.assertEqual([], self.left())

    def test_snapshot_at_every_size(self):
        old, served = self.sizes(), self.served
        wanted = self.turn()
        size = len(self.bytes[wanted])
        step = size // 60 + 1
        for limit in [*range(0, size, step), size - 1]:
            run = self.try_compile(limit)
            self.assert_refused(run, SNAPSHOT)
            self.assertIn("File too large", run.stderr)
            self.assertEqual(served, self.now_served())
        self.assertEqual(old[CACHE], self.sizes()[CACHE])
        run = self.try_compile(max(size, *old.values()) + 4096)
        self.assertEqual(0, run.returncode, run.stderr)
        self.assert_repaired(wanted)

    def test_cache_at_every_size(self):
        """Made the larger one by devices that are not served. What it says is what is served."""
        for i in range(100):
            uuid = f"00000000-0000-4000-9000-{i:012}"
            self.registry.device(uuid, device="d" * 200, user_id=7, status="inactive")
        self.registry.device(device="large")
        self.registry.commit()
        other = self.dir / "other"
        self.signpost("compile", env=dict(self.environment, SIGNPOST_STATE=str(other)), check=0)
        snapshot, cache = [(other / name).stat().st_size for name in (SNAPSHOT, CACHE)]
        self.assertGreater(cache, snapshot + 1000)
        kept = (self.state / CACHE).read_bytes()
        for limit in [*range(snapshot + 100, cache - 100, (cache - snapshot) // 10), cache - 100]:
            self.registry.device(device=f"at{limit:06}")
            self.registry.commit()
            run = self.try_compile(limit)
            self.assertIn(f"{self.state / CACHE}.tmp: File too large", run.stderr)
            self.assertEqual([], self.left())
            self.assertEqual(kept, (self.state / CACHE).read_bytes())
            is_new = f"#at{limit:06}".encode() in self.poll.ask(UUID).body
            self.assertEqual(is_new, "not compiled" not in run.stderr, run.stderr)
            self.assertEqual(is_new, run.returncode != 2, run.stderr)
        self.signpost("compile")
        self.signpost("compile", env=dict(self.environment, SIGNPOST_STATE=str(other)), check=0)
        self.assertEqual((other / SNAPSHOT).read_bytes(), (self.state / SNAPSHOT).read_bytes())

    def test_status_at_every_size(self):
        """Findings make it the largest one. What it would have told is told otherwise."""
        registry = GitRegistry(self.dir / "small").init().minimal()
        self.environment["SIGNPOST_DATA"] = str(registry.path)
        for i in range(100):
            registry.device(f"00000000-0000-4000-9000-{i:012}", user_id=900 + i)
        registry.commit()
        self.signpost("compile")
        sizes = self.sizes()
        largest = max(sizes[SNAPSHOT], sizes[CACHE])
        self.assertGreater(sizes[STATUS], largest + 1000)
        for number in range(5):
            registry.device(device=f"latest{number}")
            commit = registry.commit()
            run = self.try_compile(largest + 200 + number * 150)
            self.assertEqual([], self.left())
            self.assertIn(f"#latest{number}".encode(), self.poll.ask(UUID).body)
            self.assertIn(f"{self.state / STATUS}.tmp: File too large", run.stderr)
        self.signpost("compile")
        self.assertIn(commit, (self.state / STATUS).read_text())


class Helpless(Crash):
    def assert_helpless(self, why, **kwargs):
        """Every compile says what is wrong, and the responder answers from what is there."""
        for args in ((), ("--force",)):
            run = self.signpost("compile", *args, **kwargs)
            self.assertEqual(2, run.returncode, run.stderr)
            self.assertIn(f"{self.state}/", run.stderr)
            self.assertIn(why, run.stderr)
        run = self.signpost("compile", "--background", **kwargs)
        self.assertIn(run.returncode, (0, 2), run.stderr)
        responder = self.heir(self.listen(), refresh=True, **kwargs)
        reply = fcgi.ask(self.dir / "fcgi.sock", f"/{UUID}", query="format=links")
        self.assertEqual((200, self.bodies[self.served]), (reply.status, reply.body))
        self.assertEqual(0, responder.stop(), responder.said())


class Mounted(Helpless):
    """Real file systems, where they may be mounted."""

    def mount(self, path, *options):
        """Mounts something for as long as the test lasts, or skips the test."""
        path.mkdir(exist_ok=True)
        run = subprocess.run(["mount", *options, path], capture_output=True, text=True)
        if run.returncode != 0:
            self.skipTest(f"no mount here: {run.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", path], check=True)
        return path

    def move_state(self, path):
        """The state directory lies elsewhere from now on, with what was in it."""
        for file in self.state.iterdir():
            shutil.copy2(file, path)
        self.state = path
        self.environment["SIGNPOST_STATE"] = self.poll.environment["SIGNPOST_STATE"] = str(path)

    def test_a_full_disk(self):
        """From no room at all, page by page, to enough for one file more, and all of them."""
        self.move_state(self.mount(self.dir / "small", "-t", "tmpfs", "-o", "size=256k", "tmpfs"))
        responder = self.responder()
        page = os.statvfs(self.state).f_frsize
        filler = self.state / "filler"
        files = set()
        for pages in range(64):
            wanted, served = self.turn(), self.served
            filler.write_bytes(b"")
            room = os.statvfs(self.state).f_bavail - pages
            self.assertGreater(room, 0)
            filler.write_bytes(b"x" * (room * page))
            run = self.signpost("compile")
            self.assertEqual([], self.left())
            if run.returncode == 0:
                break
            self.assertIn(": No space left on device", run.stderr)
            found = [f for f in (SNAPSHOT, CACHE, STATUS) if f"{self.state / f}.tmp: " in run.stderr]
            self.assertTrue(found, run.stderr)
            file = found[0]
            files.add(file)
            self.served = self.now_served()
            if file == SNAPSHOT:
                self.assertEqual((2, served), (run.returncode, self.served))
        self.assertIn(SNAPSHOT, files)
        filler.unlink()
        self.compile()
        self.assert_repaired(wanted)
        until(lambda: self.body(responder) == self.bodies[wanted], "the new links")
        self.assertEqual("", responder.said())

    def test_another_file_system_than_that_of_temporary_files(self):
        """Nothing is written anywhere else, so that every rename is one."""
        path = self.mount(self.dir / "other", "-t", "tmpfs", "-o", "size=4m", "tmpfs")
        self.move_state(path)
        nowhere = self.dir / "nowhere"
        for there in (self.dir / "tmp", nowhere):
            self.environment["TMPDIR"] = str(there)
            wanted = self.turn()
            self.compile()
            self.assert_repaired(wanted)
            (self.dir / "tmp").mkdir(exist_ok=True)
            self.assertEqual([], list((self.dir / "tmp").iterdir()))
        self.assertNotEqual(os.stat(self.dir).st_dev, os.stat(self.state).st_dev)
        self.assertFalse(nowhere.exists())

    def test_a_read_only_file_system(self):
        served = self.served
        path = self.mount(self.dir / "fixed", "--bind", self.state)
        subprocess.run(["mount", "-o", "remount,ro,bind", path], check=True)
        before = {file.name: file.stat() for file in self.state.iterdir()}
        self.environment["SIGNPOST_STATE"] = self.poll.environment["SIGNPOST_STATE"] = str(path)
        self.state = path
        self.turn()
        self.assert_helpless("Read-only file system")
        self.assertEqual(served, self.now_served())
        after = {file.name: file.stat() for file in path.iterdir()}
        self.assertEqual(sorted(before), sorted(after))
        for name, was in before.items():
            self.assertEqual((was.st_mtime_ns, was.st_size), (after[name].st_mtime_ns, was.st_size))


class NoRight(Helpless):
    def test_no_right_to_write(self):
        nobody = self.as_nobody()
        if not nobody:
            self.addCleanup(self.state.chmod, 0o750)
        for mode, files in ((0o555, 0o444), (0o555, 0o644), (0o755, 0o444)):
            for file in self.state.iterdir():
                file.chmod(files)
            self.state.chmod(mode if nobody else mode & 0o555)
            self.turn()
            self.assert_helpless("Permission denied", **nobody)
            self.assertEqual((self.served, []), (self.now_served(), self.left()))
            (self.dir / "fcgi.sock").unlink()

    def test_no_right_to_make_it(self):
        nobody = self.as_nobody()
        closed = self.dir / "closed"
        closed.mkdir(mode=0o555)
        self.addCleanup(closed.chmod, 0o755)
        env = dict(self.environment, SIGNPOST_STATE=str(closed / "state"))
        run = self.signpost("compile", env=env, **nobody)
        self.assertEqual(2, run.returncode, run.stderr)
        self.assertIn(f"{closed / 'state'}: Permission denied", run.stderr)
        self.assertIn("setting `state`", run.stderr)
