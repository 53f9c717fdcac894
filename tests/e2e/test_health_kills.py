"""Fifty nodes die at any moment in every way: each is found out in time, and comes back."""

import statistics
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
        # Without an allowance at least half are.
        quick = [kill.detection for kill in over if kill.way != "silent"]
        self.assertLessEqual(statistics.median(quick), bounds.quick)
        for kill in over:
            with self.subTest(node=kill.node.key, way=kill.way):
                self.assertLessEqual(
                    kill.detection, bounds.detection(kill.way) + kills.ALLOWANCE
                )
                # However busy the machine: so many probes fail, and not twice as many. A few may be
                # given up before they get there, and some come until the file is read.
                if kill.way != "closed":
                    self.assertIn(kill.visits, range(bounds.failures - 2, 2 * bounds.failures))
                # The hold-down begins with the fall, before the return.
                self.assertLessEqual(
                    kill.recovery, bounds.hold + bounds.back + kills.ALLOWANCE
                )
        self.assertEqual({"alive"}, self.states_of(*self.nodes))
        until(lambda: self.given() == sorted(self.names()), "all to be served in order")
        self.assertEqual((True, ""), (health.is_alive(), self.said(health)))
