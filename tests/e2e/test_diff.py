"""diff: which devices gain and lose which links between two states of a registry."""

import os
import resource
import shutil
import subprocess

from support import (
    CORE,
    ENTRY,
    LIMIT,
    MINIMAL_LINK,
    SERVICE,
    SIGNPOST,
    TOP,
    UNKNOWN,
    UUID,
    GitRegistry,
    Registry,
    TestCase,
)

SAME = "0 devices gain links, 0 lose links, 0 get others, 0 another order, {} the same\n"
OTHER_LINK = MINIMAL_LINK.replace(UUID, UNKNOWN)


class Diff(TestCase):
    """Two registries, old and new, the same at first; data is not set."""

    def setUp(self):
        super().setUp()
        self.tmp = self.dir / "tmp"
        self.tmp.mkdir()
        self.environment["TMPDIR"] = str(self.tmp)
        del self.environment["SIGNPOST_DATA"]
        self.old = Registry(self.dir / "old").minimal()
        self.new = Registry(self.dir / "new").minimal()

    def diff(self, check, old=None, new=None, **kwargs):
        run = self.signpost(
            "diff", old or self.old.path, new or self.new.path, check=check, **kwargs
        )
        self.assertEqual(check == 2, bool(run.stderr), run.stderr)
        self.assertEqual([], os.listdir(self.tmp))
        return run.stdout

    def snapshot(self, registry, name):
        env = {**self.environment, "SIGNPOST_DATA": str(registry.path)}
        env["SIGNPOST_STATE"] = str(self.dir / name)
        self.signpost("compile", env=env, check=0)
        (found,) = (self.dir / name).glob("*.cdb")
        return found

    def assert_counts(self, said, gain=0, lose=0, change=0, order=0, same=0):
        line = f"{gain} devices gain links, {lose} lose links, {change} get others, "
        line += f"{order} another order, {same} the same\n"
        self.assertTrue(said.endswith(line), said)


class Devices(Diff):
    def test_the_same(self):
        self.old.device(UNKNOWN, status="blocked")
        self.new.user(8)  # nobody's links
        self.new.domain("unused.example.org", "192.0.2.7")
        self.assertEqual(SAME.format(1), self.diff(0))
        self.assertEqual(SAME.format(1), self.diff(0, self.old.path, self.old.path))

    def test_added_and_removed(self):
        self.new.device(UNKNOWN)
        lines = [f"{UNKNOWN} phone", f"  + {OTHER_LINK}"]
        self.assertEqual(lines, self.diff(1).splitlines()[:-1])
        self.assert_counts(self.diff(1), gain=1, same=1)
        said = self.diff(1, self.new.path, self.old.path)
        self.assertEqual([f"{UNKNOWN} phone", f"  - {OTHER_LINK}"], said.splitlines()[:-1])
        self.assert_counts(said, lose=1, same=1)

    def test_every_way_to_lose_all(self):
        route = f"entry_{ENTRY}_core_{CORE}"
        for change in (
            lambda: self.new.device(status="blocked"),
            lambda: self.new.user(status="inactive"),
            lambda: self.new.user(expires="2020-01-01"),
            lambda: self.new.user(core_nodes=[]),
            lambda: self.new.route(groups=["vip"]),
            lambda: self.new.domain(status="archived"),
            lambda: self.new.write(f"devices/{UUID}.json", "{"),
            lambda: self.new.remove(f"routes/{route}.json"),
        ):
            change()
            for _ in range(2):
                said = self.diff(1)
                self.assertEqual(
                    [f"{UUID} phone", f"  - {MINIMAL_LINK}"], said.splitlines()[:-1]
                )
                self.assert_counts(said, lose=1)
            said = self.diff(1, self.new.path, self.old.path)
            self.assert_counts(said, gain=1)
            self.new.minimal()
            self.assertEqual(SAME.format(1), self.diff(0))

    def test_expired_on_both_sides(self):
        self.old.user(expires="2020-01-01")
        self.new.user(expires="2021-01-01", username="Pyotr")
        self.assertEqual(SAME.format(0), self.diff(0))

    def test_other_links(self):
        self.new.route(client_service_name="other")
        said = self.diff(1)
        changed = MINIMAL_LINK.replace(SERVICE, "other")
        self.assertEqual(
            [f"{UUID} phone", f"  - {MINIMAL_LINK}", f"  + {changed}"], said.splitlines()[:-1]
        )
        self.assert_counts(said, change=1)

    def test_more_and_fewer(self):
        for registry in (self.old, self.new):
            registry.endpoint("a", address="a.example.org", type="ws")
            registry.endpoint("b", address="b.example.org", type="ws")
        self.new.endpoint("c", address="c.example.org", type="ws")
        said = self.diff(1)
        self.assert_counts(said, gain=1)
        self.assertEqual((1, 0), (said.count("\n  + "), said.count("\n  - ")))
        self.assertIn("@c.example.org:", said)
        self.assert_counts(self.diff(1, self.new.path, self.old.path), lose=1)

    def test_another_order(self):
        for registry, first in ((self.old, 1), (self.new, 300)):
            registry.endpoint("a", address="a.example.org", type="ws", priority=first)
            registry.endpoint("b", address="b.example.org", type="ws", priority=200)
        said = self.diff(1)
        self.assertEqual([f"{UUID} phone", "  in another order"], said.splitlines()[:-1])
        self.assert_counts(said, order=1)

    def test_many(self):
        for n in range(60):
            uuid = f"{n:02x}{UUID[2:]}"
            if n % 3 != 0:
                self.old.device(uuid)
            if n % 3 != 1:
                self.new.device(uuid, device="tablet" if n % 6 == 2 else "phone")
        said = self.diff(1)
        self.assert_counts(said, gain=20, lose=20, change=10, same=11)
        heads = [line.split()[0] for line in said.splitlines()[:-1] if line[0] != " "]
        self.assertEqual(sorted(heads), heads)
        self.assertEqual(50, len(set(heads)))


