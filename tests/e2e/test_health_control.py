"""The negative control: a node must not let in a UUID that nobody has."""

import json

from fleets import PROBER, FleetCase
from health_file import File
from support import until

WORDS = "lets in a random UUID, too: is it the server that it should be?"


def strangers(node):
    """How often it was asked by each UUID that nobody has."""
    return {who: times for who, times in node.visitors.items() if who != PROBER}


class Control(FleetCase):
    health = {"timeout": 5}

    def reason(self, node):
        return File(self.file).nodes[node.key].reason

    def until_controlled(self, *nodes):
        until(lambda: all(strangers(node) for node in nodes), "a UUID that nobody has")

    def test_each_node_is_asked_once_by_a_uuid_of_its_own(self):
        self.fleet.set("silent", self.nodes[3])
        health = self.start_health()
        self.until_controlled(*self.nodes[:3])
        before = [node.visits for node in self.nodes[:3]]
        until(lambda: all(node.visits > visits + 2 for node, visits in zip(self.nodes, before)),
              "probes after that")  # fmt: skip
        asked = [strangers(node) for node in self.nodes]
        self.assertEqual([[1]] * 3 + [[]], [list(times.values()) for times in asked])
        self.assertEqual(3, len({who for each in asked for who in each}))
        self.assertEqual({"alive"}, self.states_of(*self.nodes[:3]))
        self.assertEqual((0, ""), (health.stop(), health.said()))

    def test_a_node_that_lets_anybody_in_is_told_and_served(self):
        odd = self.nodes[1]
        self.fleet.set("open", odd)
        health = self.start_health()
        self.until_controlled(*self.nodes)
        until(lambda: self.reason(odd) == WORDS, "the reason")
        before = odd.visits
        until(lambda: odd.visits > before + 2, "probes after that")
        self.assertEqual({"alive"}, self.states_of(*self.nodes))
        self.assertEqual(self.names(), self.given())
        told = json.loads(self.signpost("status", "--json", check=None).stdout)["health"][0]
        self.assertEqual([(odd.key, "alive", WORDS)],
                         [(node["node"].split()[0], node["state"], node["reason"])
                          for node in told["unwell"]])  # fmt: skip
        self.assertRegex(self.signpost("status", check=None).stdout,
                         f"\n  {odd.key} tcp none alive since .*: {WORDS[:9]}")  # fmt: skip
        self.assertEqual(0, health.stop())
        self.assertEqual(f"signpost-health: {odd.key} tcp none: {WORDS}\n", health.said())
        # It stands until the next control, which a new start makes at once.
        self.assertEqual(WORDS, self.reason(odd))
        self.fleet.set("alive", odd)
        health = self.start_health()
        until(lambda: self.reason(odd) == "", "the reason to go")
        self.assertEqual((0, ""), (health.stop(), health.said()))

    def test_once_is_without(self):
        self.ask_once()
        self.assertEqual([{}] * 4, [strangers(node) for node in self.nodes])
