"""A thousand nodes: how long a round takes, how much memory and how many files, who is served."""

import math
import pathlib
import re
import resource
import sys
import time

import health_file
from fleets import HEALTH, FleetCase
from processes import descriptors
from support import until

COUNT = 1000
AT_ONCE = 128  # the default
MEMORY = 40 * 1024  # kB
# Its standard descriptors, libraries', the snapshot, the lock, the signals, files being read.
MORE = 24
INTERVAL = 30  # the default
ALLOWANCE = 15  # seconds, for a busy machine
# What sanitizers need is not the program's.
SANITIZED = b"__asan_init" in HEALTH.read_bytes()


class Sampler:
    """The most that a process needed, as far as one has looked."""

    def __init__(self, process):
        self.process, self.memory, self.descriptors = process, 0, 0

    def look(self):
        try:
            text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            text = ""
        peak = re.search(r"VmHWM:\s+(\d+)", text)
        self.memory = max(self.memory, int(peak[1]) if peak else 0)
        self.descriptors = max(self.descriptors, len(descriptors(self.process.pid)))
        return self


class Thousand(FleetCase):
    count = COUNT

    def assert_bounded(self, sampler):
        self.assertGreater(sampler.memory, 0)
        self.assertGreater(sampler.descriptors, 0)
        self.assertLessEqual(sampler.descriptors, AT_ONCE + MORE)
        if not SANITIZED:
            self.assertLessEqual(sampler.memory, MEMORY)

    def test_a_round_of_the_living(self):
        self.configure(interval=None, timeout=None, remove_after=None)
        began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        health = self.start_health("--once")
        sampler = Sampler(health)
        while health.is_alive():
            sampler.look()
        took = time.monotonic() - began
        self.assertEqual((0, ""), (health.stop(), health.said()))
        self.assertEqual({"alive"}, self.states_of(*self.nodes))
        self.assertLess(took, INTERVAL)
        self.assert_bounded(sampler)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"test_health_fleet: {COUNT} nodes: {cpu:.2f} s of CPU, {sampler.memory} kB,"
              f" {sampler.descriptors} descriptors", file=sys.stderr)
        self.assertEqual(COUNT, len(self.given()))

    def test_a_round_of_black_holes(self):
        """Each is asked within what so many timeouts take, so many at once; nobody loses a link."""
        self.fleet.set("silent", *self.nodes)
        self.configure(interval=1, timeout=1)
        health = self.start_health()
        sampler, began = Sampler(health), time.monotonic()

        def all_are_asked():
            sampler.look()
            if not self.file.exists():
                return False
            return all(entry.last_try > 0 for entry in health_file.File(self.file).nodes.values())

        until(all_are_asked, "every node to be asked")
        took = time.monotonic() - began
        # Within an interval each is due; a file is written within another.
        self.assertLess(took, math.ceil(COUNT / AT_ONCE) * 1 + 2 + ALLOWANCE)
        self.assert_bounded(sampler)
        self.assertEqual(COUNT, len(self.given()))
        self.assertEqual(0, health.stop())
        self.assertEqual(COUNT, len(self.given()))
        self.floor()

    def floor(self):
        """Half are left out, but no more: then all are served."""
        keys = [node.key for node in self.nodes]
        for dead, served in ((COUNT // 2, COUNT // 2), (COUNT // 2 + 1, COUNT), (COUNT, COUNT)):
            file = health_file.File(self.file)
            file.say("dead", *keys[:dead])
            file.say("alive", *keys[dead:])
            file.write(self.file)
            given = self.given()
            self.assertEqual(served, len(given), dead)
            living = {f"n{i}" for i in range(dead, COUNT)}
            self.assertEqual(living, set(given[: COUNT - dead]))
