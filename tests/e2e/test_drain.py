"""drain and undrain: nodes that an operator takes out of everybody's links by hand."""

import concurrent.futures
import json

import fcgi
from support import CORE, UUID, TestCase, until

NODES = [f"203.0.113.{n}" for n in range(20, 24)]
ALL = ["a", "b", "c", "d"]


class Drain(TestCase):
    """Four entries by one core, in the order of their names."""

    def setUp(self):
        super().setUp()
        self.registry.user(core_nodes=[CORE])
        self.registry.device()
        for name, node in zip(ALL, NODES, strict=True):
            self.registry.domain(f"{name}.example.org", node_ip=node)
            self.registry.route(entry=node, name=name)
        self.settings("order: name\nremark: '{name}'\n")
        self.signpost("compile", check=0)

    def names(self, links):
        return [link.rpartition("#")[2] for link in links]

    def given(self):
        return self.names(self.served())

    def drained(self):
        return self.signpost("drain", check=0).stdout.split()

    def test_out_and_in_again(self):
        self.assertEqual(ALL, self.given())
        self.assertIn("203.0.113.21 is drained\n", self.signpost("drain", NODES[1], check=0).stdout)
        self.assertEqual(["a", "c", "d"], self.given())
        self.signpost("drain", NODES[0], check=0)
        self.assertIn("already", self.signpost("drain", NODES[0], check=0).stdout)
        self.assertEqual(["c", "d"], self.given())
        self.assertEqual(NODES[:2], self.drained())
        # Too few would be left: all are given, those of drained nodes last.
        self.signpost("drain", NODES[2], check=0)
        self.assertEqual(["d", "a", "b", "c"], self.given())
        for node in NODES[:3]:
            self.signpost("undrain", node, check=0)
        self.assertEqual((ALL, []), (self.given(), self.drained()))
        self.assertIn("already", self.signpost("undrain", NODES[0], check=0).stdout)

    def test_many_at_once(self):
        """None of them is lost."""
        nodes = [f"203.0.113.{n}" for n in range(100, 140)]
        with concurrent.futures.ThreadPoolExecutor(8) as several:
            for command, left in (("drain", nodes), ("undrain", [])):
                list(several.map(lambda node, c=command: self.signpost(c, node, check=1), nodes))
                self.assertEqual(left, self.drained())

    def test_a_running_responder_obeys(self):
        responder = self.responder()
        before = self.ask_names(responder)
        self.assertEqual(ALL, before[0])
        self.signpost("drain", NODES[0], check=0)
        until(lambda: self.ask_names(responder)[0] == ALL[1:], "the drained node to be left out")
        self.assertNotEqual(before[1], self.ask_names(responder)[1], "another ETag")
        self.signpost("undrain", NODES[0], check=0)
        until(lambda: self.ask_names(responder) == before, "the node to be back")

    def ask_names(self, responder):
        reply = self.ask(responder)
        return self.names(reply.body.decode().split("\n")), reply.headers["etag"]

    def ask(self, responder):
        return fcgi.ask(responder.path, f"/{UUID}", query="format=links")

    def test_it_outlives_a_rotation_and_a_compile(self):
        self.signpost("drain", NODES[3], check=0)
        self.registry.route(entry=NODES[3], name="d", client_service_name="api.rotated")
        self.signpost("compile", check=0)
        self.assertEqual(ALL[:3], self.given())

    def test_an_endpoint_without_a_node_goes_by_its_address(self):
        record = {"status": "active", "name": "own", "client": {"address": "own.example.net"}}
        record["client"]["serviceName"] = "own"
        self.registry.write("endpoints/own.json", record)
        self.signpost("compile", check=0)
        self.assertIn("own", self.given())
        self.signpost("drain", "OWN.example.net.", check=0)
        self.assertEqual(["own.example.net"], self.drained())
        self.assertNotIn("own", self.given())

    def test_explain_tells(self):
        self.signpost("drain", NODES[1], check=0)
        facts = json.loads(self.signpost("explain", "--json", UUID, check=0).stdout)
        health = {e["path"]: e["health"] for e in facts["endpoints"]}
        self.assertEqual(1, list(health.values()).count("drained"), health)
        self.assertEqual(["a", "c", "d"], self.names(facts["links"]))
        self.assertEqual("the same", facts["in_service"])
        self.assertRegex(self.signpost("explain", UUID).stdout, r"(?m)^yes .*b\.example\.org.*drained$")

    def test_mistakes(self):
        run = self.signpost("drain", "203.0.113.99", check=1)
        self.assertIn("no endpoint in service is on 203.0.113.99", run.stderr)
        self.assertIn("'a b' is no address", self.signpost("drain", "a b", check=2).stderr)
        self.assertIn("--help", self.signpost("undrain", check=2).stderr)
        self.assertEqual(["203.0.113.99"], self.drained())
        self.signpost("undrain", "203.0.113.99", check=1)
        (self.state / "drained").write_text("203.0.113.20\nnonsense here\n")
        self.assertIn("drained:2:1: ", self.signpost("drain", check=2).stderr)
        self.assertIn("drained:2:1: ", self.signpost("drain", NODES[3], check=2).stderr)
        self.assertEqual("203.0.113.20\nnonsense here\n", (self.state / "drained").read_text())
        # What cannot be read drains nobody.
        self.assertEqual(ALL, self.given())
