"""The UUIDs of probes stand in the registry, and their addresses are misses like any other."""

import itertools
import json

import entry
import fcgi
from fleets import DEVICE, PROBER, FleetCase
from forms import CHROME, FORMATS, HTML, SING_BOX
from support import ENTRY, UNKNOWN, until

OTHERS = [f"8f3c5d1e-6324-4d53-ad4f-8cda48b308b{i}" for i in range(2)]
PROBERS = [PROBER, *OTHERS]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "nix"]
HEADERS = [
    {},
    {"HTTP_ACCEPT": HTML, "HTTP_USER_AGENT": CHROME},
    {"HTTP_IF_NONE_MATCH": "*"},
    {"HTTP_USER_AGENT": "clash.meta/1.19"},
    *({"HTTP_USER_AGENT": agent} for agent in SING_BOX.values()),
]


def known(node):
    """Who has asked it, but by a UUID that nobody has."""
    return node.visitors.keys() & set(PROBERS)


class Uuids(FleetCase):
    """Two nodes let in probes by UUIDs of their own, the other ones by the common one."""

    def setUp(self):
        super().setUp()
        for uuid in PROBERS:
            self.registry.device(uuid, device="probe")
        self.compile()

    def configure_probes(self):
        by_node = zip(self.nodes, OTHERS)
        uuids = ", ".join(f"'{node.address}': {uuid}" for node, uuid in by_node)
        self.configure(uuids=f"{{{uuids}}}")

    def answers(self, uuid, path):
        """What comes back, byte by byte, for every way to ask."""
        queries = ["", *(f"format={form}" for form in FORMATS), "format=nix", "page", "qr=1"]
        with fcgi.Client(path) as client:
            for method, query, headers in itertools.product(METHODS, queries, HEADERS):
                for form in ("/{}", "/api/{}", "/{}/"):
                    place = form.format(uuid.upper() if query == "page" else uuid)
                    reply = client.ask(place, method=method, query=query, **headers)
                    yield (method, query, str(headers), form), reply.records

    def assert_missing(self, uuid, path):
        wanted = dict(self.answers(UNKNOWN, path))
        self.assertGreater(len(wanted), 1000)
        odd = [words for words, got in self.answers(uuid, path) if got != wanted[words]]
        self.assertEqual([], odd[:3])

    def test_probes_get_what_nobody_gets(self):
        # As devices without the setting they are like any other.
        self.settings("order: name\nremark: '{name}'\n")
        names = self.names()
        self.assertEqual([names] * 3, [self.given(uuid) for uuid in PROBERS])
        self.configure_probes()
        self.assertEqual([[]] * 3, [self.given(uuid) for uuid in PROBERS])
        running = self.responder()
        before = fcgi.ask(running.path, f"/{DEVICE}").stdout
        for uuid in PROBERS:
            with self.subTest(uuid):
                self.assert_missing(uuid, running.path)
        self.assertEqual(before, fcgi.ask(running.path, f"/{DEVICE}").stdout)
        self.assertEqual(names, self.given(running=running))

    def test_explain_tells_why(self):
        self.configure_probes()
        for uuid in PROBERS:
            told = json.loads(self.signpost("explain", "--json", uuid, check=1).stdout)
            self.assertEqual(("probe", []), (told["refusal"], told["links"]))
            self.assertEqual("the same", told["in_service"])
            text = self.signpost("explain", uuid, check=1).stdout
            self.assertIn("answer  404: its UUID is for probes (setting health)", text)
        told = json.loads(self.signpost("explain", "--json", DEVICE, check=0).stdout)
        self.assertEqual(4, len(told["links"]))

    def test_each_node_is_asked_by_its_own(self):
        self.configure_probes()
        self.fleet.uuids.update(OTHERS)
        self.start_health()
        self.until_all("alive", *self.nodes)
        wanted = [{OTHERS[0]}, {OTHERS[1]}, {PROBER}, {PROBER}]
        self.assertEqual(wanted, [known(node) for node in self.nodes])
        # A node that no longer knows its own is dead, whatever the others do.
        self.fleet.uuids.remove(OTHERS[1])
        self.until_all("dead", self.nodes[1])
        until(lambda: self.given() == ["n0", "n2", "n3"], "it to be left out")

    def test_a_node_behind_a_domain_goes_by_its_address_before_its_domain(self):
        domains = ["a.localhost", "b.localhost"]  # which libcurl finds without a name server
        hosts = [entry.Node(self.fleet, "127.0.0.1") for _ in domains]
        self.fleet.set("alive", *hosts)
        self.addCleanup(self.fleet.set, "closed", *hosts)
        for domain, node_ip, host in zip(domains, [ENTRY, "203.0.113.22"], hosts, strict=True):
            self.registry.domain(domain, node_ip=node_ip)
            client = {"type": "tcp", "security": "none", "port": host.port}
            self.registry.route(entry=node_ip, client=client)
        self.compile()
        self.configure(uuids=f"{{{domains[0]}: {PROBER}, {ENTRY}: {OTHERS[0]},"
                             f" {domains[1]}: {OTHERS[1]}}}")  # fmt: skip
        self.fleet.uuids.update(OTHERS)
        self.ask_once()
        self.assertEqual([{OTHERS[0]}, {OTHERS[1]}], [known(host) for host in hosts])
