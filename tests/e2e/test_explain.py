"""explain: what a device gets and why, each reason for a refusal, and what is in service."""

import re
import json

import fcgi
from support import CORE, ENTRY, MINIMAL_LINK, UNKNOWN, UUID, TestCase

ROUTE = f"entry_{ENTRY}_core_{CORE}"


class Explain(TestCase):
    def setUp(self):
        super().setUp()
        self.registry.minimal()

    def facts(self, check, uuid=UUID):
        """What --json says; the text must end with the same exit status."""
        self.signpost("explain", uuid, check=check)
        return json.loads(self.signpost("explain", "--json", uuid, check=check).stdout)

    def text(self, check, uuid=UUID):
        return self.signpost("explain", uuid, check=check).stdout

    def answer(self, uuid=UUID, **kwargs):
        responder = self.responder()
        reply = fcgi.ask(responder.path, f"/{uuid}", **kwargs)
        responder.stop()
        return reply

    def assert_refused(self, token, uuid=UUID):
        """Refused for this reason, and the responder's answer is a 404 too."""
        facts = self.facts(1, uuid)
        self.assertEqual((token, []), (facts["refusal"], facts["links"]))
        self.assertIn("answer  404: " + facts["reason"], self.text(1, uuid))
        self.signpost("compile")
        self.assertEqual("the same", self.facts(1, uuid)["in_service"])
        self.assertEqual(404, self.answer(uuid).status)

    def assert_endpoint_refused(self, token, name=ROUTE):
        """This endpoint is, and since it is the only one, the device gets nothing."""
        facts = self.facts(1)
        verdicts = {e["id"]: e for e in facts["endpoints"]}
        verdict = verdicts[name]
        self.assertEqual(token, verdict["refusal"], verdicts)
        self.assertRegex(
            self.text(1), rf"(?m)^no +{re.escape(verdict['path'])} \(.*\): {re.escape(verdict['reason'])}$"
        )
        self.assertEqual("nothing", facts["refusal"])
        self.signpost("compile")
        self.assertEqual(404, self.answer().status)


class Devices(Explain):
    def test_one_with_links(self):
        self.compile()
        facts = self.facts(0)
        self.assertEqual(UUID, facts["uuid"])
        self.assertEqual([MINIMAL_LINK], facts["links"])
        self.assertEqual("the same", facts["in_service"])
        self.assertNotIn("refusal", facts)
        self.assertEqual(
            {"name": "phone", "status": "active", "path": f"devices/{UUID}.json"}, facts["device"]
        )
        user = facts["user"]
        self.assertEqual(
            (7, "Ivan", "active", None), tuple(user[k] for k in ("id", "name", "status", "expires"))
        )
        self.assertEqual(([CORE], []), (user["core_nodes"], user["groups"]))
        (endpoint,) = facts["endpoints"]
        self.assertEqual(
            (ROUTE, None, 100), tuple(endpoint[k] for k in ("id", "refusal", "priority"))
        )
        text = self.text(0, UUID.upper())
        for words in (
            '"phone", active',
            '"Ivan", active',
            f"yes     routes/{ROUTE}.json (shop.example.org)\n",
            "200, 1 links",
        ):
            self.assertIn(words, text)
        self.assertIn("  " + MINIMAL_LINK + "\n", text)

    def test_links_are_what_the_responder_gives(self):
        self.registry.endpoint("a", client={"address": "a.example.org", "type": "tcp"}, priority=7)
        self.registry.endpoint("b", client={"address": "b.example.org", "type": "ws"})
        self.registry.endpoint("c", client={"address": "c.example.org", "type": "ws"})
        for settings in ("", "order: name\n", "max_links: 2\n", "remark: '{label} of {device}'\n"):
            self.settings(settings)
            self.compile()
            facts = self.facts(0)
            body = self.answer(query="format=links").body
            self.assertEqual(facts["links"], body.decode().split("\n"))
            self.assertEqual("the same", facts["in_service"])

    def test_public_addresses(self):
        self.settings("public_urls: [https://a.example.org/api/, 'https://b.example.org']\n")
        wanted = [f"https://a.example.org/api/{UUID}", f"https://b.example.org/{UUID}"]
        self.assertEqual(wanted, self.facts(0)["addresses"])
        self.assertIn(f"address {wanted[0]}\n", self.text(0))

    def test_unknown(self):
        self.assert_refused("unknown", UNKNOWN)

    def test_unknown_says_nothing_of_what_it_would_get(self):
        """Nobody is there whom an endpoint could be for: a yes would be a lie."""
        self.registry.endpoint(
            "vip", groups=["vip"], client={"address": "v.example.org", "type": "tcp"}
        )
        self.assertNotIn("yes ", self.text(1, UNKNOWN))

    def test_device_status(self):
        self.registry.device(status="blocked")
        self.assert_refused("device-status")
        self.assertIn('"phone", blocked', self.text(1))

    def test_a_mistyped_status(self):
        self.registry.device(status="activ")
        self.assert_refused("device-status")

    def test_a_device_that_cannot_be_read(self):
        self.registry.write(f"devices/{UUID}.json", "{")
        self.assert_refused("device-status")
        self.assertIn("unreadable", self.text(1))

    def test_no_user(self):
        self.registry.device(user_id=8)
        self.assert_refused("no-user")

    def test_user_status(self):
        self.registry.user(status="inactive")
        self.assert_refused("user-status")

    def test_expired(self):
        self.registry.user(expires="2020-02-29")
        self.assert_refused("expired")
        self.assertIn("expires 2020-02-29T23:59:59Z", self.text(1))
        self.registry.user(expires="9999-12-31")
        self.assertEqual([MINIMAL_LINK], self.facts(0)["links"])

    def test_no_core(self):
        self.registry.user(core_nodes=[])
        self.assert_refused("no-core")

    def test_nothing(self):
        self.registry.remove(f"routes/{ROUTE}.json")
        self.assert_refused("nothing")


