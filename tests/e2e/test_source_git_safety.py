"""What lies beside the commit: configured programs, environment, uncommitted edits, rebases."""

import os

from checkout import DEVICE, Case
from support import SIGNPOST, UNKNOWN, UUID, until

HOOKS = ("post-index-change", "reference-transaction", "fsmonitor-watchman", "post-checkout")
# Settings of a repository that name a program.
PROGRAMS = """
[core]
    fsmonitor = {evil}
    hooksPath = {hooks}
    pager = {evil}
    editor = {evil}
    askPass = {evil}
    sshCommand = {evil}
    gitProxy = {evil}
    alternateRefsCommand = {evil}
[pager]
    status = {evil}
    diff-tree = {evil}
    ls-tree = {evil}
    cat-file = {evil}
[alias]
    status = !{evil}
    diff-tree = !{evil}
    ls-tree = !{evil}
    cat-file = !{evil}
    rev-parse = !{evil}
[filter "evil"]
    clean = {evil}
    smudge = {evil}
    process = {evil}
    required = true
[filter "clean"]
    clean = {evil}
[diff]
    external = {evil}
[diff "evil"]
    textconv = {evil}
    command = {evil}
[merge "evil"]
    driver = {evil}
[credential]
    helper = !{evil}
[gpg]
    program = {evil}
[log]
    showSignature = true
"""


class Programs(Case):
    def setUp(self):
        super().setUp()
        registry, self.ran = self.registry, self.dir / "ran"
        registry.write(".gitattributes", "* filter=evil diff=evil merge=evil\n")
        registry.write("nodes/.gitattributes", "* filter=clean\n")
        registry.commit()
        self.compile_and_serve("phone")
        self.second = self.change("second")
        git, hooks = registry.path / ".git", self.dir / "hooks"
        hooks.mkdir()
        self.evil = self.dir / "evil"
        self.evil.write_text(f"#!/bin/sh\necho $0 $* >>{self.ran}\nexec cat\n")
        self.evil.chmod(0o755)
        with open(git / "config", "a") as config:
            config.write(PROGRAMS.format(evil=self.evil, hooks=hooks))
        (git / "hooks").mkdir(exist_ok=True)
        for name in HOOKS:
            (hooks / name).symlink_to(self.evil)
            (git / "hooks" / name).symlink_to(self.evil)

    def assert_nothing_ran(self):
        self.assertEqual("", self.ran.read_text() if self.ran.exists() else "")

    def test_none_is_run_when_it_compiles(self):
        self.compile_and_serve("second")
        self.assert_same_as_anew()
        for args in (["check"], ["explain", UUID]):
            self.signpost(*args, check=0)
        self.assert_nothing_ran()

    def test_none_is_run_to_tell_what_is_uncommitted(self):
        """A filter would be, to compare a file's content with the index."""
        self.compile()
        self.registry.device(device="edited")
        self.registry.node(UNKNOWN)
        file = self.registry.path / DEVICE
        self.registry.user()  # another file with the same content
        os.utime(self.registry.path / "users/7.json", (0, 0))
        for name in ("edited", "editex"):  # of the same size as what is in the index, too
            file.write_text(file.read_text().replace("edited", name))
            self.signpost("status", check=0)
        self.assert_nothing_ran()


class Environment(Case):
    def test_it_does_not_mislead(self):
        self.compile_and_serve("phone")
        second = self.change("second")
        trace = self.dir / "trace"
        self.environment.update(
            GIT_DIR=str(self.dir / "nowhere"),
            GIT_WORK_TREE=str(self.dir),
            GIT_COMMON_DIR="/nonexistent",
            GIT_INDEX_FILE=str(self.dir / "index"),
            GIT_OBJECT_DIRECTORY=str(self.dir / "objects"),
            GIT_ALTERNATE_OBJECT_DIRECTORIES="/nonexistent",
            GIT_NAMESPACE="other",
            GIT_EXEC_PATH="/nonexistent",
            GIT_CEILING_DIRECTORIES=str(self.dir),
            GIT_LITERAL_PATHSPECS="1",
            GIT_EXTERNAL_DIFF="/nonexistent",
            GIT_DEFAULT_HASH="sha256",
            GIT_SHALLOW_FILE="/nonexistent",
            GIT_TRACE=str(trace),
            GIT_TRACE2=str(trace),
            GIT_CONFIG_PARAMETERS="'core.bare'='nonsense'",
            GIT_CONFIG_COUNT="1",
            GIT_CONFIG_KEY_0="core.repositoryFormatVersion",
            GIT_CONFIG_VALUE_0="99",
            LC_ALL="de_DE.UTF-8",
            LANGUAGE="de",
        )
        self.compile_and_serve("second")
        self.assert_same_as_anew()
        self.assertEqual(second, self.status()["source"]["head"])
        self.assertNotIn("problem", self.status()["source"])
        self.assertFalse(trace.exists())


