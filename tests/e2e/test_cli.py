"""check, compile and status as an operator uses them: exit statuses, messages, files."""

import json
import os
import resource
import subprocess

import fcgi
from support import CORE, ENTRY, LIMIT, SIGNPOST, TOP, UNKNOWN, UUID, TestCase, until

COMMANDS = ("check", "compile", "explain", "status")


class Cli(TestCase):
    def run_as_nobody(self, *args):
        """The command without root's right to read and write everything."""
        return self.signpost(*args, **self.as_nobody())

    def snapshot(self):
        (found,) = self.state.glob("*.cdb")
        return found

    def assert_says(self, run, status, *words):
        self.assertEqual(status, run.returncode, run.stdout + run.stderr)
        for word in words:
            self.assertIn(word, run.stdout + run.stderr)


class Usage(Cli):
    def test_help_and_version(self):
        for args in (["--help"], ["-h"], ["help"]):
            run = self.signpost(*args, check=0)
            self.assertTrue(run.stdout.startswith("usage: signpost COMMAND"))
            for command in COMMANDS:
                self.assertIn(f"\n  {command}", run.stdout)
        self.assertRegex(self.signpost("--version", check=0).stdout, r"^signpost \d+\.\d+\.\d+\n$")
        for command in COMMANDS:
            for option in ("--help", "-h"):
                run = self.signpost(command, option, check=0)
                self.assertTrue(run.stdout.startswith(f"usage: signpost {command}"))
                self.assertIn("Exit status: 0", run.stdout)
                self.assertEqual("", run.stderr)

    def test_what_is_no_command(self):
        self.assert_says(self.signpost(), 2, "usage: signpost COMMAND")
        self.assert_says(self.signpost("nonsense"), 2, "no command 'nonsense'", "--help")
        self.assert_says(self.signpost("--nonsense"), 2, "--nonsense", "--help")

    def test_wrong_options_and_arguments(self):
        for args in (
            ("check", "--nonsense"),
            ("check", "a", "b"),
            ("check", "--site"),
            ("compile", "--nonsense"),
            ("compile", "a"),
            ("compile", "-c"),
            ("compile", "--while-open", "0"),
            ("explain",),
            ("explain", UUID, UUID),
            ("explain", "--nonsense", UUID),
            ("status", "a"),
            ("status", "--nonsense"),
        ):
            run = self.signpost(*args)
            self.assert_says(run, 2, f"signpost {args[0]} --help")
            self.assertEqual("", run.stdout)

    def test_output_that_cannot_be_written(self):
        self.registry.minimal()
        self.compile()
        for args in (("check",), ("status",), ("explain", UUID), ("check", "--help")):
            with open("/dev/full", "wb") as full:
                run = subprocess.run(
                    [SIGNPOST, *args],
                    env=self.environment,
                    stdout=full,
                    stderr=subprocess.PIPE,
                    timeout=LIMIT,
                )
            self.assertNotEqual(0, run.returncode, args)

    def test_no_data_set(self):
        del self.environment["SIGNPOST_DATA"]
        for args in (["check"], ["compile"], ["explain", UUID]):
            self.assert_says(self.signpost(*args), 2, "no registry", "`data`", "SIGNPOST_DATA")
        self.assertFalse(self.state.exists())


