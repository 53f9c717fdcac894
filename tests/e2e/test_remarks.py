"""Names of links, where they depend on one another: unique, and the same from poll to poll."""

import urllib.parse

import fcgi
from support import UUID, TestCase


class Remarks(TestCase):
    def setUp(self):
        super().setUp()
        self.registry.user(core_nodes=["198.51.100.1", "198.51.100.2"])

    def endpoint(self, number, name):
        client = {"address": f"e{number}.example.org", "type": "ws"}
        record = {"status": "active", "name": name, "client": client}
        self.registry.write(f"endpoints/e{number}.json", record)

    def two_cores_from_one_place(self):
        """Labels are told apart among the endpoints of one core; these are of two."""
        for number in (1, 2):
            entry = f"203.0.113.{number}"
            self.registry.node(entry, location="Moscow")
            self.registry.route(entry, f"198.51.100.{number}")
            self.registry.domain(f"d{number}.example.org", entry)

    def remarks(self):
        """The names in the links by their addresses."""
        self.compile()
        responder = self.responder()
        body = fcgi.ask(responder.path, f"/{UUID}", query="format=links").body
        responder.stop()
        links = [urllib.parse.urlsplit(link) for link in body.decode().split("\n")]
        return {link.hostname: urllib.parse.unquote(link.fragment) for link in links}

    def assert_unique(self, template):
        self.settings(f"remark: '{template}'\n")
        remarks = self.remarks()
        self.assertEqual(len(remarks), len(set(remarks.values())), remarks)

    def test_an_endpoint_without_a_name_beside_one_named_like_the_device(self):
        self.registry.device(device="phone")
        self.endpoint(1, "phone")
        self.endpoint(2, None)
        self.assert_unique("{name}")

    def test_a_device_named_like_a_number(self):
        self.registry.device(device="2")
        self.two_cores_from_one_place()
        self.endpoint(1, "Moscow 2")
        self.assert_unique("{label} {device}")

    def test_another_route_that_goes_does_not_rename_the_rest(self):
        """Who has chosen "phone Moscow 2" must find the same server by that name tomorrow."""
        self.registry.device(device="phone")
        self.two_cores_from_one_place()
        self.endpoint(1, "Frankfurt")
        before = self.remarks()
        self.registry.route("203.0.113.1", "198.51.100.1", status="blocked")
        after = self.remarks()
        self.assertEqual({"d2.example.org", "e1.example.org"}, set(after))
        self.assertEqual({host: before[host] for host in after}, after)

    def test_a_blocked_route_of_the_same_core_does_not_rename_the_rest(self):
        self.registry.device(device="phone")
        self.two_cores_from_one_place()
        self.registry.route("203.0.113.2", "198.51.100.1")
        self.registry.remove("routes/entry_203.0.113.2_core_198.51.100.2.json")
        self.endpoint(1, "Frankfurt")
        before = self.remarks()
        self.registry.route("203.0.113.1", "198.51.100.1", status="blocked")
        after = self.remarks()
        self.assertEqual({host: before[host] for host in after}, after)