class Operands(Diff):
    def test_snapshots_and_directories(self):
        self.new.device(UNKNOWN)
        wanted = self.diff(1)
        old, new = self.snapshot(self.old, "1"), self.snapshot(self.new, "2")
        for a in (old, self.old.path):
            for b in (new, self.new.path):
                self.assertEqual(wanted, self.diff(1, a, b))
            self.assertEqual(SAME.format(1), self.diff(0, a, old))

    def test_a_checkout_is_read_as_it_lies_there(self):
        registry = GitRegistry(self.old.path)
        registry.commit()
        registry.device(UNKNOWN)
        self.assert_counts(self.diff(1), lose=1, same=1)

    def test_settings_count_for_directories(self):
        old = self.snapshot(self.old, "1")
        self.environment["SIGNPOST_CORE"] = "192.0.2.99"
        self.assertEqual(SAME.format(0), self.diff(0))
        self.assert_counts(self.diff(1, old), lose=1)
        del self.environment["SIGNPOST_CORE"]
        file = self.settings("core: 192.0.2.99\n")
        self.assertEqual(SAME.format(0), self.diff(0))
        self.environment["SIGNPOST_CONFIG"] = "/dev/null"
        run = self.signpost("diff", "-c", file, self.old.path, old, check=1)
        self.assert_counts(run.stdout, gain=1)
        file.write_text("coer: 192.0.2.99\n")
        run = self.signpost("diff", "-c", file, old, old, check=2)
        self.assertIn(f"{file}:1:1: coer", run.stderr)

    def test_state_is_left_alone(self):
        self.diff(0)
        self.assertFalse(self.state.exists())


class Trouble(Diff):
    def said(self, *args):
        run = self.signpost("diff", *args, check=2)
        self.assertEqual("", run.stdout)
        self.assertEqual([], os.listdir(self.tmp))
        self.assertEqual(1, run.stderr.count("\n"), run.stderr)
        return run.stderr

    def test_usage(self):
        for option in ("--help", "-h"):
            run = self.signpost("diff", option, check=0)
            self.assertTrue(run.stdout.startswith("usage: signpost diff"), run.stdout)
            self.assertIn("Exit status: 0", run.stdout)
        self.assertIn("\n  diff", self.signpost("--help", check=0).stdout)
        for args in ((), ("a",), ("a", "b", "c"), ("--nonsense", "a", "b")):
            self.assertIn("signpost diff --help", self.signpost("diff", *args, check=2).stderr)

    def test_what_is_not_there(self):
        good = self.snapshot(self.new, "1")
        missing = self.dir / "missing"
        for other in (good, self.old.path):
            self.assertIn(f"{missing}: No such file", self.said(other, missing))
            self.assertIn(f"{missing}: No such file", self.said(missing, other))
            self.assertIn("no registry", self.said(other, TOP / "lib"))
            self.assertIn("Makefile", self.said(TOP / "Makefile", other))

    def test_damaged_snapshots(self):
        good = self.snapshot(self.new, "1")
        whole = good.read_bytes()
        bad = self.dir / "bad.cdb"
        at = whole.index(b"shop.example.org")
        flipped = whole[:at] + b"z" + whole[at + 1 :]
        for text in (b"", b"x", whole[:-1], whole[: len(whole) // 2], whole + b"\0", flipped):
            bad.write_bytes(text)
            self.assertIn(str(bad), self.said(good, bad))
            self.assertIn(str(bad), self.said(bad, self.old.path))

    def test_no_room_for_the_temporary_snapshot(self):
        def limited():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

        run = self.signpost("diff", self.old.path, self.new.path, check=2, preexec_fn=limited)
        self.assertIn("File too large", run.stderr)
        self.assertEqual([], os.listdir(self.tmp))
        self.environment["TMPDIR"] = str(self.dir / "missing")
        self.assertIn("No such file", self.said(self.old.path, self.new.path))

    def test_an_output_that_cannot_be_written(self):
        shutil.rmtree(self.new.path / "routes")
        with open("/dev/full", "wb") as full:
            run = subprocess.run(
                [SIGNPOST, "diff", self.old.path, self.new.path],
                env=self.environment,
                stdout=full,
                stderr=subprocess.PIPE,
                timeout=LIMIT,
            )
        self.assertEqual(2, run.returncode)
