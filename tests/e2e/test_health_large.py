"""A censor lets the first 16 KB of a flow pass: some probes ask for more."""

import re

import health_file
from fleets import FleetCase
from support import until


class Large(FleetCase):
    def setUp(self):
        super().setUp()
        self.probe_large(3)

    def probe_large(self, every):
        self.configure(large_target=self.fleet.url("large"), large_every=every)

    def entry_of(self, node):
        return health_file.File(self.file).nodes[node.key]

    def until_asked(self, node, times):
        visits = node.visits
        until(lambda: node.visits >= visits + times, f"{times} probes")

    def test_a_node_that_stalls_falls_and_stays_so(self):
        """Though it answers small questions, of which a restart asks as many as before."""
        health, choked = self.start_health(), self.nodes[1]
        self.until_all("alive", *self.nodes)
        self.fleet.set("choked", choked)
        self.until_all("dead", choked)
        # Even the beginning of a flow may be late, once.
        stalled = re.compile("stalled after [0-9]+ of 131072 bytes")
        until(lambda: stalled.fullmatch(self.entry_of(choked).reason), "the reason")
        entry = self.entry_of(choked)
        health.stop()
        health = self.start_health()
        self.until_asked(choked, 5)
        self.assertEqual(("dead", entry.since), (self.states()[choked.key], self.entry_of(choked).since))
        self.fleet.set("alive", choked)
        self.until_all("alive", *self.nodes)
        since = self.entry_of(choked).since
        self.until_asked(choked, 6)
        self.assertEqual(("alive", since), (self.states()[choked.key], self.entry_of(choked).since))
        self.assertEqual((0, ""), (health.stop(), self.said(health)))

    def test_once_asks_for_it_first(self):
        self.probe_large(1000)
        self.fleet.set("choked", self.nodes[1])
        self.ask_once()
        self.assertLessEqual(self.states_of(self.nodes[1]), {"down", "dead"})
        self.assertEqual({"alive"}, self.states_of(self.nodes[0], *self.nodes[2:]))

    def test_never_unless_set(self):
        self.probe_large(0)
        self.fleet.set("choked", *self.nodes)
        # Nothing ends these flows but the client, once it has its answer.
        self.ask_once()
        self.assertEqual({"alive"}, self.states_of(*self.nodes))
