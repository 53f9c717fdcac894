"""How INSTALL and the manual bring a checkout up to date: no journal and no mail gets a UUID by it.

git names the files that are in its way, and a device's file is called after its UUID.
"""

import os
import re
import shlex
import subprocess

from checkout import DEVICE, Case
from support import LIMIT, SECRET, TOP, GitRegistry


def found(name, pattern):
    """The one place of a file that looks so."""
    (words,) = re.findall(pattern, (TOP / name).read_text(), re.M)
    return words


UNIT = shlex.split(found("INSTALL", r"^    ExecStart=(.*git pull.*)$"))
CRON = ["sh", "-c", found("INSTALL", r"^    \*/5 .*? cd registry && (git pull[^;]*); ")]
MANUAL = ["sh", "-c", found("man/signpost.1", r"^\.Dl \$ (git .*); signpost compile$")]


class Pull(Case):
    def setUp(self):
        super().setUp()
        self.checkout = GitRegistry(self.dir / "checkout")
        self.registry.git("clone", "-q", self.registry.top, self.checkout.top, cwd=self.dir)

    def pull(self, command):
        """The exit status and all that is said, in the checkout."""
        command = [word.replace("/srv/registry", str(self.checkout.top)) for word in command]
        run = subprocess.run(
            command,
            cwd=self.checkout.top,
            env={**os.environ, "LANG": "C", "GIT_CONFIG_GLOBAL": "/dev/null"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT,
            text=True,
        )
        return run.returncode, run.stdout

    def test_an_edit_is_in_the_way(self):
        self.registry.device(device="laptop")
        wanted = self.registry.commit()
        self.checkout.device(device="edited")
        status, said = self.pull(["git", "pull", "-q", "--ff-only"])
        self.assertEqual(1, status)
        self.assertRegex(said, SECRET, "the control: this is what must be kept back")
        for command in (UNIT, CRON, MANUAL):
            status, said = self.pull(command)
            # 1 is a success of the unit, since signpost ends so when some records are wrong.
            self.assertGreater(status, 1 if command is UNIT else 0, command)
            self.assertEqual("", said, command)
        self.checkout.git("checkout", "-q", DEVICE)
        self.assertEqual((0, ""), self.pull(UNIT))
        self.assertEqual(wanted, self.checkout.head())

    def test_it_pulls(self):
        for number, command in enumerate((UNIT, CRON, MANUAL)):
            commit = self.change(f"phone-{number}")
            self.assertEqual((0, ""), self.pull(command))
            self.assertEqual(commit, self.checkout.head())

    def test_nobody_answers(self):
        self.registry.top.rename(self.dir / "elsewhere")
        for command in (UNIT, CRON, MANUAL):
            status, said = self.pull(command)
            self.assertGreater(status, 1 if command is UNIT else 0)
            self.assertEqual("", said)
