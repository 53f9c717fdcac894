"""What the tests of registries in a git checkout share."""

import json
import re
import shutil

from support import MINIMAL_LINK, UUID, GitRegistry, TestCase

DEVICE = f"devices/{UUID}.json"


class Case(TestCase):
    """A registry in a checkout, committed, that serves one link; its name tells the version."""

    def setUp(self):
        super().setUp()
        if shutil.which("git") is None:
            self.skipTest("needs the package git")
        self.registry = GitRegistry(self.registry.path).init()
        self.registry.minimal()
        self.first = self.registry.commit("first")

    def look_at(self, path):
        """Makes every program take the registry from there."""
        self.environment["SIGNPOST_DATA"] = str(path)

    def change(self, name, registry=None):
        """Commits another name of the device; returns the commit."""
        registry = registry or self.registry
        registry.device(device=name)
        return registry.commit(name)

    def assert_serves(self, name):
        self.assertEqual([MINIMAL_LINK.replace("#phone", f"#{name}")], self.served())

    def compile_and_serve(self, name, check=0):
        run = self.compile(check)
        self.assert_serves(name)
        return run

    def assert_refused(self, *words, serves=None, **kwargs):
        """Nothing is compiled, for a reason that is told; what was served still is."""
        run = self.signpost("compile", check=2, **kwargs)
        for word in words:
            self.assertIn(word, run.stderr)
        self.assertIn(words[0], self.signpost("status").stdout)
        if serves is not None:
            self.assert_serves(serves)

    def addresses(self):
        """Where the device's links lead."""
        return {re.search(r"@([^:]+):", link)[1] for link in self.served()}

    def status(self):
        return json.loads(self.signpost("status", "--json").stdout)

    def snapshot(self):
        (found,) = self.state.glob("*.cdb")
        return found.read_bytes()

    def assert_same_as_anew(self, check=0):
        """What is in service is what a compile makes that knows nothing from before."""
        environment = dict(self.environment, SIGNPOST_STATE=str(self.dir / "anew"))
        self.signpost("compile", env=environment, check=check)
        (other,) = (self.dir / "anew").glob("*.cdb")
        self.assertEqual(other.read_bytes(), self.snapshot())
        shutil.rmtree(self.dir / "anew")


class Changes(Case):
    """The same, compiled, so that only what changes from now on is read."""

    def setUp(self):
        super().setUp()
        self.compile_and_serve("phone")

    def endpoint(self, name, host, **fields):
        self.registry.endpoint(name, client={"address": host, "type": "tcp"}, **fields)

    def committed(self, check=0):
        self.registry.commit()
        return self.compile(check)

    def gitlink(self, path, commit="1" * 40):
        """Commits a submodule there, as the index has it when it is not checked out."""
        self.registry.git("rm", "-q", "-r", "--cached", "--ignore-unmatch", path)
        self.registry.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
        self.registry.git("commit", "-q", "-m", "gitlink")
