"""The whole way: nodes die and come back, and the next poll of a device carries it."""

import contextlib
import threading

import fcgi
import probing
from support import BUILD, UNKNOWN, UUID, TestCase, until

HEALTH = BUILD / "signpost-health"
ALL = ["a", "b", "c", "d"]
PROBER = UUID  # the probe device of the servers
DEVICE = "c0ffee00-6324-4d53-ad4f-8cda48b30811"


class Health(TestCase):
    """Four nodes, a server each, in the order of their names."""

    def setUp(self):
        super().setUp()
        self.place = self.enterContext(probing.Place())
        self.nodes, self.clients = {}, {}
        self.registry.user()
        self.registry.device(DEVICE)
        for name in ALL:
            self.start_node(name)
            client = {k: v for k, v in self.clients[name].items()}
            record = {"status": "active", "name": name, "client": client}
            self.registry.write(f"endpoints/{name}.json", record)
        self.configure()
        self.signpost("compile", check=0)

    def configure(self, **more):
        settings = {"uuid": PROBER, "target": self.place.target.url("204", 204).partition("=")[0],
                    "interval": 1, "timeout": 5, "remove_after": 3, **more}  # fmt: skip
        lines = "".join(f"  {key}: {value}\n" for key, value in settings.items())
        self.settings(f"order: name\nremark: '{{name}}'\nhealth:\n{lines}")

    def start_node(self, name):
        way = {**probing.WAYS["tcp"], **({"port": self.clients[name]["port"]}
                                         if name in self.clients else {})}  # fmt: skip
        self.nodes[name], clients = self.place.serve(probing.real.program("xray"), {name: way})
        self.clients[name] = clients[name]

    def start_health(self, *words):
        return self.start(HEALTH, *words, name="health")

    def ask(self, path=f"/{DEVICE}"):
        return fcgi.ask(self.running.path, path, query="format=links")

    def given(self):
        return [link.rpartition("#")[2] for link in self.ask().body.decode().split("\n")]

    @contextlib.contextmanager
    def polled(self):
        """While this runs, somebody polls; every poll is answered."""
        failed, end = [], threading.Event()

        def poll():
            while not end.is_set():
                try:
                    came = self.ask().status
                except Exception as error:
                    came = error
                if came != 200:
                    failed.append(came)

        thread = threading.Thread(target=poll)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()
        self.assertEqual([], failed[:5])

    def test_the_primary_dies_and_comes_back(self):
        self.running = self.responder()
        self.start_health()
        with self.polled():
            tags = [self.ask().headers["etag"]]
            self.assertEqual(ALL, self.given())
            self.nodes["a"].stop()
            until(lambda: self.given() == ["b", "c", "d", "a"], "the dead node to be the last")
            tags.append(self.ask().headers["etag"])
            until(lambda: self.given() == ["b", "c", "d"], "the dead node to be left out")
            tags.append(self.ask().headers["etag"])
            self.assertEqual(3, len(set(tags)))
            self.start_node("a")
            until(lambda: self.given() == ALL, "the node to be back")
            self.assertEqual(tags[0], self.ask().headers["etag"])
        self.assertEqual(404, self.ask(f"/{UNKNOWN}").status)

    def test_all_die(self):
        self.running = self.responder()
        self.start_health()
        for node in self.nodes.values():
            node.stop()
        status = lambda: self.signpost("status", "--json").stdout  # noqa: E731
        until(lambda: '"dead": 4' in status(), "all to be found dead")
        self.assertEqual(ALL, self.given())

    def test_once(self):
        self.running = self.responder()
        self.nodes["b"].stop()
        self.configure(remove_after=0)
        run = self.signpost("--once", command=HEALTH)
        self.assertEqual((0, ""), (run.returncode, run.stderr))
        until(lambda: self.given() == ["a", "c", "d", "b"], "the dead node to be the last")
        self.signpost("--once", command=HEALTH, check=0)
        until(lambda: self.given() == ["a", "c", "d"], "the dead node to be left out")

    def test_settings_that_are_missing(self):
        self.settings("order: name\n")
        run = self.signpost("--once", command=HEALTH, check=2)
        self.assertIn("health.uuid", run.stderr)
        self.assertIn("health.target", run.stderr)
