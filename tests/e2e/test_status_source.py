"""status about the source: what is committed, what is not, and what is waited for."""

import json

from support import MINIMAL_LINK, UNKNOWN, UUID, GitRegistry, TestCase

KEYS = {
    "snapshot": "path format compiled bytes version devices users endpoints sets".split(),
    "last_compile": (
        "at failure waiting data version errors warnings findings kept_back kept".split()
    ),
}


class Source(TestCase):
    def status_text(self, check=0):
        return self.signpost("status", check=check).stdout


class InFiles(Source):
    def test_files(self):
        self.registry.minimal()
        self.compile()
        facts = self.status()
        self.assertEqual({"kind": "files"}, facts["source"])
        for part, keys in KEYS.items():
            self.assertEqual([], [key for key in keys if key not in facts[part]])
        self.assertRegex(facts["snapshot"]["version"], r"^files-[0-9a-f]{16}$")
        self.assertEqual(facts["snapshot"]["version"], facts["last_compile"]["version"])
        text = self.status_text()
        self.assertNotIn("HEAD", text)
        self.assertNotIn("uncommitted", text)

    def test_the_version_is_the_content(self):
        self.registry.minimal()
        self.compile()
        first = self.status()["snapshot"]["version"]
        self.registry.device(device="tablet")
        self.compile()
        self.assertNotEqual(first, self.status()["snapshot"]["version"])
        self.registry.device()
        self.compile()
        self.assertEqual(first, self.status()["snapshot"]["version"])

    def test_said_of_a_registry_that_gives_nothing(self):
        """It is compiled, and only the next time in service already."""
        self.registry.user()
        for word, other in (("compiled", "already"), ("already", "compiled")):
            said = self.signpost("compile", check=0).stderr
            self.assertIn(word, said)
            self.assertNotIn(other, said)

    def test_a_usage_file(self):
        usage = self.state / "usage"
        self.registry.minimal()
        self.signpost("compile")
        for right in ("", "1 0 0\n2 18446744073709551615 1\n"):
            usage.write_text(right)
            self.assertNotIn("usage", self.status())
        for wrong, place in (("1 0 0\n3 1 1\n2 1 1\n", ":3:"), ("1 0 0\n2 1\n", ":2:")):
            usage.write_text(wrong)
            self.assertIn(f"{usage}{place}", self.status(1)["usage"]["problem"])
            self.assertIn(f"usage         {usage}{place}", self.signpost("status", check=1).stdout)

    def test_a_source_that_is_none(self):
        self.registry.minimal()
        self.settings("source: git\n")
        self.assertIn("in no git checkout", self.signpost("compile", check=2).stderr)
        self.assertIn("in no git checkout", self.status(2)["source"]["problem"])
        self.assertIn("in no git checkout", self.status_text(2))