class Uncommitted(Case):
    def uncommitted(self):
        source = self.status()["source"]
        self.assertEqual(("git", None), (source["kind"], source.get("problem")))
        text = self.signpost("status", check=0).stdout
        count = source["uncommitted"]
        words = f"uncommitted   {count} files that are not served before they are committed, like "
        self.assertEqual(count > 0, words in text, text)
        if count > 0:
            self.assertIn(words + source["example"], text)
        return count

    def test_never_served_but_told(self):
        registry = self.registry
        registry.user(9)
        registry.commit()
        self.compile_and_serve("phone")
        self.assertEqual(0, self.uncommitted())
        registry.write("README", "x")
        registry.write("notes/1.json", "x")
        self.assertEqual(0, self.uncommitted())
        registry.device(device="edited")
        self.assertEqual(1, self.uncommitted())
        registry.device(UNKNOWN)
        registry.write("endpoints/new/deep.json", "{}")
        registry.remove("users/9.json")
        self.assertEqual(4, self.uncommitted())
        registry.git("add", "-A")
        self.assertEqual(4, self.uncommitted())
        registry.device(device="edited again")
        self.assertEqual(4, self.uncommitted())
        self.compile_and_serve("phone")
        self.assertEqual([], self.served(UNKNOWN))
        (self.state / "cache").unlink()
        next(self.state.glob("*.cdb")).unlink()
        self.compile_and_serve("phone")
        registry.commit()
        self.compile_and_serve("edited%20again")
        self.assertEqual(0, self.uncommitted())

    def test_a_file_that_was_only_touched(self):
        self.compile()
        index = self.registry.path / ".git/index"
        before = index.read_bytes()
        os.utime(self.registry.path / DEVICE, (0, 0))
        self.assertEqual(0, self.uncommitted())
        self.assertEqual(before, index.read_bytes())  # nothing is locked, nothing written

    def test_odd_names(self):
        self.compile()
        for name in ("a b", 'quo"te', "new\nline", "Имя", "\udcff\udcfe", "-x"):
            file = self.registry.write(f"endpoints/{name}.json", "{")
            with self.subTest(name):
                source = self.status()["source"]
                self.assertEqual(1, source["uncommitted"])
                self.assertTrue(source.get("example"))
                self.assertNotIn("(null)", self.signpost("status", check=0).stdout)
                self.registry.commit()
                self.compile(1)
                last = self.status()["last_compile"]
                self.assertEqual((1, 1), (last["errors"], len(last["findings"])))
                self.assertIn("1 errors", self.signpost("status", check=1).stdout)
            file.unlink()
            self.registry.commit()
            self.compile()


class Busy(Case):
    """A rebase or a merge is under way: what HEAD names is not meant to be seen."""

    def setUp(self):
        super().setUp()
        git = self.registry.git
        git("checkout", "-q", "-b", "side")
        self.change("side")
        self.side = self.registry.head()
        git("checkout", "-q", "main")
        self.registry.route(name="x")
        self.change("main")
        self.compile_and_serve("main")
        git("config", "rerere.enabled", "false")

    def assert_waits(self, what):
        for _ in range(2):
            self.assert_refused(
                str(self.registry.path),
                f"a {what} is under way; its outcome will be compiled",
                serves="main",
            )
        last = self.status()["last_compile"]
        self.assertIn(what, last["waiting"])
        self.assertIsNone(last["failure"])
        self.assertRegex(self.signpost("status").stdout, "last compile .*: waiting")
        self.assertIn(what, self.status()["source"]["problem"])

    def assert_goes_on(self, name):
        self.compile_and_serve(name)
        self.assertIsNone(self.status()["last_compile"]["waiting"])
        self.assertNotIn("waiting", self.signpost("status", check=0).stdout)
        self.assert_same_as_anew()

    def test_rebase(self):
        git = self.registry.git
        for how in ("--merge", "--apply"):
            git("reset", "-q", "--hard", "main")
            git("rebase", how, "side", check=False)
            self.assert_waits("rebase")
            git("rebase", "--abort")
            self.assert_goes_on("main")
            git("rebase", how, "side", check=False)
            self.assert_waits("rebase")
            self.registry.device(device="resolved")
            git("add", "-A")
            git("-c", "core.editor=true", "rebase", "--continue")
            self.assert_goes_on("resolved")
            git("reset", "-q", "--hard", "ORIG_HEAD")
            git("checkout", "-q", "-B", "main")
            self.change("main")
            self.compile_and_serve("main")

    def test_merge(self):
        git = self.registry.git
        git("merge", "--no-commit", "--no-ff", "side", check=False)
        self.assert_waits("merge")
        git("merge", "--abort")
        self.assert_goes_on("main")
        git("merge", "--no-commit", "--no-ff", "-s", "ours", "side")
        self.assert_waits("merge")
        self.registry.device(device="merged")
        self.registry.commit()
        self.assert_goes_on("merged")

    def test_none_in_service_yet(self):
        self.environment["SIGNPOST_STATE"] = str(self.dir / "new")
        self.registry.git("merge", "--no-commit", "--no-ff", "side", check=False)
        self.assertIn("a merge is under way", self.signpost("compile", check=2).stderr)
        self.signpost("status", check=2)

    def test_a_watcher_waits_too(self):
        self.registry.git("merge", "--no-commit", "--no-ff", "side", check=False)
        watcher = self.start(SIGNPOST, "compile", "--watch")
        until(lambda: "waiting" in watcher.said(), "the watcher's word")
        self.assert_serves("main")
        self.registry.device(device="merged")
        self.registry.commit()
        until(lambda: "#merged" in self.served()[0], "the outcome")
        self.assertEqual(1, watcher.said().count("a merge is under way"))
        self.assertNotIn("rror:", watcher.said())
        until(lambda: self.status()["last_compile"]["waiting"] is None, "the status")
