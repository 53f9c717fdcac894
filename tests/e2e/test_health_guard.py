"""What fails for everybody at once is no node's fault: the target, or our own way out."""

import collections

import health_file
from fleets import CUT_OFF, FleetCase
from support import until

# Failures after which all would be believed to be down, were it not for the self-check: twice three,
# with up to two more until the others have been asked, and three; and one more has begun.
ENOUGH = 2 * 5 + 3 + 1


class Few(FleetCase):
    """Of two nodes every fall is believed: only the self-check can tell."""

    count = 2
    # A fall takes 2 s, and without need the target is asked directly each 3 s.
    health = {"fall": 1, "interval": 6}

    def test_a_failure_has_the_target_asked_at_once(self):
        self.fleet.set("once", self.fleet.target)
        self.fleet.set("cut", *self.nodes)
        self.assertEqual(CUT_OFF, self.ask_once().stderr)
        self.assertEqual({"unknown"}, self.states_of(*self.nodes))


class Guard(FleetCase):
    """Ten nodes and a target, no second one."""

    count = 10
    health = {"fall": 1, "timeout": 5}

    def setUp(self):
        super().setUp()
        self.health = self.start_health()
        self.until_all("alive", *self.nodes)
        self.since = self.all_since()

    def all_since(self):
        return {key: entry.since for key, entry in health_file.File(self.file).nodes.items()}

    def assert_untouched(self, *nodes):
        """No state has changed in between, either."""
        self.assertEqual({"alive"}, self.states_of(*nodes))
        now = self.all_since()
        for node in nodes:
            self.assertEqual(self.since[node.key], now[node.key])
        self.assertEqual(self.names(), self.given())

    def until_asked(self, *nodes, times=ENOUGH):
        before = collections.Counter({node: node.visits for node in nodes})
        until(lambda: all(n.visits >= before[n] + times for n in nodes), "so many probes")
        written = health_file.File(self.file).sequence
        until(lambda: health_file.File(self.file).sequence > written, "what came of them")

    def test_the_target_is_down_for_everybody(self):
        self.fleet.set("closed", self.fleet.target)
        self.fleet.set("cut", *self.nodes)
        self.until_asked(*self.nodes)
        self.assert_untouched(*self.nodes)
        said = self.health.said()
        self.assertEqual(1, said.count("the targets cannot be reached from here"), said)
        self.fleet.set("alive", *self.nodes, self.fleet.target)
        self.until_asked(*self.nodes, times=2)
        self.assert_untouched(*self.nodes)
        # And what is a node's fault is believed again.
        self.fleet.set("reset", self.nodes[3])
        self.until_all("dead", self.nodes[3])
        self.assert_untouched_but(3)

    def assert_untouched_but(self, i):
        others = self.nodes[:i] + self.nodes[i + 1 :]
        self.assertEqual({"alive"}, self.states_of(*others))
        names = self.names()
        del names[i]
        until(lambda: self.given() == names, "only the dead one to be missing")

    def test_our_own_network_is_down(self):
        self.fleet.set("reset", self.fleet.target, *self.nodes)
        self.until_asked(*self.nodes)
        self.assert_untouched(*self.nodes)
        # One has died meanwhile: that is seen when the others are back, and only that.
        self.fleet.set("alive", self.fleet.target, *self.nodes[1:])
        self.until_all("dead", self.nodes[0])
        self.assert_untouched_but(0)
