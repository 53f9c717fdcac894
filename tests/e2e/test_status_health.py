"""status about nodes: which files there should be, and who has spoken."""

import os

import health_file
from fleets import FleetCase


class Status(FleetCase):
    def said(self, check):
        return self.signpost("status", check=check).stdout

    def test_nothing_written_yet(self):
        """The own file is wanted where signpost-health is set up, and only there."""
        words = f"{self.file}: signpost-health has not written it yet"
        self.assertIn(words, self.said(check=1))
        (vantage,) = self.status(check=1)["health"]
        self.assertEqual({"path": str(self.file), "inside": False, "problem": words}, vantage)
        for missing in ("uuid", "target"):
            self.configure(**{missing: None})
            self.assertNotIn("health", self.said(check=0))
            self.assertEqual([], self.status(check=0)["health"])
        self.configure()
        self.ask_once()
        self.assertNotIn("has not written it yet", self.said(check=0))

    def test_a_vantage_that_cannot_be_read(self):
        self.ask_once()
        there = self.dir / "there"
        there.mkdir()
        path = there / "inside-1.health"
        self.configure(vantages=f"[{{file: {path}, inside: true}}]")
        self.assertIn(f"{path}: No such file or directory", self.said(check=1))
        _, vantage = self.status(check=1)["health"]
        self.assertTrue(vantage["inside"])
        self.assertIn("No such file", vantage["problem"])
        file = health_file.File(self.file)
        file.vantage = "inside-1"
        file.write(path)
        self.assertIn("from inside-1 at ", self.said(check=0))
        path.unlink()
        os.symlink(path.name, path)
        self.assertIn(f"{path}: Too many levels of symbolic links", self.said(check=1))

    def test_who_spoke(self):
        self.ask_once()
        (vantage,) = self.status()["health"]
        self.assertEqual({"none": 0, "native": 4, "engine": 0}, vantage["alive_by"])
        self.assertRegex(self.said(check=0), r"(?m)^health .*: 4 alive \(alive by 4 native\)$")
        file = health_file.File(self.file)
        for node, spoke in zip(self.nodes, ("engine", "native", "engine", "engine"), strict=True):
            file.nodes[node.key].spoke = spoke
        file.say("dead", self.nodes[3].key)
        file.sequence += 1
        file.write(self.file)
        (vantage,) = self.status()["health"]
        self.assertEqual({"none": 0, "native": 1, "engine": 2}, vantage["alive_by"])
        words = r"(?m)^health .*: 3 alive 1 dead \(alive by 1 native 2 engine\)$"
        self.assertRegex(self.said(check=0), words)
