"""A record that turns bad keeps its last good version, is told once, and harms nobody else."""

import json
import os
import shutil
import time

from last_good import DEVICE, NEIGHBOUR, RECORDS, USER, LastGood, LastGoodInGit
from support import CORE, SIGNPOST, UNKNOWN, UUID, until


class Kept:
    """The tests, for a registry of either source."""

    def test_every_kind_in_every_way(self):
        for way in ("syntax", "type", "identity", "empty", "link"):
            with self.subTest(way):
                for name in RECORDS:
                    self.spoil(name, way)
                said = self.said(check=1)
                for name in RECORDS:
                    # A log outlives what it tells of, and a UUID is a credential.
                    shown = name.replace(UUID, UUID[:8])
                    found = [line for line in said if line.startswith(shown + ":")]
                    self.assertEqual(1, len(found), (name, said))
                    self.assertIn(": error: ", found[0])
                self.assertEqual(self.good, self.poll())
                self.assertEqual([], self.said(check=1))
                self.assertEqual(self.good, self.poll())
                kept = self.kept()
                self.assertEqual(set(RECORDS), set(kept))
                text = self.signpost("status", check=1).stdout
                for name, entry in kept.items():
                    self.assertTrue(entry["error"])
                    line = f"  {name} since {entry['since']}: {entry['error']}\n"
                    self.assertIn(line, text)
        for name in RECORDS:
            self.change(name)
        self.assertEqual([], self.said(check=0))
        self.assertEqual(({}, self.good), (self.kept(check=0), self.poll()))

    def test_told_again_when_it_is_another_error(self):
        self.spoil(USER, "type")
        self.assertIn("groups", "".join(self.said(check=1)))
        self.spoil(USER, "identity")
        (line,) = self.said(check=1)
        self.assertRegex(line, rf"^{USER}:\d+:\d+: error: id: ")
        self.assertIn("id: ", self.kept()[USER]["error"])
        self.change(USER)
        self.assertEqual([], self.said(check=0))
        self.spoil(USER, "identity")
        self.assertEqual([line], self.said(check=1))

    def test_since_is_when_it_turned_bad(self):
        self.spoil(USER, "type")
        self.said(check=1)
        since = self.kept()[USER]["since"]
        self.assertRegex(since, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        now = lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())  # noqa: E731
        until(lambda: now() > since, "another second")
        self.registry.device(NEIGHBOUR, user_id=8, device="tablet")
        self.said(check=1)
        self.assertEqual(since, self.kept()[USER]["since"])
        self.spoil(USER, "syntax")
        self.spoil(DEVICE, "syntax")
        self.said(check=1)
        self.assertEqual(since, self.kept()[USER]["since"])
        self.assertGreater(self.kept()[DEVICE]["since"], since)

    def test_the_error_is_named_not_a_warning_before_it(self):
        self.change(USER, username="x" * 300, groups="vip")
        self.said(check=1)
        self.assertIn("groups", self.kept()[USER]["error"])

    def test_a_bad_new_record_harms_nobody(self):
        self.registry.write(f"devices/{UNKNOWN}.json", "{")
        self.registry.write("users/99.json", "{")
        self.registry.write(f"routes/entry_192.0.2.1_core_{CORE}.json", "{")
        self.registry.write("users/no-number.json", "{}")
        self.assertEqual(4, len(self.said(check=1)))
        self.assertEqual(self.good, self.poll())
        self.assertIn("Status: 404 ", self.poll(UNKNOWN))
        self.assertEqual({}, self.kept())
        self.assertIn("users/no-number.json", self.signpost("status", check=1).stdout)

    def test_bad_under_another_name(self):
        """A record is its identity, not its file: .json becomes .yaml and bad at once."""
        self.registry.remove(USER)
        self.registry.write("users/7.yaml", "id: 7\nstatus: [\n")
        self.assertIn("users/7.yaml:", "".join(self.said(check=1)))
        self.assertEqual((self.good, {"users/7.yaml"}), (self.poll(), set(self.kept())))

    def test_two_files_for_one_record(self):
        yaml = "id: 7\nstatus: active\ngroups: [vip]\ncore_nodes: []\n"
        self.registry.write("users/7.yaml", yaml)
        (line,) = self.said(check=1)
        for words in (line, self.signpost("status", check=1).stdout):
            self.assertIn(USER, words)
            self.assertIn("users/7.yaml", words)
        self.assertEqual(self.good, self.poll())
        (entry,) = self.kept().values()
        self.assertEqual([], self.said(check=1))
        # Either may go; then the other counts.
        self.registry.remove(USER)
        self.said(check=0)
        self.assertNotIn("@shop.example.org", self.poll())
        self.change(USER)
        self.said(check=1)
        self.registry.remove("users/7.yaml")
        self.said(check=0)
        self.assertEqual(self.good, self.poll())
        for path in (USER, "users/7.yaml"):
            self.assertIn(path, entry["path"] + entry["error"])

    def test_what_it_survives(self):
        self.spoil(USER, "syntax")
        self.spoil("domains/shop.example.org.json", "type")
        self.said(check=1)
        links = set(self.good.split("\n\r\n")[-1].splitlines()[-2:])
        for n, settings in enumerate(("", f"core: {CORE}\n", "order: name\n", "max_links: 5\n")):
            self.settings(settings)
            self.registry.device(NEIGHBOUR, user_id=8, device=f"tablet{n}")
            self.assertEqual([], self.said(check=1))
            self.assertEqual(links, set(self.poll().splitlines()[-2:]), settings)
            self.assertIn(f"tablet{n}", self.poll(NEIGHBOUR))
            self.signpost("compile", "--force", check=1)
            self.assertEqual(links, set(self.poll().splitlines()[-2:]), settings)
            self.assertEqual(2, len(self.kept()))

    def test_it_survives_a_restart_of_the_watcher(self):
        for n in range(2):
            watcher = self.start(SIGNPOST, "compile", "--watch", name="watch")
            self.spoil(USER, "syntax")
            self.registry.device(NEIGHBOUR, user_id=8, device=f"tablet{n}")
            self.publish()
            until(lambda n=n: f"tablet{n}" in self.poll(NEIGHBOUR), "the other change")
            self.assertEqual(self.good, self.poll())
            until(lambda: USER in self.signpost("status").stdout, "the status")
            watcher.stop()
            self.assertEqual(n == 0, f"{USER}:" in watcher.said(), watcher.said())

    def test_explain_tells_what_is_served(self):
        for name in RECORDS:
            self.spoil(name, "type")
        self.said(check=1)
        facts = json.loads(self.signpost("explain", "--json", UUID, check=0).stdout)
        self.assertEqual(self.poll().splitlines()[-2:], facts["links"])
        self.assertEqual("the same", facts["in_service"])
        self.assertEqual("active", facts["user"]["status"])



