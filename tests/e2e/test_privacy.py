"""Who may read what a compile leaves behind, and that nobody's secrets are in it."""

import os
import shutil
import stat

import fcgi
from support import (
    CORE,
    ENTRY,
    MINIMAL_LINK,
    RESPONDER,
    SIGNPOST,
    UNKNOWN,
    UUID,
    GitRegistry,
    TestCase,
    until,
)

OWNER, READER, GROUP, OTHERS = 65534, 61234, 61235, 61236
SECRETS = {
    "email": "ivan@s.example",
    "telegram": "@ivan_secret",
    "hash": "c0ffee00c0ffee",
    "hash_telegram_id": "deadbeefdeadbe",
    "encrypted_telegram_id": "gAAAAABsecret",
}
ROTATED = "rpc.fedcba987654"  # core_service_name; longer ones are cut from messages
MODES = {".cdb": 0o640, "status.json": 0o640, "cache": 0o600, "lock": 0o600}


class Privacy(TestCase):
    def setUp(self):
        super().setUp()
        self.registry.minimal()
        self.registry.user(**SECRETS)
        self.registry.route(core_service_name=ROTATED)

    def modes(self):
        return {f.name: stat.S_IMODE(f.stat().st_mode) for f in self.state.iterdir()}

    def found(self, said=""):
        """The secrets in any file but the cache, its owner's alone, or in what was said."""
        texts = {f.name: f.read_bytes() for f in self.state.iterdir() if f.name != "cache"}
        self.assertIn("status.json", texts)
        texts["said"] = said.encode()
        secrets = [*SECRETS.values(), ROTATED]
        return [(n, s) for n, text in texts.items() for s in secrets if s.encode() in text]

    def assert_not_told(self, name, texts):
        """What is told of a bad record goes to logs, and to a file that the responder may read."""
        told = []
        for text in texts:
            self.registry.write(name, text)
            said = self.signpost("compile", check=1).stderr
            (self.state / "cache").unlink()
            if found := self.found(said):
                told.append((text, found, said))
        self.assertEqual([], told)


class Content(Privacy):
    def test_a_good_registry(self):
        self.compile()
        self.assertEqual([], self.found())

    def test_bad_users_in_json(self):
        texts = []
        for field, value in list(SECRETS.items())[:3]:
            texts += [
                f'{{"id": 7, "{field}": "{value}" "status": "active"}}',
                f'{{"id": 7, "{field}" "{value}"}}',
                f'{{"id": 7, "{field}": "x" "{value}"}}',
                f'{{"id": 7, "{field}": "{value}',
                f'{{"id": 7, "{field}": {value}}}',
            ]
        self.assert_not_told("users/7.json", texts)

    def test_bad_users_in_yaml(self):
        self.registry.remove("users/7.json")
        texts = []
        for field, value in list(SECRETS.items())[:3]:
            texts += [
                f"id: 7\nstatus: active\n{field}: {value}: x\n",
                f"id: 7\nstatus: active\n{field}: '{value}\n",
                f"id: 7\nstatus: active\n{field}: *{value.strip('@')}\n",
                f"id: 7\nstatus: active\n{field}: [{value}\n",
            ]
        self.assert_not_told("users/7.yaml", texts)

    def test_a_bad_route(self):
        name = f"routes/entry_{ENTRY}_core_{CORE}.json"
        self.assert_not_told(
            name,
            [
                f'{{"status": "active", "core_service_name": "x" "{ROTATED}"}}',
                f'{{"status": "active", "core_service_name": {ROTATED}}}',
                f'{{"status": "active", "core_service_name": "{ROTATED}',
            ],
        )


class Modes(Privacy):
    def assert_modes(self):
        modes = self.modes()
        for name, mode in modes.items():
            wanted = [m for end, m in MODES.items() if name.endswith(end)]
            self.assertEqual(0, mode & ~0o640, (name, oct(mode)))
            if wanted:
                self.assertEqual(wanted[0], mode, (name, oct(mode)))
        self.assertEqual(0o750, stat.S_IMODE(self.state.stat().st_mode), "the directory")
        return modes

    def test_any_umask(self):
        found = []
        for mask in (0o022, 0o077, 0o000):
            self.state = self.dir / f"state-{mask:o}"
            self.environment["SIGNPOST_STATE"] = str(self.state)
            for device in ("phone", "tablet"):  # new, and again
                self.registry.device(device=device)
                self.signpost("compile", check=0, preexec_fn=lambda m=mask: os.umask(m))
                found.append(self.modes())
                with self.subTest(mask=oct(mask)):
                    self.assert_modes()
        self.assertEqual([found[0]] * len(found), found)

    def test_the_watcher(self):
        for mask in (0o077, 0o000):
            self.state = self.dir / f"state-{mask:o}"
            self.environment["SIGNPOST_STATE"] = str(self.state)
            watcher = self.start(
                SIGNPOST, "compile", "--watch", preexec_fn=lambda m=mask: os.umask(m)
            )
            until(lambda: (self.state / "status.json").exists(), "the first compile")
            watcher.stop()
            with self.subTest(mask=oct(mask)):
                self.assert_modes()

    def test_directories_above(self):
        """Made for the state directory, they must let its readers through."""
        self.state = self.dir / "a" / "b" / "state"
        self.environment["SIGNPOST_STATE"] = str(self.state)
        self.signpost("compile", check=0, preexec_fn=lambda: os.umask(0o077))
        for path in (self.dir / "a", self.dir / "a" / "b"):
            self.assertEqual(0o755, stat.S_IMODE(path.stat().st_mode), path)