class Settings(Cli):
    def test_wrong_ones_are_named_with_their_place(self):
        for text, words in (
            ("coer: 192.0.2.1\n", ":1:1: coer: no such setting"),
            ("refresh: on\ncore: core-a\n", ":2:1: core: 'core-a' is not an IP address"),
            ("order: random\n", ":1:1: order: 'random' is neither spread nor name"),
            ("domains: some\n", ":1:1: domains: 'some' is neither first nor all"),
            ("refresh: maybe\n", ":1:1: refresh: 'maybe' is neither on nor off"),
            ("max_links: -1\n", ":1:1: max_links: -1 is out of range"),
            ("max_links: many\n", ":1:1: max_links: must be a whole number"),
            ("\nremark: '{devcie}'\n", ":2:1: remark: '{devcie}' starts with none of {device}"),
            ("public_urls: https://example.org\n", ":1:1: public_urls: must be a list"),
            ("public_urls: [example.org]\n", "must hold addresses like https://example.org/api"),
            ("data: [a]\n", ":1:1: data: must be a path"),
            ("data: a\ndata: b\n", ":2:1: duplicate key 'data'"),
            ("data: 'a\n", ":2:1: "),
            ("- data\n", ": must be a mapping"),
        ):
            file = self.settings(text)
            for command in (["check"], ["compile"], ["status"], ["explain", UUID]):
                run = self.signpost(*command)
                self.assert_says(run, 2, f"{file}", words)
        self.settings("")
        self.environment["SIGNPOST_CORE"] = "core-a"
        self.assert_says(self.signpost("status"), 2, "SIGNPOST_CORE: 'core-a' is not an IP address")

    def test_none_at_all_is_fine(self):
        self.registry.minimal()
        for text in ("", "\n", "# nothing is set\n# data: /srv/registry\n", "---\n", "{}\n"):
            self.settings(text)
            self.assertEqual(0, self.signpost("check").returncode, repr(text))

    def test_where_they_come_from(self):
        self.registry.minimal()
        file = self.settings("data: registry\nstate: inside\nmax_links: 1\n")
        del self.environment["SIGNPOST_DATA"], self.environment["SIGNPOST_STATE"]
        self.compile()  # paths are seen from the file
        self.assertTrue((self.dir / "inside").is_dir())
        del self.environment["SIGNPOST_CONFIG"]
        run = self.signpost("status", "-c", file, "--json", check=0)
        self.assertEqual(str(file), json.loads(run.stdout)["settings"])
        self.assert_says(
            self.signpost("status", "-c", self.dir / "missing.yaml"), 2, "missing.yaml"
        )
        self.environment["SIGNPOST_CONFIG"] = str(self.dir / "missing.yaml")
        self.assert_says(self.signpost("status"), 2, "missing.yaml: No such file")
        self.environment["SIGNPOST_STATE"] = str(self.dir / "elsewhere")
        run = self.signpost("compile", "-c", file, check=0)  # the environment overrides
        self.assertTrue((self.dir / "elsewhere").is_dir())

    def test_an_unreadable_file(self):
        file = self.settings("max_links: 1\n")
        file.chmod(0)
        self.assert_says(self.run_as_nobody("status"), 2, f"{file}: Permission denied")


class Check(Cli):
    def test_a_good_registry(self):
        self.registry.minimal()
        for args in ((), ("--strict",), (self.registry.path,)):
            run = self.signpost("check", *args, check=0)
            self.assertEqual("4 records, 0 errors, 0 warnings\n", run.stdout)
        self.assertFalse(self.state.exists())

    def test_a_directory_as_argument(self):
        self.registry.minimal()
        self.environment["SIGNPOST_DATA"] = "/nonexistent"
        self.assertEqual(0, self.signpost("check", self.registry.path).returncode)
        self.assert_says(self.signpost("check"), 2, "/nonexistent: No such file")
        self.assert_says(self.signpost("check", self.dir / "x"), 2, f"{self.dir}/x: No such file")
        self.assert_says(self.signpost("check", TOP / "lib"), 2, "no registry: neither users/")
        self.assert_says(self.signpost("check", TOP / "Makefile"), 2, "Makefile: Not a directory")

    def test_warnings_count_when_it_is_strict(self):
        self.registry.minimal()
        self.registry.device(UNKNOWN, user_id=99)
        run = self.signpost("check", check=0)
        self.assertIn(
            f"devices/{UNKNOWN}.json: warning: user_id: there is no user 99\n", run.stdout
        )
        self.assertIn("5 records, 0 errors, 1 warnings\n", run.stdout)
        self.signpost("check", "--strict", check=1)

    def test_what_is_unknown_is_named_when_it_is_strict(self):
        self.registry.minimal()
        self.registry.user(hash=None, telegram="@ivan", nickname="Vanya")
        self.registry.write("appeals/1.json", {})
        self.registry.write("users/README", "x")
        self.assertEqual("4 records, 0 errors, 0 warnings\n", self.signpost("check").stdout)
        run = self.signpost("check", "--strict", check=0)
        for words in ("users/7.json: notice: nickname", "appeals: notice", "users/README: notice"):
            self.assertIn(words, run.stdout)
        self.assertNotIn("telegram", run.stdout)

    def test_an_unreadable_directory(self):
        self.registry.minimal()
        path = self.registry.path / "users"
        path.chmod(0)
        self.addCleanup(path.chmod, 0o755)
        self.assert_says(self.run_as_nobody("check"), 2, f"{path}: Permission denied")

    def test_an_unreadable_file_is_one_error(self):
        self.registry.minimal()
        (self.registry.path / "users" / "7.json").chmod(0)
        run = self.run_as_nobody("check")
        self.assert_says(run, 1, "users/7.json: error: Permission denied", "1 errors")

    def test_the_decoy_site(self):
        self.registry.minimal()
        site = self.dir / "site"
        site.mkdir()
        self.assert_says(self.signpost("check", "--site", site), 2, f"{site}/index.html: No such")
        (site / "index.html").write_text("<p>Bakery</p>\n")
        self.assert_says(self.signpost("check", "--site", site), 0, "4 records, 0 errors")
        run = self.signpost("check", "--site", TOP / "site")
        self.assert_says(run, 1, f"{TOP}/site/index.html: error: still the placeholder", "1 errors")
        # A site alone can be looked at where there is no registry.
        del self.environment["SIGNPOST_DATA"]
        self.signpost("check", "--site", site, check=0)
        self.signpost("check", "--site", TOP / "site", check=1)
        self.signpost("check", "--site", self.dir / "missing", check=2)