class InGit(Source):
    def setUp(self):
        super().setUp()
        self.registry = GitRegistry(self.registry.path)
        self.registry.minimal()
        self.head = self.registry.commit()
        self.compile()

    def test_committed(self):
        facts = self.status()
        self.assertEqual({"kind": "git", "head": self.head, "uncommitted": 0}, facts["source"])
        self.assertEqual(self.head, facts["snapshot"]["version"])
        self.assertEqual(self.head, facts["last_compile"]["version"])
        text = self.status_text()
        self.assertIn(f"HEAD          {self.head}\n", text)
        self.assertIn(f"from version {self.head}\n", text)
        self.assertNotIn("uncommitted", text)

    def test_committed_but_not_compiled(self):
        self.registry.device(device="tablet")
        new = self.registry.commit()
        facts = self.status()
        self.assertEqual(new, facts["source"]["head"])
        self.assertEqual(self.head, facts["snapshot"]["version"])
        self.compile()
        self.assertEqual(new, self.status()["snapshot"]["version"])

    def test_uncommitted(self):
        """What is changed, new, deleted or staged counts; what is no record's place does not."""
        (self.registry.path / "README").write_text("x")
        self.assertEqual(0, self.status()["source"]["uncommitted"])
        self.registry.device(device="tablet")
        source = self.status()["source"]
        self.assertEqual((1, f"devices/{UUID}.json"), (source["uncommitted"], source["example"]))
        self.assertIn("1 files that are not served before they are committed", self.status_text())
        self.assertIn(f"devices/{UUID}.json", self.status_text())
        self.registry.device(UNKNOWN)
        self.registry.remove("users/7.json")
        self.registry.git("add", f"devices/{UNKNOWN}.json")
        self.assertEqual(3, self.status()["source"]["uncommitted"])
        self.assertEqual(self.head, self.status()["source"]["head"])
        self.compile()
        self.assertIn(MINIMAL_LINK, self.poll())

    def test_explain_after_an_uncommitted_edit(self):
        """It says what the responder says: what is not committed is not there."""
        self.registry.device(status="blocked")
        facts = json.loads(self.signpost("explain", "--json", UUID, check=0).stdout)
        self.assertEqual(([MINIMAL_LINK], "the same"), (facts["links"], facts["in_service"]))
        self.assertIn(MINIMAL_LINK, self.poll())
        self.registry.commit()
        self.assertEqual("device-status", self.explain(1)["refusal"])
        self.assertEqual("differs", self.explain(1)["in_service"])
        self.compile()
        self.assertEqual("the same", self.explain(1)["in_service"])
        self.assertIn("Status: 404 ", self.poll())

    def explain(self, check):
        return json.loads(self.signpost("explain", "--json", UUID, check=check).stdout)

    def test_waiting(self):
        """A merge or rebase is under way: what it leaves in between is not meant to be served."""
        self.registry.device(device="tablet")
        new = self.registry.commit()
        for mark, word in (("MERGE_HEAD", "merge"), ("rebase-merge", "rebase")):
            path = self.registry.path / ".git" / mark
            if word == "merge":
                path.write_text(self.head + "\n")
            else:
                path.mkdir()
            run = self.signpost("compile", check=2)
            self.assertIn(f"waiting: {self.registry.path}: a {word} is under way", run.stderr)
            facts = json.loads(self.signpost("status", "--json").stdout)
            self.assertIn(f"a {word} is under way", facts["source"]["problem"])
            self.assertIn(f"a {word} is under way", facts["last_compile"]["waiting"])
            self.assertIsNone(facts["last_compile"]["failure"])
            text = self.signpost("status").stdout
            self.assertIn(": waiting, ", text)
            self.assertIn(f"a {word} is under way", text)
            self.assertIn(MINIMAL_LINK, self.poll())
            self.assertEqual("the same", self.explain(0)["in_service"])
            path.unlink() if word == "merge" else path.rmdir()
        self.compile()
        facts = self.status()
        self.assertIsNone(facts["last_compile"]["waiting"])
        self.assertEqual(new, facts["snapshot"]["version"])
        self.assertNotIn("problem", facts["source"])

    def test_waiting_for_nothing(self):
        """A merge that is given up leaves the commit that is in service: all is well again."""
        path = self.registry.path / ".git" / "MERGE_HEAD"
        path.write_text(self.head + "\n")
        self.compile(2)
        path.unlink()
        self.compile()
        self.assertIsNone(self.status()["last_compile"]["waiting"])
        self.assertIn(": done, 0 errors", self.status_text())

    def test_errors_stay_counted(self):
        """Over passes that have nothing to do, and over one that had to wait."""
        self.registry.user(9, status="actve")
        self.registry.commit()
        for _ in range(2):
            self.compile(1)
            self.assertEqual(1, self.status(1)["last_compile"]["errors"])
        path = self.registry.path / ".git" / "MERGE_HEAD"
        path.write_text(self.head + "\n")
        self.compile(2)
        path.unlink()
        self.compile(1)
        self.assertEqual(1, len(self.status(1)["last_compile"]["findings"]))

    def test_a_repaired_error_that_was_waited_over(self):
        """Back at the commit in service, what was wrong in between is wrong no more."""
        self.registry.path.rename(self.dir / "away")
        self.compile(2)
        self.status(1)
        (self.dir / "away").rename(self.registry.path)
        self.compile()
        self.assertIsNone(self.status()["last_compile"]["failure"])

    def test_a_directory_deeper_in_a_checkout(self):
        inner = GitRegistry(self.registry.path / "fleet")
        inner.minimal()
        inner.device(device="tablet")
        head = self.registry.commit()
        inner.device(device="laptop")
        self.environment["SIGNPOST_DATA"] = str(inner.path)
        self.settings("source: git\n")
        self.compile()
        self.assertIn("#tablet", self.poll())
        source = self.status()["source"]
        self.assertEqual(("git", head, 1), (source["kind"], source["head"], source["uncommitted"]))
        self.settings("source: files\n")
        self.compile()
        self.assertIn("#laptop", self.poll())
        self.assertEqual({"kind": "files"}, self.status()["source"])

    def test_no_commit_yet(self):
        registry = GitRegistry(self.dir / "other")
        registry.minimal()
        registry.git("init", "-q", "-b", "main")
        self.environment["SIGNPOST_DATA"] = str(registry.path)
        self.compile(2)
        facts = self.status(1)
        self.assertTrue(facts["source"]["problem"])
        self.assertTrue(facts["last_compile"]["failure"])
        self.assertIn(MINIMAL_LINK, self.poll())
