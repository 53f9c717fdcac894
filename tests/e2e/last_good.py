"""What test_last_good and test_orders share: a registry whose records are spoilt."""

import json

from support import CORE, ENTRY, UNKNOWN, UUID, GitRegistry, TestCase

USER, DEVICE = "users/7.json", f"devices/{UUID}.json"
NEIGHBOUR = "8f3c5d1e-6324-4d53-ad4f-8cda48b30899"

# A record of each kind; a field of a wrong type; one that disagrees with the file's name.
RECORDS = {
    USER: ({"groups": "vip"}, {"id": 8}),
    DEVICE: ({"user_id": "seven"}, {"uuid": UNKNOWN}),
    f"nodes/{ENTRY}.json": ({"location": ["Berlin"]}, {"ip": CORE}),
    f"roles/entry_{ENTRY}.json": ({"node_ip": [ENTRY]}, {"node_ip": CORE}),
    f"routes/entry_{ENTRY}_core_{CORE}.json": ({"priority": "first"}, {"core_ip": ENTRY}),
    "domains/shop.example.org.json": ({"priority": "first"}, {"domain": "b.example.org"}),
    "endpoints/spare.json": ({"priority": "first"}, {"client": "tcp"}),
}


class LastGood(TestCase):
    """Registries of plain files; publish() makes a change count."""

    def setUp(self):
        super().setUp()
        self.make_registry()
        self.registry.minimal()
        self.registry.user(8)
        self.registry.device(NEIGHBOUR, user_id=8)
        self.registry.node(ENTRY, location="Berlin")
        self.registry.role("entry", ENTRY)
        self.registry.endpoint("spare", client={"address": "s.example.org", "type": "ws"})
        self.fields = {n: json.loads((self.registry.path / n).read_text()) for n in RECORDS}
        self.publish()
        self.compile()
        self.good = self.poll()
        self.assertEqual(2, self.good.count("vless://"))
        self.assertIn("Berlin", self.good)

    def make_registry(self):
        pass

    def publish(self):
        pass

    def write(self, name, content):
        path = self.registry.path / name
        if path.is_symlink():
            path.unlink()
        self.registry.write(name, content)

    def change(self, name, **fields):
        self.write(name, {**self.fields[name], **fields})

    def spoil(self, name, way):
        text = json.dumps(self.fields[name], indent=2)
        if way == "syntax":
            self.write(name, text[:-1])
        elif way == "empty":
            self.write(name, b"")
        elif way == "link":
            (self.registry.path / name).unlink()
            (self.registry.path / name).symlink_to(self.registry.path / USER.replace("7", "8"))
        else:
            self.change(name, **RECORDS[name][way == "identity"])

    def said(self, check):
        """What a compile says of single records."""
        self.publish()
        run = self.signpost("compile", check=check)
        return [line for line in run.stderr.splitlines() if not line.startswith("signpost: ")]

    def kept(self, check=1):
        status = self.status(check)["last_compile"]
        self.assertEqual(status["kept_back"], len(status["kept"]))
        return {entry["path"]: entry for entry in status["kept"]}


class LastGoodInGit(LastGood):
    """The same in a git checkout."""

    def make_registry(self):
        self.registry = GitRegistry(self.registry.path)

    def publish(self):
        self.registry.commit()
