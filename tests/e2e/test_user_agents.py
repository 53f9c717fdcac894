"""Which app gets what, by the operator's own rules too, and how an operator finds out."""

import base64
import json
import re

from forms import CHROME, FORMATS, SING_BOX, Forms
from support import UNKNOWN, UUID
from test_forms import form_of

# Apps by their User-Agent, and the words of what they do not know (explain).
APPS = {
    "v2rayN/7.24.8": set(),
    "Happ/3.20.4/Android/1234567890": set(),
    "curl/8.9": set(),
    "HiddifyNext/4.1.2 (ios) like ClashMeta": {
        "pcs", "vcn", "VLESS encryption", "custom gRPC path"
    },
    "NekoBox/Android/1.4.2 (Prefer ClashMeta Format)": {
        "xhttp", "xhttp extra", "pcs", "vcn", "VLESS encryption", "custom gRPC path"
    },
    "clash.meta/1.19.2": {"xhttp", "xhttp extra", "vcn", "VLESS encryption", "custom gRPC path"},
    "clash.meta/v1.19.28": {"xhttp extra", "vcn", "custom gRPC path"},
    SING_BOX["1.12"]: {
        "xhttp", "xhttp extra", "pcs", "vcn", "VLESS encryption", "custom gRPC path"
    },
}  # fmt: skip
# The words of forms.KINDS in those of explain.
WORDS = {
    "xhttp": "xhttp", "extra": "xhttp extra", "pin": "pcs", "vcn": "vcn",
    "enc": "VLESS encryption", "path": "custom gRPC path",
}  # fmt: skip


class Agents(Forms):
    def setUp(self):
        super().setUp()
        self.found = self.add_servers([f"n{number:02}" for number in range(22)])

    def explain(self, agent, check=0):
        run = self.signpost("explain", "--json", "--user-agent", agent, UUID, check=check)
        return json.loads(run.stdout)

    def text(self, agent, check=0):
        return self.signpost("explain", "--user-agent", agent, UUID, check=check).stdout

    def ports(self, agent):
        """The servers in the answer that the app gets."""
        reply = self.ask(agent=agent)
        self.assertEqual(200, reply.status, agent)
        text = reply.body.decode()
        if form_of(reply.headers["content-type"], reply.body) == "base64":
            text = base64.b64decode(text).decode()
        found = re.findall(r':(\d+)\?|"(?:server_)?port": ?(2\d{4})', text)
        return {int(one or other) for one, other in found}


class Explain(Agents):
    def test_what_is_left_out_and_why(self):
        self.serve()
        for agent, unknown in APPS.items():
            facts = self.explain(agent)
            refused = {e["id"]: e["reason"] for e in facts["endpoints"] if e["refusal"] == "client"}
            wanted = {}
            for number, (client, needs) in enumerate(self.found.values()):
                words = {WORDS[need] for need in needs} & unknown
                if words:
                    wanted[f"{number:03}"] = words
            self.assertEqual(sorted(wanted), sorted(refused), agent)
            for id, reason in refused.items():
                app = f"{facts['app']} as {facts['format']} does not know "
                self.assertTrue(reason.startswith(app), reason)
                self.assertEqual(wanted[id], set(reason.removeprefix(app).split(", ")))

    def test_it_is_what_the_app_gets(self):
        self.serve()
        for agent in APPS:
            facts = self.explain(agent)
            ports = {int(re.search(r":(\d+)\?", link)[1]) for link in facts["links"]}
            self.assertEqual(self.ports(agent), ports, agent)
            given = [e for e in facts["endpoints"] if e["refusal"] is None]
            self.assertEqual(len(given), len(ports))
            reply = self.ask(agent=agent)
            self.assertEqual(facts["format"], form_of(reply.headers["content-type"], reply.body))
            self.assertEqual("the same", facts["in_service"])

    def test_in_words(self):
        self.serve()
        text = self.text(SING_BOX["1.12"])
        self.assertRegex(text, r"(?m)^app +sing-box for Android, gets sing-box$")
        line = r"(?m)^no +endpoints/019.json \(s19\.example\.org\): .* does not know xhttp$"
        self.assertRegex(text, line)
        self.assertIn(f"answer  200, {len(self.usable(self.found, '1.12'))} links\n", text)
        self.assertRegex(self.text("SomethingNew/1.0"), r"(?m)^app +an unknown app, gets base64$")

    def test_with_nothing_left_the_poll_is_a_miss(self):
        for number, (client, _) in enumerate(self.found.values()):
            if client["type"] != "xhttp":
                self.registry.remove(f"endpoints/{number:03}.json")
        self.serve()
        agent = SING_BOX["1.11"]
        facts = self.explain(agent, check=1)
        self.assertEqual(("client", []), (facts["refusal"], facts["links"]))
        self.assertEqual({"client"}, {e["refusal"] for e in facts["endpoints"]})
        self.assertRegex(self.text(agent, check=1), r"(?m)^answer +404: .* app understands$")
        self.assertEqual(self.ask(f"/{UNKNOWN}").stdout, self.ask(agent=agent).stdout)
        self.assertEqual(4, len(self.explain("v2rayNG/2.3.5")["links"]))

    def test_without_an_app_it_speaks_of_none(self):
        facts = json.loads(self.signpost("explain", "--json", UUID, check=0).stdout)
        self.assertEqual((22, set()), (len(facts["links"]), {"app", "format"} & set(facts)))

    def test_a_robot_is_refused_for_what_it_is(self):
        """Not for what it does not know: no server would change the answer."""
        self.serve()
        agent = "TelegramBot (like TwitterBot)"
        facts = self.explain(agent, check=1)
        self.assertEqual(("none", []), (facts["format"], facts["links"]))
        self.assertEqual(404, self.ask(agent=agent).status)
        text = self.text(agent, check=1)
        self.assertIn("app     a link preview or search robot, gets none\n", text)
        self.assertNotIn("does not know", text)
        self.assertRegex(text, r"(?m)^answer +404: .*(robot|preview|none)")


