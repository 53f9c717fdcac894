"""Fifty nodes die at any moment in every way: each is found out in time, and comes back."""

import sys

import kills
from fleets import FleetCase
from support import until

SEED = 20


class Kills(FleetCase):
    count = 50

    def test_every_death_is_seen_in_time_and_every_node_comes_back(self):
        self.configure(remove_after=600)
        health = self.start_health()
        self.until_all("alive", *self.nodes)
        over = kills.kill_all(self.fleet, self.states, SEED, interval=1, limit=120)
        bounds = kills.Bounds(interval=1, timeout=1)
        for line in kills.lines(over):
            print(f"test_health_kills: {line}", file=sys.stderr)
        self.assertEqual({node.key for node in self.nodes}, {kill.node.key for kill in over})
        for kill in over:
            with self.subTest(node=kill.node.key, way=kill.way):
                self.assertLessEqual(
                    kill.detection, bounds.detection(kill.way) + kills.ALLOWANCE
                )
                # The hold-down begins with the fall, before the return.
                self.assertLessEqual(
                    kill.recovery, bounds.hold + bounds.back + kills.ALLOWANCE
                )
        self.assertEqual({"alive"}, self.states_of(*self.nodes))
        until(lambda: self.given() == sorted(self.names()), "all to be served in order")
        self.assertEqual((True, ""), (health.is_alive(), health.said()))