class Compile(Cli):
    def test_exit_statuses(self):
        self.assert_says(self.signpost("compile"), 2, f"{self.registry.path}: No such file")
        self.registry.minimal()
        self.assert_says(self.signpost("compile"), 0, "1 devices of 1 users, 1 endpoints; 0 errors")
        self.registry.user(9, status="actve")
        run = self.signpost("compile")
        self.assert_says(run, 1, "users/9.json:", "'actve'", "1 errors, 0 warnings")
        self.assertEqual("", run.stdout)

    def test_twice_is_the_same_to_the_byte(self):
        self.registry.minimal()
        for n in range(1, 40):
            self.registry.user(100 + n, username=f"user {n}", core_nodes=[CORE])
            self.registry.device(f"{UUID[:-2]}{n:02x}", user_id=100 + n, device=f"phone {n}")
        self.compile()
        first = self.snapshot()
        before = first.read_bytes()
        inode = first.stat().st_ino
        self.compile()
        self.assertEqual(inode, first.stat().st_ino)  # nothing to do
        first.unlink()
        (self.state / "cache").unlink()
        self.compile()
        self.assertEqual(before, first.read_bytes())
        self.state = self.dir / "other"
        self.environment["SIGNPOST_STATE"] = str(self.state)
        copy = self.dir / "copy"
        subprocess.run(["cp", "-r", self.registry.path, copy], check=True)
        self.environment["SIGNPOST_DATA"] = str(copy)
        self.compile()
        self.assertEqual(before, self.snapshot().read_bytes())

    def test_modes(self):
        self.registry.minimal()
        for mask in (0o077, 0o000):
            self.addCleanup(os.umask, os.umask(mask))
            self.compile()
            self.assertEqual(0o640, self.snapshot().stat().st_mode & 0o777)
        self.assertEqual(0, self.state.stat().st_mode & 0o007)
        text = self.snapshot().read_bytes()
        for secret in (b"api.v2.rpc.fedcba9876543210", b"Ivan", CORE.encode(), ENTRY.encode()):
            self.assertNotIn(secret, text)

    def test_a_full_disk_keeps_the_old_snapshot(self):
        self.registry.minimal()
        self.compile()
        before = self.snapshot().read_bytes()
        self.registry.device(device="a longer name than it had")
        for limit in (4096, len(before) - 1, 100, 0):

            def limited(limit=limit):
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

            run = self.signpost("compile", preexec_fn=limited)
            self.assert_says(run, 2, "not compiled", str(self.snapshot()), "File too large")
            self.assertEqual(before, self.snapshot().read_bytes())
            self.assertEqual([], [f.name for f in self.state.iterdir() if "tmp" in f.name])
        self.assert_says(self.signpost("status"), 1, "failed", "File too large")
        self.compile()
        self.assertNotEqual(before, self.snapshot().read_bytes())
        self.signpost("status", check=0)

    def test_a_state_directory_that_cannot_be_written(self):
        self.registry.minimal()
        self.compile()
        before = self.snapshot().read_bytes()
        self.state.chmod(0o555)
        self.addCleanup(self.state.chmod, 0o755)
        self.assert_says(self.run_as_nobody("compile"), 2, str(self.state), "Permission denied")
        self.assertEqual(before, self.snapshot().read_bytes())
        self.environment["SIGNPOST_STATE"] = "/proc/signpost"
        self.assert_says(self.signpost("compile"), 2, "/proc/signpost: ", "setting `state`")
        self.environment["SIGNPOST_STATE"] = str(TOP / "Makefile")
        self.assert_says(self.signpost("compile"), 2, "Makefile", "Not a directory")

    def test_what_an_interrupted_one_left_is_no_obstacle(self):
        self.registry.minimal()
        self.compile()
        precious = self.dir / "precious"
        precious.write_text("x")
        left = self.snapshot().with_name(self.snapshot().name + ".tmp")
        left.symlink_to(precious)
        self.compile()
        self.assertEqual("x", precious.read_text())
        self.assertFalse(left.is_symlink())

    def test_beside_a_responder_that_compiles_itself(self):
        """It must not wait in silence for something that never comes."""
        self.registry.minimal()
        path = self.responder(refresh=True).path
        until(lambda: fcgi.ask(path, f"/{UUID}").status == 200, "the links")
        process = self.start(SIGNPOST, "compile")
        try:
            process.popen.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.assertTrue(process.said(), "it waits and does not say for what")


