"""Tests of signpost-health on a fleet of light nodes (entry.py)."""

import entry
import fcgi
import health_file
from support import BUILD, UUID, TestCase, until

HEALTH = BUILD / "signpost-health"
PROBER = UUID  # whose probes the nodes let in
DEVICE = "c0ffee00-6324-4d53-ad4f-8cda48b30811"
CUT_OFF = (
    "signpost-health: the targets cannot be reached from here: what fails now counts for nothing\n"
)


class FleetCase(TestCase):
    """`count` nodes, an endpoint each; a device that gets all of them, by name."""

    count = 4
    health = {}

    def setUp(self):
        TestCase.setUp(self)
        self.fleet = self.enterContext(entry.Fleet(self.count, PROBER))
        self.nodes = self.fleet.nodes
        self.file = self.state / "health"
        self.registry.user()
        self.registry.device(DEVICE)
        for i, node in enumerate(self.nodes):
            self.write_endpoint(i, node)
        self.configure()
        self.compile()

    def write_endpoint(self, i, node, **fields):
        record = {"status": "active", "name": f"n{i}", "client": node.client, **fields}
        self.registry.write(f"endpoints/n{i}.json", record)

    def configure(self, order="name", top="", **more):
        """Writes the settings; what is None is left out."""
        settings = {"uuid": PROBER, "target": self.fleet.url(), "interval": 1, "timeout": 1,
                    "remove_after": 0, **self.health, **more}  # fmt: skip
        given = {key: value for key, value in settings.items() if value is not None}
        lines = "".join(f"  {key}: {value}\n" for key, value in given.items())
        order = f"order: {order}\n" if order else ""
        return self.settings(f"{order}{top}remark: '{{name}}'\nhealth:\n{lines}")

    def start_health(self, *words, **kwargs):
        return self.start(HEALTH, *words, name="health", **kwargs)

    def said(self, health):
        """What it said, but for a target that was late because this machine was."""
        said = health.said()
        return said.replace(CUT_OFF, "") if self.fleet.late > 0.5 else said

    def ask_once(self, **kwargs):
        return self.signpost("--once", command=HEALTH, check=0, **kwargs)

    def states(self):
        return health_file.states(self.file)

    def states_of(self, *nodes):
        """The set of what is known of nodes."""
        states = self.states()
        return {states.get(node.key) for node in nodes}

    def until_all(self, state, *nodes):
        until(lambda: self.states_of(*nodes) == {state}, f"{len(nodes)} nodes to be {state}")

    def given(self, who=DEVICE, running=None):
        """The names of the servers that a device gets."""
        if running is None:
            links = self.served(who)
        else:
            reply = fcgi.ask(running.path, f"/{who}", query="format=links")
            links = reply.body.decode().split("\n") if reply.status == 200 else []
        return [link.rpartition("#")[2] for link in links]

    def names(self):
        return [f"n{i}" for i in range(self.count)]