class InFiles(Kept, LastGood):
    def run_as_nobody(self, check):
        command = shutil.copy(SIGNPOST, self.dir)
        self.state.chmod(0o777)
        for file in self.state.iterdir():
            os.chown(file, 65534, 65534)
        return self.signpost("compile", check=check, command=command, **self.as_nobody())

    def test_a_file_without_the_right_to_read_it(self):
        """And with it later, though the file is as it was: somebody got the right otherwise."""
        if os.geteuid() != 0:
            self.skipTest("needs root, who may read everything")
        file = self.registry.path / USER
        self.registry.user(username="Pyotr")
        file.chmod(0o600)
        readable = file.stat().st_ctime + 2.1  # by then it counts as written long ago
        until(lambda: time.time() > readable, "the time")
        self.assertIn(f"{USER}: error: Permission denied", self.run_as_nobody(check=1).stderr)
        self.assertEqual((self.good, {USER}), (self.poll(), set(self.kept())))
        self.signpost("compile", check=0)
        self.assertEqual({}, self.kept(check=0))


class InGit(Kept, LastGoodInGit):
    def test_it_survives_another_history(self):
        """The commit that the last compile read is gone: everything is read anew."""
        self.spoil(USER, "syntax")
        self.said(check=1)
        self.registry.device(NEIGHBOUR, user_id=8, device="tablet")
        self.registry.git("checkout", "-q", "--orphan", "new")
        self.registry.commit()
        self.registry.git("branch", "-q", "-D", "main")
        self.registry.git("reflog", "expire", "--expire=now", "--all")
        self.registry.git("gc", "-q", "--prune=now")
        self.assertEqual([], self.said(check=1))
        self.assertEqual((self.good, {USER}), (self.poll(), set(self.kept())))
        self.assertIn("tablet", self.poll(NEIGHBOUR))
