"""Another version of the program, whose snapshot has another format, takes over under load."""

import os
import signal
import subprocess
import threading

import fcgi
from support import LIMIT, RESPONDER, SIGNPOST, TOP, UUID, TestCase, until


class Load(threading.Thread):
    """Asks again and again, each time on a connection of its own."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path = path
        self.answers = []
        self.is_over = threading.Event()

    def run(self):
        while not self.is_over.is_set():
            try:
                with fcgi.Client(self.path) as client:
                    # Else it was ended meanwhile: a web server asks once more.
                    if client.push(fcgi.request(f"/{UUID}")):
                        self.answers.append(client.reply().status)
            except Exception as e:
                self.answers.append(repr(e))

    def wait_for_more(self, count=50):
        wanted = len(self.answers) + count
        until(lambda: len(self.answers) >= wanted or not self.is_alive(), "more answers")

    def end(self):
        self.is_over.set()
        self.join(LIMIT)


class Upgrade(TestCase):
    def setUp(self):
        super().setUp()
        self.registry.minimal()
        self.next = self.dir / "next"
        subprocess.run(
            ["make", "-s", f"B={self.next}", "CFLAGS=-O1 -DSNAPSHOT_FORMAT=99", "all"],
            cwd=TOP,
            env={k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))},
            check=True,
            timeout=10 * LIMIT,
        )

    def test_there_and_back_under_load(self):
        self.compile()
        listener = self.listen()
        old = self.heir(listener)
        load = Load(self.dir / "fcgi.sock")
        load.start()
        self.addCleanup(load.end)
        load.wait_for_more()
        for command, program in (
            (self.next / "signpost", self.next / "signpost.fcgi"),
            (SIGNPOST, RESPONDER),
        ):
            self.signpost("compile", command=command, check=0)
            heir = self.heir(listener, program=program)
            self.assertEqual(0, old.stop(signal.SIGTERM), old.said())
            load.wait_for_more()
            old = heir
        load.end()
        self.assertEqual({200}, set(load.answers))
        self.assertEqual(
            ["snapshot-4.cdb", "snapshot-99.cdb"], sorted(f.name for f in self.state.glob("*.cdb"))
        )

    def test_the_other_one_is_not_read(self):
        """Whoever restarts before compiling gets an outage, not a guess; and is told why."""
        self.compile()
        responder = self.heir(self.listen(), program=self.next / "signpost.fcgi")
        self.assertEqual(503, fcgi.ask(self.dir / "fcgi.sock", f"/{UUID}").status)
        self.assertIn("snapshot-99.cdb", responder.said())
        self.signpost("compile", command=self.next / "signpost", check=0)
        until(lambda: fcgi.ask(self.dir / "fcgi.sock", f"/{UUID}").status == 200, "the links")