class Rules(Agents):
    """The setting user_agents."""

    def given(self, agent, **kwargs):
        reply = self.ask(agent=agent, **kwargs)
        if reply.status == 404:
            self.assertEqual(self.ask(f"/{UNKNOWN}").stdout, reply.stdout)
            return "none"
        return form_of(reply.headers["content-type"], reply.body)

    def test_they_come_before_ours_in_their_order(self):
        self.settings(
            "user_agents:\n"
            "  - {start: v2rayNG/, since: 1.8.29, format: xray}\n"
            "  - {start: v2rayNG/1.8, format: links}\n"
            "  - {start: MyApp, format: clash}\n"
            "  - {start: MyApp/2, format: xray}\n"
            "  - {start: TelegramBot, format: base64}\n"
            "  - {start: curl/, format: none}\n"
            "  - {start: SFA, format: page}\n"
            "  - {start: Mozilla/5.0, format: sing-box}\n"
        )
        self.serve()
        for agent, wanted in (
            ("v2rayNG/1.8.29", "xray"), ("v2rayNG/2.3.5", "xray"), ("V2RAYNG/1.9", "xray"),
            ("v2rayNG/1.8.28", "links"), ("v2rayNG/1.7", "base64"), ("MyApp/2.0", "clash"),
            ("myapp", "clash"), ("Not MyApp", "base64"), ("TelegramBot (like Twitter)", "base64"),
            ("curl/8.9", "none"), ("xcurl/8.9", "base64"), (SING_BOX["1.12"], "page"),
            (SING_BOX["1.10"], "sing-box"), (CHROME, "sing-box"), ("v2rayN/7.24.8", "base64"),
        ):  # fmt: skip
            self.assertEqual(wanted, self.given(agent), agent)
            self.assertEqual(wanted, self.explain(agent, check=wanted == "none")["format"])
        # Who gets nothing gets it in no form; who gets something may ask for another.
        for name in FORMATS:
            self.assertEqual("none", self.given("curl/8.9", query=f"format={name}"))
            self.assertEqual(name, self.given("MyApp/1", path=f"/{UUID}/{name}"))

    def test_the_core_says_what_the_app_knows(self):
        self.settings(
            "user_agents:\n"
            "  - {start: Box, format: base64, core: sing-box}\n"
            "  - {start: Meta, format: links, core: mihomo}\n"
            "  - {start: Ray, format: links, core: xray}\n"
            "  - {start: All, format: base64}\n"
        )
        self.serve()
        numbers = {c["port"]: set(needs) for c, needs in self.found.values()}
        for agent, unknown in (
            ("Box/1", {"pin", "vcn", "enc", "path", "xhttp", "extra"}),
            ("Meta/1", {"vcn", "path", "extra"}),
            ("Ray/1", set()),
            ("All/1", set()),
        ):
            wanted = {port for port, needs in numbers.items() if not needs & unknown}
            self.assertEqual(wanted, self.ports(agent), agent)
            self.assertIn("an app of the setting user_agents", self.text(agent))

    def test_mistakes(self):
        for rule, words in (
            ("{format: links}", "user_agents.start: must be what the User-Agent starts with"),
            ("{start: x}", "user_agents.format: must be base64, links, clash, sing-box, xray, "),
            ("{start: x, format: json}", "'json' is none of base64, links, clash, "),
            ("{start: x, format: links, core: v2ray}", "'v2ray' is none of xray, sing-box, mihomo"),
            ("{start: x, format: links, sinse: 1}", "user_agents.sinse: "),
            ("x", "must be a list of rules"),
        ):
            self.settings(f"user_agents:\n  - {{start: ok, format: links}}\n  - {rule}\n")
            for command in (["check"], ["compile"], ["explain", UUID]):
                said = self.signpost(*command, check=2).stderr
                self.assertIn(words, said)

    def test_mistakes_are_told_with_their_line(self):
        """As those of every other setting (signpost.conf(5))."""
        for rule in ("{format: links}", "{start: x, format: json}",
                     "{start: x, format: links, sinse: 1}"):  # fmt: skip
            self.settings(f"user_agents:\n  - {{start: ok, format: links}}\n  - {rule}\n")
            said = self.signpost("check", check=2).stderr
            with self.subTest(rule):
                self.assertRegex(said, r"signpost\.yaml:[13]:\d+: user_agents")
                self.assertNotIn("ignored", said)

    def test_a_version_that_is_none(self):
        """It is told, or at least does not let through what the operator meant to keep out."""
        for since in ("latest", "v2.0", "'>=2'"):
            self.settings(f"user_agents: [{{start: x/, since: {since}, format: xray}}]\n")
            run = self.signpost("explain", "--json", "--user-agent", "x/1.0", UUID)
            with self.subTest(since):
                if run.returncode != 2:
                    self.assertNotEqual("xray", json.loads(run.stdout)["format"])
