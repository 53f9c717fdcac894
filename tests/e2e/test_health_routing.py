"""INSTALL's rules for Xray: probes reach the target and nothing else, clients everything."""

import http.server
import json
import re
import threading
import unittest

import probing
import real
from ports import free_port
from support import TOP, UNKNOWN, UUID
from ways import PLAIN, TCP

PROBER, CLIENT = UUID, "8f3c5d1e-6324-4d53-ad4f-8cda48b30899"


def shown():
    """The client, the rules and the outbounds that INSTALL shows, with … for what else there is."""
    text = (TOP / "INSTALL").read_text()
    lines = re.search(r'(?m)^    "clients": (?:.*\n\n?)*?(?=^\S)', text)[0]
    lines = re.sub(r", …", "", lines)
    clients, rest = re.split(r"\n\n", lines.strip(), maxsplit=1)
    found = json.loads(f"{{{clients}, {rest}}}")
    return found["clients"], found["routing"], found["outbounds"]


class Elsewhere(probing.Target):
    """The same, at an address of one's choice."""

    def __init__(self, address):
        http.server.ThreadingHTTPServer.__init__(self, address, self.Handler)
        self.ended = threading.Event()
        self.port = self.server_address[1]


class Routing(unittest.TestCase):
    """One Xray that has the rules, with another client beside the probes'."""

    target = {"ip": ["127.0.0.1"]}
    words = "the target"

    @classmethod
    def setUpClass(cls):
        cls.xray = real.program("xray")
        cls.place = cls.enterClassContext(probing.Place())
        port = cls.place.target.port
        cls.others = [Elsewhere(("127.0.0.1", 0)).start(), Elsewhere(("127.0.0.2", port)).start()]
        for other in cls.others:
            cls.addClassCleanup(other.stop)
        cls.port = free_port()
        file = cls.place.dir / "routed.json"
        file.write_text(json.dumps(cls.config()))
        cls.place.start(cls.xray, "run", "-config", file, name="xray",
                        ready=lambda: real.listens(cls.port))  # fmt: skip

    @classmethod
    def config(cls):
        clients, routing, outbounds = shown()
        (probe,) = clients
        rule = routing["rules"][0]
        # The target of this test instead of the one that INSTALL speaks of.
        del rule["ip"]
        rule.update(cls.target)
        rule["port"] = str(cls.place.target.port)
        outbounds[0]["settings"] = {"finalRules": [{"action": "allow"}]}  # loopback, too
        return {
            "log": {"loglevel": "none"},
            "inbounds": [{
                "listen": "127.0.0.1", "port": cls.port, "protocol": "vless",
                "settings": {
                    "clients": [{**probe, "id": PROBER}, {"id": CLIENT, "email": "ivan"}],
                    "decryption": "none",
                },
            }],
            "routing": routing,
            "outbounds": outbounds,
        }  # fmt: skip

    def verdicts(self, who):
        """What comes of a probe with a UUID, for each thing to ask for."""
        port, other = self.place.target.port, self.others[0].port
        link = probing.link({"address": "127.0.0.1", "port": self.port, **TCP, **PLAIN}, who)
        found = {}
        for words, place in {
            "the target": f"127.0.0.1:{port}",
            "another port of its machine": f"127.0.0.1:{other}",
            "another machine": f"127.0.0.2:{port}",
            "the target by a name": f"localhost:{port}",
        }.items():
            (result,), _ = probing.run([link], "-m", 5000, "-t", f"http://{place}/204=204")
            found[words] = result.verdict
        return found

    def test_probes_reach_the_target_and_nothing_else(self):
        found = self.verdicts(PROBER)
        self.assertEqual("alive", found.pop(self.words))
        self.assertEqual({"failed"}, set(found.values()), found)

    def test_other_clients_reach_everything(self):
        found = self.verdicts(CLIENT)
        self.assertEqual({"alive"}, set(found.values()), found)

    def test_strangers_reach_nothing(self):
        self.assertEqual({"failed"}, set(self.verdicts(UNKNOWN).values()))

    def test_it_is_what_install_shows(self):
        (probe,), routing, outbounds = shown()
        self.assertEqual("probe", probe["email"])
        self.assertEqual([["probe"]] * 2, [rule["user"] for rule in routing["rules"]])
        self.assertEqual(["direct", "block"], [outbound["tag"] for outbound in outbounds])


class ByName(Routing):
    """The target goes by a host name, and the rule too."""

    target = {"domain": ["full:localhost"]}
    words = "the target by a name"
