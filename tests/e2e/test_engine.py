"""What takes a VPN engine is probed by Xray: right and wrong entries of real servers."""

import signal

from engines import ONE, PROBER, REFUSED, WAYS, EngineTest
from ports import free_port
from support import UNKNOWN, until
from ways import OTHER_PBK

NATIVE = ("tcp", "ws+tls", "grpc+tls")
ALIVE = "alive", "engine", ""
# Xray tries again and again to connect, by some ways longer than a probe waits.
NOTHING = "closed before an answer", "timed out: no answer to the request"


class Entries(EngineTest):
    """Servers of every way in, and beside them whatever is wrong."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        _, cls.right = cls.place.entry(*WAYS)
        _, cls.native = cls.place.entry(*NATIVE)

    def alive(self, names=WAYS):
        return {**dict.fromkeys(names, ALIVE), **dict.fromkeys(NATIVE, ("alive", "native", ""))}

    def assert_alive(self, names=WAYS):
        wanted = self.alive(names)
        if any(self.nodes()[name][2] for name in wanted):
            # Of the probes of a node that is alive one may come too late, the last one, too.
            self.once()
        nodes = self.nodes()
        for name, found in wanted.items():
            self.assertEqual(found, nodes[name], name)

    def assert_unwell(self, name, *reasons, states=("down",)):
        state, spoke, reason = self.nodes()[name]
        self.assertIn(state, states, name)
        self.assertEqual("engine", spoke, name)
        self.assertTrue(reason.startswith(reasons), f"{name}: {reason}")
        self.assertNotIn(PROBER[:8], reason)

    def test_every_way_in_and_wrong_ones(self):
        wrong = {
            "wrong pbk": ("tcp+reality+vision", {"pbk": OTHER_PBK}),
            "wrong sid": ("grpc+reality", {"sid": "fedcba9876543210"}),
            "wrong sid of xhttp": ("xhttp+reality", {"sid": "fedcba9876543210"}),
            "wrong key": ("tcp+encryption", {"encryption": "OTHER_ENCRYPTION"}),
            "wrong pin": ("tcp+tls+vision", {"pcs": "00" * 32}),
            "wrong path": ("xhttp+tls", {"path": "/xx"}),
        }
        _, others = self.place.entry(*(of for of, _ in wrong.values()))
        clients = {name: {**others[of], **change} for name, (of, change) in wrong.items()}
        self.register({**self.right, **self.native, **clients, "refused": REFUSED})
        self.configure(timeout=3)
        self.assertEqual("", self.once().stderr)
        self.assert_alive()
        for name in wrong:
            self.assert_unwell(name, *NOTHING, states=("down", "dead"))
        state, spoke, reason = self.nodes()["refused"]
        self.assertEqual(("unknown", "none"), (state, spoke))
        self.assertTrue(reason.startswith("the engine refuses it: "), reason)
        self.assertIn("integer", reason)
        (vantage,) = self.status()["health"]
        unwell = {node["reason"]: node["spoke"] for node in vantage["unwell"]}
        self.assertEqual("none", unwell.pop(reason))
        self.assertEqual({"engine"}, set(unwell.values()))
        self.assertEqual(len(self.right) + len(self.native), vantage["nodes"]["alive"])
        given = self.given()
        right = sorted([*self.right, *self.native, "refused"])
        self.assertEqual(right, given[: len(right)])

    def test_servers_that_are_gone_hang_or_lead_elsewhere(self):
        plain, _ = self.place.shown
        clients, servers = dict(self.right), {}
        for what, more in {
            "gone": {},
            "hangs": {},
            "403": {"outbound": self.place.elsewhere(plain)},
            "nowhere": {"outbound": {"protocol": "blackhole"}},
        }.items():
            servers[what], ways = self.place.entry(ONE, "xhttp+tls", **more)
            clients.update({f"{what} {name}": client for name, client in ways.items()})
        self.register({**clients, **self.native})
        hanging = servers["hangs"].popen
        self.addCleanup(hanging.send_signal, signal.SIGCONT)
        hanging.send_signal(signal.SIGSTOP)
        servers["gone"].stop(signal.SIGKILL)
        self.configure(timeout=3)
        for _ in range(2):
            self.assertEqual("", self.once().stderr)
            self.assert_alive()
        for name in (ONE, "xhttp+tls"):
            self.assert_unwell(f"gone {name}", *NOTHING, states=("dead",))
            self.assert_unwell(f"hangs {name}", NOTHING[1], states=("dead",))
            self.assert_unwell(f"403 {name}", "the target answered 403, not 204", states=("dead",))
            self.assert_unwell(f"nowhere {name}", *NOTHING, states=("dead",))
        self.assertEqual(sorted([*self.right, *self.native]), self.given())

    def test_a_target_that_is_down_for_everybody(self):
        self.register({**self.right, **self.native})
        target = f"http://127.0.0.1:{self.place.target.port}"
        # A page that takes all requests answers both, and a target that has gone none.
        for first, *reasons in (
            (f"http://127.0.0.1:{free_port()}/", *NOTHING),
            (f"{target}/302", "the target answered 302, not 204"),
        ):
            self.configure(target=first, second_target=f"{target}/204")
            self.assertEqual("", self.once().stderr)
            for name in self.right:
                self.assertEqual(("alive", "engine"), self.nodes()[name][:2], name)
                self.assertIn(self.nodes()[name][2], reasons, name)
            for name in self.native:
                self.assertEqual("alive", self.nodes()[name][0], name)

    def test_a_target_that_nobody_reaches(self):
        self.register({**self.right, **self.native})
        self.configure(target=f"http://127.0.0.1:{free_port()}/", timeout=1)
        self.assertIn("the targets cannot be reached from here", self.once().stderr)
        self.assertEqual({"unknown"}, {state for state, _, _ in self.nodes().values()})
        self.assertEqual(sorted([*self.right, *self.native]), self.given())

    def test_a_server_dies_and_comes_back(self):
        server, ways = self.place.entry("tcp+encryption")
        self.register({**self.native, **self.right, "dying": ways["tcp+encryption"]})
        self.configure(remove_after=600)
        process = self.health()
        until(lambda: self.nodes().get("dying") == ALIVE, "a sign of life")
        before = self.given()
        server.stop(signal.SIGKILL)
        until(lambda: self.given()[-1] == "dying", "the dead node to be the last")
        until(lambda: self.alive().items() <= self.nodes().items(), "the others to be alive")
        self.place.entry("tcp+encryption", port=ways["tcp+encryption"]["port"])
        until(lambda: self.given() == before, "the node to be back")
        self.assertEqual((0, ""), (process.stop(), process.said()))

    def test_a_uuid_of_the_node_alone(self):
        self.register({**self.right, **self.native})
        self.configure(uuid=UNKNOWN, uuids=f"{{127.0.0.1: {PROBER}}}")
        self.assertEqual("", self.once().stderr)
        self.assert_alive()

    def test_without_an_engine(self):
        self.register({**self.right, **self.native})
        self.configure(engine=None)
        self.assertEqual("", self.once().stderr)
        self.assert_alive(names=())
        for name, (state, spoke, reason) in self.nodes().items():
            if name in WAYS:
                self.assertEqual(("unknown", "none"), (state, spoke))
                self.assertIn("takes an engine (setting health.engine)", reason)


class Large(EngineTest):
    """128 KB through each kind of node, natively and by the engine."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.names = (ONE, "xhttp+reality", *NATIVE)
        _, cls.ways = cls.place.entry(*cls.names)

    def judged(self, word, **more):
        target = f"http://127.0.0.1:{self.place.target.port}"
        # That a small answer comes is no excuse.
        self.configure(large_target=f"{target}/{word}", large_every=1,
                       second_target=f"{target}/204", **more)  # fmt: skip
        self.register(self.ways)
        self.once()
        return {name: (state, reason) for name, (state, _, reason) in self.nodes().items()}

    def test_what_gives_all(self):
        self.assertEqual(dict.fromkeys(self.names, ("alive", "")), self.judged("large"))

    def test_what_stalls_after_16_kilobytes(self):
        stalled = f"stalled after 16384 of {self.place.target.LARGE} bytes"
        # Of three and more nodes, all at once would not be believed.
        self.ways = {name: self.ways[name] for name in (ONE, "tcp")}
        found = self.judged("stall", timeout=3)
        if {stalled} != {reason for _, reason in found.values()}:
            found = self.judged("stall", timeout=3)  # even the beginning may be late, once
        for name, (state, reason) in found.items():
            self.assertIn(state, ("down", "dead"), name)
            self.assertEqual(stalled, reason, name)


del EngineTest
