"""Nodes that take a VPN engine, real servers of them on loopback, and signpost-health with Xray."""

import contextlib
import json
import pathlib
import urllib.parse

import probing
import real
from processes import processes, stat_of
from support import BUILD, UUID, TestCase
from ways import GRPC, PLAIN, REALITY, TCP, TLS, VISION, XHTTP, complete

HEALTH = BUILD / "signpost-health"
PROBER = UUID  # the probe device of the servers
DEVICE = "c0ffee00-6324-4d53-ad4f-8cda48b30811"

# Xray has no setting for the certificates to trust: what has TLS has a pin.
PINNED = {**TLS, "pcs": "PIN"}
WAYS = {
    "tcp+reality+vision": {**TCP, **REALITY, **VISION},
    "tcp+tls+vision": {**TCP, **PINNED, **VISION},
    "tcp+encryption": {**TCP, **PLAIN, "encryption": "ENCRYPTION"},
    "tcp+tls+ech": {**TCP, **PINNED, "ech": "ECH"},
    "xhttp+tls": {**XHTTP, **PINNED, "alpn": "h2"},
    "xhttp+reality": {**XHTTP, **REALITY},
    "grpc+reality": {**GRPC, **REALITY},
}
ONE = "tcp+reality+vision"
# What Xray does not start with.
REFUSED = {**XHTTP, **PINNED, "address": "127.0.0.1", "port": 1,
           "extra": '{"scMaxEachPostBytes": "x"}'}  # fmt: skip


class Place(probing.Place):
    """Servers whose keys are made here, and REALITY's target."""

    def __enter__(self):
        super().__enter__()
        with self.stack:
            self.program = real.program("xray")
            decryption, encryption = real.encryption_pair()
            ech_keys, ech = real.ech_pair()
            self.keys = {"decryption": decryption, "echServerKeys": ech_keys}
            self.words = {
                **{"PIN": real.pin(self.trusted[0]), "ECH": ech, "ENCRYPTION": encryption},
                "OTHER_ENCRYPTION": real.encryption_pair()[1],
            }
            self.shown = self.web("return 403;")  # (without TLS, with TLS 1.3)
            self.stack = self.stack.pop_all()
        return self

    def entry(self, *names, port=None, **more):
        """Starts an entry node with these ways in: (the process, the clients by name)."""
        ways = {**probing.WAYS, **WAYS}
        ways = {name: complete({"port": port, **ways[name]}, self.words) for name in names}
        return self.serve(self.program, ways, keys=self.keys, target=self.shown[1], **more)

    def elsewhere(self, port):
        """An entry node's way out by which every target is this port."""
        settings = {"redirect": f"127.0.0.1:{port}", "finalRules": [{"action": "allow"}]}
        return {"protocol": "freedom", "settings": settings}


class EngineTest(TestCase):
    """A registry of such nodes, by their names, in one place for all tests of a class."""

    @classmethod
    def setUpClass(cls):
        cls.place = cls.enterClassContext(Place())

    def setUp(self):
        super().setUp()
        self.clients = {}
        self.registry.user()
        self.registry.device(DEVICE)
        self.configure()

    def configure(self, **more):
        """Writes the settings; what is None is left out."""
        target = f"http://127.0.0.1:{self.place.target.port}"
        settings = {"uuid": PROBER, "target": f"{target}/204", "ca_file": self.place.roots,
                    "engine": self.place.program, "interval": 1, "timeout": 5, "fall": 1,
                    "remove_after": 0, **more}  # fmt: skip
        lines = [f"  {name}: {value}\n" for name, value in settings.items() if value is not None]
        self.settings("order: name\nremark: '{name}'\nhealth:\n" + "".join(lines))

    def register(self, clients):
        """Makes a node of each client, and a snapshot."""
        self.clients.update(clients)
        for name, client in clients.items():
            client = complete(client, self.place.words)
            record = {"status": "active", "name": name, "client": client}
            if "extra" in client:
                client["extra"] = json.loads(client["extra"])
            self.registry.write(f"endpoints/{name.replace('+', '-')}.json", record)
        self.compile()

    def once(self, **kwargs):
        return self.signpost("--once", command=HEALTH, check=0, **kwargs)

    def health(self, **kwargs):
        """Starts signpost-health; its end must be clean."""
        process = self.start(HEALTH, name="health", **kwargs)
        self.addCleanup(lambda: process.is_alive() and self.assert_clean_end(process))
        return process

    @staticmethod
    def engines(process):
        """The engines that it has started, without those that only look a configuration over."""
        found = []
        for pid in processes():
            stat = stat_of(pid)
            if stat and stat.parent == process.pid:
                with contextlib.suppress(OSError):
                    words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                    if b"stdin:" in words and b"-test" not in words:
                        found.append(pid)
        return found

    def nodes(self):
        """What the state file says of each node, by name: (state, who spoke, reason)."""
        names = {str(client["port"]): name for name, client in self.clients.items()}
        found = {}
        with contextlib.suppress(FileNotFoundError):
            for line in (self.state / "health").read_text().splitlines()[1:-1]:
                _, state, _, _, _, _, spoke, node, reason = (line + " ").split(" ", 8)
                port = urllib.parse.unquote(node).partition(" ")[0].rpartition(":")[2]
                found[names[port]] = state, spoke, reason.strip()
        return found

    def given(self):
        """The names that the device gets."""
        return [urllib.parse.unquote(link.rpartition("#")[2]) for link in self.served(DEVICE)]
