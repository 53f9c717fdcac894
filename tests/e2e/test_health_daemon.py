"""The daemon among others: a second one, a restart, compiles all the time, a server that stops."""

import concurrent.futures
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import health_file
import kills
from fleets import HEALTH, PROBER, FleetCase
from support import LIMIT, until

ENTRY = pathlib.Path(__file__).with_name("entry.py")


class Daemon(FleetCase):
    health = {"fall": 1}

    def test_a_second_one_on_the_same_state_directory(self):
        self.configure(timeout=5)
        first = self.start_health()
        self.until_all("alive", *self.nodes)
        for words in ((), ("--once",)):
            run = self.signpost(*words, command=HEALTH, check=2)
            self.assertEqual(
                f"signpost-health: {self.state}: another signpost-health is at work here\n",
                run.stdout + run.stderr,
            )
        self.fleet.set("closed", self.nodes[1])
        self.until_all("dead", self.nodes[1])
        self.assertEqual((True, ""), (first.is_alive(), first.said()))
        # Not by a lock that stays behind: after a kill, too.
        first.stop(signal.SIGKILL)
        self.start_health()
        self.fleet.set("alive", self.nodes[1])
        self.until_all("alive", *self.nodes)

    def test_a_restart_keeps_what_was_known(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(number):
                health = self.start_health()
                self.until_all("alive", *self.nodes)
                self.fleet.set("reset", self.nodes[0])
                self.until_all("dead", self.nodes[0])
                since = health_file.File(self.file).nodes[self.nodes[0].key].since
                health.stop(number)
                self.assertEqual(["n1", "n2", "n3"], self.given())
                before = health_file.File(self.file)
                health, visits = self.start_health(), self.nodes[0].visits
                until(lambda: self.nodes[0].visits >= visits + 2, "probes of the dead node")
                # Files since then, of which none has forgotten it.
                until(lambda: health_file.File(self.file).sequence > before.sequence, "a file")
                entry = health_file.File(self.file).nodes[self.nodes[0].key]
                self.assertEqual(("dead", since), (entry.state, entry.since))
                self.assertEqual({"alive"}, self.states_of(*self.nodes[1:]))
                self.assertEqual(["n1", "n2", "n3"], self.given())
                self.fleet.set("alive", self.nodes[0])
                self.until_all("alive", *self.nodes)
                self.assertEqual(self.names(), self.given())
                health.stop()

    def test_a_server_that_is_stopped(self):
        """SIGSTOP: the system still takes connections for it."""
        server = subprocess.Popen(
            [sys.executable, ENTRY, PROBER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.addCleanup(server.communicate, timeout=LIMIT)
        address, port = server.stdout.readline().decode().strip().split(":")
        client = {"address": address, "port": int(port), "type": "tcp", "security": "none"}
        self.registry.write("endpoints/n9.json", {"status": "active", "name": "n9", "client": client})
        self.compile()
        self.start_health()
        key = f"{address}:{port}"
        until(lambda: self.states().get(key) == "alive", "it to be alive")
        os.kill(server.pid, signal.SIGSTOP)
        self.addCleanup(server.send_signal, signal.SIGCONT)
        until(lambda: self.states()[key] == "dead", "it to be dead")
        self.assertEqual(self.names(), self.given())
        os.kill(server.pid, signal.SIGCONT)
        until(lambda: self.states()[key] == "alive", "it to be alive again")
        self.assertEqual([*self.names(), "n9"], self.given())


class Busy(FleetCase):
    """Compiles several times a second while a black hole is to be found out."""

    def compile_all_the_time(self, change):
        """Changes something and compiles, until the test ends; returns how often it has so far."""
        end, done = threading.Event(), []
        worker = concurrent.futures.ThreadPoolExecutor(1)

        def run():
            while not end.is_set():
                change(len(done))
                self.compile()
                done.append(None)
                end.wait(0.1)

        self.addCleanup(worker.submit(run).result)  # raises what it raised
        self.addCleanup(end.set)
        return done

    def find_black_hole(self, done):
        self.start_health()
        self.until_all("alive", *self.nodes)
        before = len(done)
        began = self.fleet.set("silent", self.nodes[2])
        longest = kills.Bounds(interval=1, timeout=2, fall=1).silent + kills.ALLOWANCE
        bad = {"down", "dead"}
        late = lambda: time.monotonic() - began > longest  # noqa: E731
        is_bad = lambda: self.states_of(self.nodes[2]) <= bad  # noqa: E731
        until(lambda: late() or (is_bad() and len(done) >= before + 3), "the black hole")
        took = time.monotonic() - began
        self.assertLessEqual(self.states_of(self.nodes[2]), bad, f"after {took} s")
        self.assertGreaterEqual(len(done), before + 3, "compiles meanwhile")

    def test_devices_change_with_every_compile(self):
        self.configure(timeout=2, fall=1)
        done = self.compile_all_the_time(
            lambda i: self.registry.device(f"8f3c5d1e-6324-4d53-ad4f-8cda48b3{i:04}")
        )
        self.find_black_hole(done)

    def test_nodes_change_with_every_compile(self):
        """Probes under way go on, however often the nodes change."""
        self.configure(timeout=2, fall=1)
        place = self.fleet.target.client

        def rotate(i):
            client = {**place, "type": "ws", "path": f"/{i}"}
            record = {"status": "active", "name": "n9", "client": client}
            self.registry.write("endpoints/n9.json", record)

        self.find_black_hole(self.compile_all_the_time(rotate))


class Endings(FleetCase):
    """What `--once` and lost files come to."""

    count = 5

    def test_once_believes_in_the_end_what_most_nodes_say(self):
        """Else who has only cron is never told that four of five are dead."""
        self.ask_once()
        self.fleet.set("closed", *self.nodes[:4])
        for _ in range(5):
            self.ask_once()
        self.assertLessEqual(self.states_of(*self.nodes[:4]), {"down", "dead"})
        self.assertEqual("n4", self.given()[0])

    def test_once_brings_back_what_is_well(self):
        for remove_after, state in ((600, "down"), (0, "dead")):
            with self.subTest(state):
                self.configure(remove_after=remove_after)
                self.ask_once()
                self.fleet.set("closed", self.nodes[0])
                self.ask_once()
                self.ask_once()
                self.assertEqual({state}, self.states_of(self.nodes[0]))
                self.fleet.set("alive", self.nodes[0])
                since = health_file.File(self.file).nodes[self.nodes[0].key].since
                until(lambda since=since: time.time() > since + 3, "the end of the hold-down")
                self.ask_once()
                self.assertEqual({"alive"}, self.states_of(*self.nodes))

    def test_once_ends_when_the_targets_are_out_of_reach(self):
        """That is known only when nodes have failed a few times."""
        self.ask_once()
        self.fleet.set("closed", *self.nodes)
        self.fleet.set("silent", self.fleet.target)
        run = self.ask_once()
        self.assertIn("the targets cannot be reached from here", run.stderr)
        self.assertEqual({"alive"}, self.states_of(*self.nodes))

    def test_once_finds_a_black_hole_when_cron_is_seldom(self):
        """Whoever else is up is asked meanwhile; the file counts until cron's next time."""
        self.configure(interval=3600, fall=1)
        self.fleet.set("silent", self.nodes[2])
        self.ask_once()
        self.assertLessEqual(self.states_of(self.nodes[2]), {"down", "dead"})
        self.assertEqual(5 * 3600, health_file.File(self.file).ttl)

    def test_a_node_that_fell_in_the_future(self):
        """The clock has been ahead: its hold-down does not last until then."""
        self.ask_once()
        file = health_file.File(self.file)
        entry = file.nodes[self.nodes[0].key]
        entry.state, entry.since = "down", int(time.time()) + 365 * 24 * 3600
        entry.last_success = entry.last_try = entry.since
        file.write(self.file)
        self.start_health()
        self.until_all("alive", *self.nodes)
        entry = health_file.File(self.file).nodes[self.nodes[0].key]
        for seconds in (entry.since, entry.last_success, entry.last_try):
            self.assertLessEqual(seconds, time.time())

    def test_a_file_from_the_future_is_not_taken_over(self):
        self.configure(remove_after=600)
        self.fleet.set("closed", self.nodes[0])
        self.ask_once()
        for ahead, state in ((60, "dead"), (180, "down")):
            with self.subTest(ahead):
                file = health_file.File(self.file)
                file.generated = int(time.time()) + ahead
                file.say("dead", self.nodes[0].key)
                file.write(self.file)
                self.ask_once()
                self.assertEqual({state}, self.states_of(self.nodes[0]))

    def test_a_file_that_was_lost_is_followed_by_a_higher_sequence(self):
        """Several files a second run ahead of the clock, which is all that is known then."""
        for _ in range(5):
            self.ask_once()
        before = health_file.File(self.file).sequence
        self.file.unlink()
        self.ask_once()
        self.assertGreater(health_file.File(self.file).sequence, before)