class Endpoints(Explain):
    def test_status(self):
        for word in ("inactive", "archived", "blocked", "actve"):
            self.registry.route(status=word)
            self.assert_endpoint_refused("status")

    def test_entry_status(self):
        self.registry.node(ENTRY, status="blocked")
        self.assert_endpoint_refused("entry-status")
        self.registry.node(ENTRY)
        self.registry.role("entry", ENTRY, status="inactive")
        self.assert_endpoint_refused("entry-status")

    def test_core_status(self):
        self.registry.node(CORE, status="blocked")
        self.assert_endpoint_refused("core-status")
        self.registry.node(CORE)
        self.registry.role("core", CORE, status="inactive")
        self.assert_endpoint_refused("core-status")
        # Another role of the same address says nothing about this one.
        self.registry.role("core", CORE)
        self.registry.role("entry", CORE, status="blocked")
        self.assertEqual([MINIMAL_LINK], self.facts(0)["links"])

    def test_no_domain(self):
        self.registry.domain(status="archived")
        self.assert_endpoint_refused("no-domain", ROUTE)

    def test_unusable(self):
        self.registry.route(client={"type": "ws", "security": "reality"})
        self.assert_endpoint_refused("unusable")
        self.registry.route(client_service_name=None)
        self.assert_endpoint_refused("unusable")

    def test_other_core(self):
        self.environment["SIGNPOST_CORE"] = "198.51.100.99"
        self.assert_endpoint_refused("other-core")

    def test_not_on_core(self):
        self.registry.user(core_nodes=["198.51.100.99"])
        self.assert_endpoint_refused("not-on-core")

    def test_group(self):
        self.registry.route(groups=["vip", "staff"])
        self.assert_endpoint_refused("group")
        self.registry.user(groups=["staff"])
        self.assertEqual([MINIMAL_LINK], self.facts(0)["links"])

    def test_the_first_active_domain(self):
        self.registry.domain("a.example.org", status="blocked")
        self.registry.domain("b.example.org")
        self.registry.domain("c.example.org", priority=1)
        self.assertIn("@c.example.org:443?", self.facts(0)["links"][0])
        self.registry.domain("c.example.org")
        self.assertIn("@b.example.org:443?", self.facts(0)["links"][0])
        self.settings("domains: all\n")
        hosts = {link.split("@")[1].split(":")[0] for link in self.facts(0)["links"]}
        self.assertEqual({"b.example.org", "c.example.org", "shop.example.org"}, hosts)


class InService(Explain):
    def test_every_word(self):
        self.assertEqual("no snapshot", self.facts(0)["in_service"])
        self.assertIn("in service: no snapshot\n", self.text(0))
        self.compile()
        self.assertEqual("the same", self.facts(0)["in_service"])
        self.registry.device(device="tablet")
        self.assertEqual("differs", self.facts(0)["in_service"])
        self.compile()
        self.assertEqual("the same", self.facts(0)["in_service"])
        self.registry.device(status="blocked")
        self.assertEqual("differs", self.facts(1)["in_service"])
        self.compile()
        self.assertEqual("the same", self.facts(1)["in_service"])
        self.registry.device()
        self.assertEqual("differs", self.facts(0)["in_service"])
        self.compile()
        (snapshot,) = self.state.glob("*.cdb")
        whole = bytearray(snapshot.read_bytes())
        at = whole.index(b"@shop.example.org") + 1
        whole[at] ^= 1
        snapshot.write_bytes(whole)
        self.assertEqual("damaged snapshot", self.facts(0)["in_service"])
        snapshot.write_bytes(b"")
        self.assertEqual("no snapshot", self.facts(0)["in_service"])


class Trouble(Explain):
    def test_exit_status_2(self):
        for argument in (UUID[:-1], UUID + "0", UUID.replace("-", "")):
            self.assertIn("it is no UUID", self.signpost("explain", argument, check=1).stderr)
        for argument in ("x", "{" + UUID + "}", ""):
            run = self.signpost("explain", argument, check=2)
            self.assertIn("is neither a UUID", run.stderr)
            self.assertEqual("", run.stdout)
        self.environment["SIGNPOST_DATA"] = str(self.dir / "missing")
        run = self.signpost("explain", UUID, check=2)
        self.assertIn(f"{self.dir}/missing: No such file", run.stderr)

    def test_names_in_any_script_are_valid_json(self):
        for name in ("Мария 🚀", 'a "b" \\ c', "فاطمه\u200f", "a\tb\u0001c", "\u2028"):
            self.registry.device(device=name)
            self.registry.user(username=name)
            facts = self.facts(0)
            shown = name.replace("\t", " ").replace("\u0001", " ")
            self.assertEqual((shown, shown), (facts["device"]["name"], facts["user"]["name"]))