class Status(Cli):
    def test_no_snapshot(self):
        self.registry.minimal()
        run = self.signpost("status")
        self.assert_says(run, 2, "none in service", "snapshot-", "No such file")
        run = self.signpost("status", "--json", check=2)
        self.assertIn("No such file", json.loads(run.stdout)["snapshot"]["problem"])

    def test_what_is_in_service(self):
        self.registry.minimal()
        self.compile()
        run = self.signpost("status", check=0)
        for words in (
            str(self.snapshot()),
            "1 devices of 1 users by 1 endpoints in 1 sets",
            "done",
        ):
            self.assertIn(words, run.stdout)
        facts = json.loads(self.signpost("status", "--json", check=0).stdout)
        self.assertEqual(str(self.registry.path), facts["data"])
        self.assertEqual(str(self.state), facts["state"])
        snapshot, last = facts["snapshot"], facts["last_compile"]
        self.assertEqual(str(self.snapshot()), snapshot["path"])
        self.assertEqual(self.snapshot().stat().st_size, snapshot["bytes"])
        counts = [snapshot[key] for key in ("devices", "users", "endpoints", "sets")]
        self.assertEqual([1, 1, 1, 1], counts)
        self.assertRegex(snapshot["compiled"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertTrue(snapshot["version"])
        self.assertEqual((0, 0, None), (last["errors"], last["warnings"], last["failure"]))

    def test_findings_of_the_last_compile(self):
        self.registry.minimal()
        self.registry.user(9, status="actve")
        self.compile(check=1)
        run = self.signpost("status", check=1)
        self.assertIn("done, 1 errors, 0 warnings\n  users/9.json:4:3: error: status:", run.stdout)
        (finding,) = json.loads(self.signpost("status", "--json").stdout)["last_compile"][
            "findings"
        ]
        self.assertEqual(
            ("error", "users/9.json", 4), tuple(finding[k] for k in ("level", "path", "line"))
        )
        self.registry.user(9)
        self.compile()
        self.signpost("status", check=0)

    def test_after_a_failed_compile(self):
        self.registry.minimal()
        self.compile()
        self.registry.path.rename(self.dir / "away")
        self.compile(check=2)
        run = self.signpost("status", check=1)
        self.assertIn("failed", run.stdout)
        self.assertIn(f"{self.registry.path}: No such file", run.stdout)
        facts = json.loads(self.signpost("status", "--json", check=1).stdout)
        self.assertIn("No such file", facts["last_compile"]["failure"])
        self.assertEqual(1, facts["snapshot"]["devices"])

    def test_a_foreign_or_damaged_snapshot(self):
        self.registry.minimal()
        self.compile()
        path, whole = self.snapshot(), self.snapshot().read_bytes()
        for bad in (b"", b"CDB" * 5000, whole[:-1], whole + whole, whole[:-8] + b"\0" * 8):
            path.write_bytes(bad)
            self.assert_says(self.signpost("status"), 2, "none in service", "compile it again")
        path.unlink()
        path.mkdir()
        self.assert_says(self.signpost("status"), 2, "not a plain file")

    def test_a_state_file_that_is_garbage(self):
        self.registry.minimal()
        self.compile()
        for text in ("", "{", "[]", '{"findings": 7}', '{"findings": [{"level": 1}], "at": 2}'):
            (self.state / "status.json").write_text(text)
            for args in ((), ("--json",)):
                self.assertIn(self.signpost("status", *args).returncode, (0, 1))