class TwoUsers(Privacy):
    """As in production: one compiles, another answers, and may read but the snapshot."""

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("needs root, to start programs as different users")
        self.registry = GitRegistry(self.registry.path)
        self.dir.chmod(0o755)
        self.command = shutil.copy(SIGNPOST, self.dir)
        self.program = shutil.copy(RESPONDER, self.dir)
        self.registry.commit()
        self.registry.path.chmod(0o700)
        self.own()

    def own(self):
        """The checkout and what is in it are its owner's."""
        for top, _, files in os.walk(self.registry.path):
            for path in (top, *[os.path.join(top, name) for name in files]):
                os.chown(path, OWNER, OWNER)

    def make_state(self, mode, group=GROUP):
        self.state.mkdir()
        os.chown(self.state, OWNER, group)
        self.state.chmod(mode)

    def compile_as_owner(self, group):
        owner = {"user": OWNER, "group": group, "extra_groups": []}
        self.signpost("compile", check=0, command=self.command, **owner)

    def reader(self, group=GROUP):
        return {"user": READER, "group": READER, "extra_groups": [group]}

    def check_both(self, group):
        self.compile_as_owner(group)
        for file in self.state.iterdir():
            self.assertEqual(OWNER, file.stat().st_uid, file)
            wanted = MODES.get(file.suffix) or MODES.get(file.name)
            if wanted:
                self.assertEqual(wanted == 0o640, self.can_read(file), file.name)
        self.assertFalse(self.can_read(self.registry.path / "users" / "7.json"))
        kwargs = {"program": self.program, "cwd": self.dir, **self.reader()}
        self.assertTrue(self.poll(**kwargs).endswith("\r\n\r\n" + MINIMAL_LINK))
        self.assertIn("Status: 404 ", self.poll(UNKNOWN, **kwargs))
        others = {**kwargs, "extra_groups": [OTHERS]}
        self.assertIn("Status: 503 ", self.poll(**others))

    def can_read(self, path):
        pid = os.fork()
        if pid == 0:
            os.setgroups([GROUP])
            os.setgid(READER)
            os.setuid(READER)
            try:
                with open(path, "rb"):
                    os._exit(0)
            except OSError:
                os._exit(1)
        return os.waitpid(pid, 0)[1] == 0

    def test_in_the_group(self):
        self.make_state(0o750)
        self.check_both(group=GROUP)

    def test_by_a_directory_that_hands_its_group_on(self):
        self.make_state(0o2750)
        self.check_both(group=OWNER)

    def test_a_responder_that_stays(self):
        """It sees each new snapshot, and writes nothing."""
        self.make_state(0o750)
        self.compile_as_owner(GROUP)
        path = self.dir / "run" / "fcgi.sock"
        path.parent.mkdir()
        path.parent.chmod(0o777)
        self.responder(socket_path=path, **self.reader())
        self.assertEqual(200, fcgi.ask(path, f"/{UUID}").status)
        before = self.modes()
        self.registry.device(device="tablet")
        os.chown(self.registry.path / f"devices/{UUID}.json", OWNER, OWNER)
        self.commit_as_owner()
        self.compile_as_owner(GROUP)
        until(lambda: b"#tablet" in fcgi.ask(path, f"/{UUID}", query="format=links").body, "it")
        self.assertEqual(before, self.modes())
        self.assertEqual({OWNER}, {f.stat().st_uid for f in self.state.iterdir()})

    def commit_as_owner(self):
        self.registry.git("-c", f"safe.directory={self.registry.path}", "add", "-A")
        self.registry.git("-c", f"safe.directory={self.registry.path}", "commit", "-q", "-m", "x")
        self.own()

    def test_plain_cgi_of_another_user(self):
        """With data set, it would keep things fresh: without the rights, it just answers."""
        self.make_state(0o750)
        self.compile_as_owner(GROUP)
        looked = self.state / "looked"
        os.utime(looked, (0, 0))
        env = {**self.environment, "REQUEST_METHOD": "GET", "PATH_INFO": f"/{UUID}"}
        env["QUERY_STRING"] = "format=links"
        kwargs = {"program": self.program, "cwd": self.dir, "env": env, **self.reader()}
        for _ in range(3):
            self.assertTrue(self.poll(**kwargs).endswith(MINIMAL_LINK))
        self.assertEqual(0, looked.stat().st_mtime)
