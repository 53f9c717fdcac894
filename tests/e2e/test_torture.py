"""Every answer is of one commit that was HEAD, whatever git and editors do to the checkout.

A writer changes a registry whose records all carry one number, by pulls, rebases, resets, switches
and edits in place, while readers poll. SIGNPOST_TORTURE is for how many seconds (60).
"""

import itertools
import os
import pathlib
import random
import shutil
import threading
import time

import fcgi
from processes import children
from support import GitRegistry, Registry, until
from torture import History, Torture, expected, write_common, write_local

SECONDS = float(os.environ.get("SIGNPOST_TORTURE") or 60)
FILES_SECONDS = 5
BUSY = "is under way; its outcome will be compiled"


class Git(Torture):
    settings_text = ""

    def setUp(self):
        super().setUp()
        self.settings(self.settings_text)
        self.registry = GitRegistry(self.registry.path).init()
        self.numbers = {"g": 0, "l": 0}  # the highest that are taken
        self.g = self.n = 0  # those of HEAD
        self.write()
        self.registry.commit()
        self.history.publish((0, 0))
        self.upstream = GitRegistry(self.dir / "upstream")
        self.registry.git("clone", "-q", self.registry.path, self.upstream.path)
        self.registry.git("remote", "add", "origin", self.upstream.path)
        self.process = self.responder(refresh=True)
        self.read(self.process)

    def write(self):
        write_common(self.registry, self.g)
        write_local(self.registry, self.n)

    def take(self, letter):
        self.numbers[letter] += 1
        return self.numbers[letter]

    def head(self, g, n, *command):
        """A git command in the served checkout that makes HEAD the state (g, n)."""
        self.history.publish((g, n))
        self.g, self.n = g, n
        self.registry.git(*command)

    def commit_upstream(self):
        """One commit upstream on top of HEAD; returns its generation. Not published here yet."""
        self.upstream.git("fetch", "-q", self.registry.path, "HEAD")
        self.upstream.git("reset", "-q", "--hard", "FETCH_HEAD")
        g = self.take("g")
        write_common(self.upstream, g)
        self.upstream.commit(f"g{g}")
        return g

    def commit_locally(self):
        for _ in range(random.randint(1, 3)):
            n = self.take("l")
            write_local(self.registry, n)
            self.registry.git("add", "-A")
            self.head(self.g, n, "commit", "-q", "-m", f"l{n}")

    # The steps that the writer chooses from.

    def pull(self):
        self.head(self.commit_upstream(), self.n, "pull", "-q", "--ff-only", "origin", "main")

    def pull_and_merge(self):
        g = self.commit_upstream()
        self.commit_locally()
        self.head(g, self.n, "pull", "-q", "--no-rebase", "--no-edit", "origin", "main")

    def pull_and_rebase(self):
        """On its way HEAD is upstream's commit, without the local ones: never to be served."""
        g = self.commit_upstream()
        self.commit_locally()
        self.head(g, self.n, "pull", "-q", "--rebase", "origin", "main")

    def pull_into_a_conflict(self):
        """A merge that stops half-way and is given up: HEAD stays, the files were torn."""
        self.commit_upstream()
        self.edit()
        pull = ("pull", "-q", "--no-rebase", "--no-edit", "origin", "main")
        self.assertIn("CONFLICT", self.registry.git(*pull, check=False))
        self.registry.git("merge", "--abort")

    def rebase_into_a_conflict(self):
        self.commit_upstream()
        self.edit()
        said = self.registry.git("pull", "-q", "--rebase", "origin", "main", check=False)
        self.assertIn("CONFLICT", said)
        self.registry.git("rebase", "--abort")

    def reset(self):
        n = self.n
        g = self.commit_upstream()
        if random.random() < 0.5:
            self.commit_locally()  # which is lost again
        self.registry.git("fetch", "-q", "origin", "main")
        self.head(g, n, "reset", "-q", "--hard", "FETCH_HEAD")

    def switch(self):
        g = self.commit_upstream()
        self.registry.git("fetch", "-q", "origin", "main")
        branch = f"branch{random.randint(1, 3)}"
        way = random.choice((["--detach"], ["-B", branch]))
        self.head(g, self.n, "checkout", "-q", *way, "FETCH_HEAD")

    def switch_from_a_branch_that_moves(self):
        """The branch that was HEAD goes on without it, to what is never to be served."""
        self.registry.git("checkout", "-q", "-B", "left")
        self.switch()
        self.commit_upstream()
        self.registry.git("fetch", "-q", "origin", "main")
        if self.registry.git("symbolic-ref", "-q", "HEAD", check=False) != "refs/heads/left":
            self.registry.git("branch", "-f", "left", "FETCH_HEAD")

    def edit(self):
        """As the operator's scripts do, file by file."""
        g, n = self.take("g"), self.take("l")
        write_common(self.registry, g)
        write_local(self.registry, n)
        self.registry.git("add", "-A")
        self.head(g, n, "commit", "-q", "-m", f"g{g} l{n}")

    def edit_and_undo(self):
        write_common(self.registry, self.take("g"))
        self.registry.git("add", "-A")
        self.registry.git("reset", "-q", "--hard")

    def tidy(self):
        self.registry.git("pack-refs", "--all")
        if random.random() < 0.3:
            self.registry.git("reflog", "expire", "--expire=now", "--all")
            self.registry.git("gc", "-q", "--prune=now")

    def burst(self):
        """A few steps; sometimes with a timer's compiles beside the refresher."""
        steps = [
            self.pull,
            self.pull_and_merge,
            self.pull_and_rebase,
            self.pull_into_a_conflict,
            self.rebase_into_a_conflict,
            self.reset,
            self.switch,
            self.switch_from_a_branch_that_moves,
            self.edit,
            self.edit_and_undo,
            self.tidy,
        ]
        is_over = threading.Event()
        timer = threading.Thread(target=self.compile_until, args=(is_over,))
        if random.random() < 0.6:
            timer.start()
        try:
            for step in random.choices(steps, k=random.randint(1, 10)):
                self.done.append(step.__name__)
                step()
        finally:
            is_over.set()
            if timer.ident:
                timer.join()

    def compile_until(self, is_over):
        while not is_over.is_set() and not self.stop.is_set():
            before = self.registry.head()
            run = self.signpost("compile")
            # What it had begun to read may have been thrown away meanwhile (`tidy`).
            is_excused = BUSY in run.stderr or self.registry.head() != before
            if run.returncode != 0 and not (run.returncode == 2 and is_excused):
                reader = self.readers[0]
                reader.failure = reader.failure or AssertionError(run.stderr)
                self.stop.set()

    def test_every_answer_is_of_one_commit(self):
        end, enough = time.monotonic() + SECONDS, (SECONDS, SECONDS * 5)
        while self.goes_on(end, *enough):
            self.burst()
            self.await_newest()
        self.assert_whole(*enough)
        self.assertEqual(1, len(children(self.process.pid, "signpost")))
        # What is new is served before its pass has written its status.
        until(lambda: not list(self.state.glob("*.tmp")), "no file on its way")

    def test_the_judge(self):
        """It knows a torn answer when it sees one."""
        self.stop.set()
        history = History()
        for state in ((3, 3), (4, 4), (5, 4)):
            history.publish(state)

        def judge(*links, status=200, before=0):
            head = f"Status: {status} so\r\n\r\n".encode()
            reply = fcgi.Reply([(fcgi.STDOUT, 1, head + "\n".join(links).encode())])
            return history.judge(1, reply, before)

        one, two, three = (expected(1, *state) for state in ((3, 3), (4, 4), (5, 4)))
        self.assertEqual([1, 2, 3], [judge(*links) for links in (one, two, three)])
        self.assertEqual(2, judge(*reversed(two), before=2))
        for wrong in (
            one[:1] + two[1:],
            expected(1, 4, 3),
            expected(1, 6, 6),
            one[:-1],
            one + one[:1],
            [one[0].replace("#phone1-g3", "#phone1-g4"), *one[1:]],
            [one[0].replace("phone", "pad"), *one[1:]],
            [],
        ):
            self.assertRaises(AssertionError, judge, *wrong)
        self.assertRaises(AssertionError, judge, *one, before=2)
        self.assertRaises(AssertionError, judge, *one, status=404)


class Files(Torture):
    """Plain files, released as a whole by a symlink."""

    def setUp(self):
        super().setUp()
        self.releases = self.dir / "releases"
        self.release(0)
        self.process = self.responder(refresh=True)
        self.read(self.process)

    def release(self, g):
        release = Registry(self.releases / str(g))
        write_common(release, g)
        write_local(release, g)
        self.history.publish((g, g))
        new = pathlib.Path(f"{self.registry.path}.new")
        new.symlink_to(release.path)
        new.rename(self.registry.path)
        shutil.rmtree(self.releases / str(g - 3), ignore_errors=True)

    def test_every_answer_is_of_one_release(self):
        end, enough = time.monotonic() + FILES_SECONDS, (FILES_SECONDS // 2, FILES_SECONDS * 5)
        numbers = itertools.count(1)
        while self.goes_on(end, *enough):
            for _ in range(random.randint(1, 5)):
                self.release(next(numbers))
            self.await_newest()
        self.assert_whole(*enough)
