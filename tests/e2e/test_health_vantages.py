"""Vantages outside and inside the country that blocks: what they say together is what is served."""

import json
import shutil
import time

import health_file
from fleets import DEVICE, FleetCase
from support import until

INSIDER = "8f3c5d1e-6324-4d53-ad4f-8cda48b308aa"  # whose probes come from inside


class Vantages(FleetCase):
    """Six nodes: enough for two to be left out. Files are written by the test, as copies are."""

    count = 6

    def setUp(self):
        super().setUp()
        self.inside = self.dir / "inside-1.health"
        self.vantages = [f"{{file: {self.inside}, inside: true}}"]
        self.configure()
        self.ask_once()
        file = health_file.File(self.file)
        file.vantage = "inside-1"
        file.write(self.inside)
        self.running = self.responder()

    def configure(self, **more):
        vantages = getattr(self, "vantages", None)
        return super().configure(vantages=vantages and f"[{', '.join(vantages)}]", **more)

    def say(self, path, state, *numbers, later=0, sequence=1, vantage=None, ttl=300):
        """Brings a newer file that says this of these nodes, and that the others are alive."""
        file = health_file.File(path)
        file.say("alive", *(node.key for node in self.nodes))
        file.say(state, *(self.nodes[i].key for i in numbers))
        file.sequence += sequence
        file.generated = int(time.time()) + later
        file.vantage, file.ttl = vantage or file.vantage, ttl
        file.write(path)

    def assert_served(self, *numbers):
        self.assert_responder_serves(*numbers)
        # A process of its own knows as much, but for sequences that it has not seen.
        self.assertEqual([f"n{i}" for i in numbers], self.given())

    def together(self, check=0):
        return self.status(check)["health_together"]

    def test_dead_inside_and_alive_outside_is_blocked(self):
        self.say(self.inside, "dead", 1)
        self.assert_served(0, 2, 3, 4, 5)
        together = self.together()
        self.assertEqual({"alive": 5, "blocked": 1}, together["nodes"])
        (unwell,) = together["unwell"]
        self.assertEqual("blocked", unwell["state"])
        self.assertTrue(unwell["node"].startswith(self.nodes[1].key))
        self.assertIn("blocked", self.signpost("status", check=0).stdout)
        told = json.loads(self.signpost("explain", "--json", DEVICE, check=0).stdout)
        health = [e["health"] for e in told["endpoints"]]
        self.assertEqual(1, health.count("blocked"), health)
        self.say(self.inside, "alive")
        self.assert_served(*range(6))
        self.assertEqual({"alive": 6}, self.together()["nodes"])

    def test_alive_inside_and_dead_outside_is_served(self):
        self.say(self.file, "dead", 0, 1)
        self.assert_served(*range(6))
        self.assertEqual({"alive": 6}, self.together()["nodes"])
        self.say(self.inside, "dead", 1)
        self.assert_served(0, 2, 3, 4, 5)
        self.assertEqual({"alive": 5, "dead": 1}, self.together()["nodes"])

    def test_down_inside_is_last_whatever_they_say_outside(self):
        self.say(self.inside, "down", 0)
        self.assert_served(1, 2, 3, 4, 5, 0)
        self.say(self.file, "dead", 0)
        self.assert_served(1, 2, 3, 4, 5, 0)

    def test_unknown_inside_is_as_outside(self):
        self.say(self.inside, "unknown", 0, 2)
        self.say(self.file, "dead", 2)
        self.assert_served(0, 1, 3, 4, 5)
        self.inside.unlink()
        self.assert_served(0, 1, 3, 4, 5)

    def test_stale_files_from_the_future_and_old_copies_do_not_count(self):
        self.say(self.inside, "dead", 0, 1)
        good = self.inside.read_bytes()
        self.assert_served(2, 3, 4, 5)
        for words, change in (
            ("stale", {"later": -301}),
            ("stale by its own ttl", {"later": -7, "ttl": 5}),
            ("from the future", {"later": 200}),
        ):
            with self.subTest(words):
                self.say(self.inside, "dead", 0, 1, **change)
                self.assert_served(*range(6))
                self.assertEqual({"alive": 6}, self.together(check=1)["nodes"])
                # Such a file is no word about what comes after it, either.
                self.say(self.inside, "dead", 3)
                self.assert_served(0, 1, 2, 4, 5)
        # An older copy comes back: who has seen the newer one is not taken in.
        self.inside.with_name("part").write_bytes(good)
        self.inside.with_name("part").replace(self.inside)
        self.assert_responder_serves(*range(6))
        self.say(self.inside, "dead", 4, sequence=100)
        self.assert_served(0, 1, 2, 3, 5)

    def assert_responder_serves(self, *numbers):
        names = [f"n{i}" for i in numbers]
        until(lambda: self.given(running=self.running) == names, f"{names} to be served")

    def test_damaged_copies_do_not_count(self):
        self.say(self.inside, "dead", 0, 1)
        good = self.inside.read_bytes()
        self.assert_served(2, 3, 4, 5)
        for words, bad in (
            ("half", good[: len(good) // 2]),
            ("empty", b""),
            ("a letter", good.replace(b" dead ", b" deaf ", 1)),
            ("a state", good.replace(b" dead ", b" down ", 1)),
            ("more", good + good),
        ):
            with self.subTest(words):
                self.inside.write_bytes(bad)
                self.assert_served(*range(6))
                self.assertEqual({"alive": 6}, self.together(check=1)["nodes"])
                self.inside.write_bytes(good)
                self.assert_served(2, 3, 4, 5)

    def test_two_insiders_withdraw_a_node_only_together(self):
        second = self.dir / "inside-2.health"
        shutil.copy(self.inside, second)
        self.vantages.append(f"{{file: {second}, inside: on}}")
        self.configure()
        self.running.stop()
        self.running = self.responder()
        self.say(second, "dead", 1, 2, vantage="inside-2")
        self.assert_served(*range(6))
        self.say(self.inside, "dead", 2, 3)
        self.assert_served(0, 1, 3, 4, 5)
        self.assertEqual({"alive": 5, "blocked": 1}, self.together()["nodes"])
        # When one of them falls silent, the other one is heard alone.
        self.say(second, "dead", 1, 2, later=-301)
        self.assert_served(0, 1, 4, 5)


class TwoMachines(FleetCase):
    """The inside vantage is a signpost-health of its own, on a copy of the snapshot."""

    count = 4

    def test_a_censor_blocks_a_node_and_lets_go(self):
        self.fleet.uuids.add(INSIDER)
        there, copy = self.dir / "there", self.dir / "inside-1.health"
        shutil.copytree(self.state, there)
        settings = self.configure(uuid=INSIDER, vantage="inside-1", inside="on")
        far = self.dir / "far.yaml"
        settings.rename(far)
        env = {**self.environment, "SIGNPOST_CONFIG": str(far), "SIGNPOST_STATE": str(there)}
        self.configure(vantages=f"[{{file: {copy}, inside: true}}]")
        running = self.responder()
        self.start_health()
        self.start_health(env=env)

        def becomes(names):
            """scp and mv, as from cron, until a device gets these."""
            if (there / "health").exists():
                shutil.copy(there / "health", self.dir / "inside-1.part")
                (self.dir / "inside-1.part").replace(copy)
            return self.given(running=running) == names

        until(lambda: becomes(self.names()) and copy.exists(), "both to know the nodes")
        self.until_all("alive", *self.nodes)
        self.nodes[2].mode_for[INSIDER] = "reset"
        until(lambda: becomes(["n0", "n1", "n3"]), "the blocked node to be left out")
        self.assertEqual({"alive"}, self.states_of(*self.nodes))
        self.assertEqual({"alive": 3, "blocked": 1}, self.status()["health_together"]["nodes"])
        self.nodes[2].mode_for.clear()
        until(lambda: becomes(self.names()), "the node to be back")
