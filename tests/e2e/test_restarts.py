"""Nothing is lost: restarts, kills, reloads, upgrades, while everything changes, under load.

Through nginx as it is shipped, every answer whole and one of those that are valid at that moment.
SIGNPOST_RESTARTS is for how many seconds each of the three goes on (10); bench/restarts gives the
full figures.
"""

import contextlib
import itertools
import os
import random
import signal
import time

import rolling
from support import LIMIT, RESPONDER, UnixConnection
from test_nginx import Nginx

SECONDS = float(os.environ.get("SIGNPOST_RESTARTS") or 10)


class Restarts(Nginx):
    def setUp(self):
        super().setUp()
        self.world = rolling.World(self.dir / "world", self.environment)
        self.listener = self.listen(self.socket)

    def begin(self, program=None):
        process = self.start(program or RESPONDER, stdin=self.listener, name="responder",
                             env=self.world.environment)  # fmt: skip
        self.said.append(process)
        return process

    def run_under_load(self, count, step, wanted, changes=True):
        """So many responders; step(turn, fleet) again and again. Returns the load, when over.

        wanted(load, fleet) counts what there must have been: {what: (how often, more than this)}.
        """
        self.said = []
        fleet = rolling.Fleet(self.begin, [None] * count)
        self.web_server = self.nginx()
        end = time.monotonic() + SECONDS
        load = rolling.Load(self.world, lambda: UnixConnection(self.web))
        changing = rolling.Changes(self.world) if changes else contextlib.nullcontext()

        def counts():
            answers = {kind: (number, SECONDS) for kind, number in load.counts().items()}
            return {**answers, **wanted(load, fleet)}

        with load, changing:
            self.go_through(load, fleet, step, end, counts)
        self.assertEqual([], load.wrong()[:5], f"{len(load.wrong())} wrong; {load.counts()}")
        self.assertEqual({""}, {process.said() for process in self.said})
        for what, (number, least) in counts().items():
            self.assertGreater(number, least, what)
        return load, fleet

    def go_through(self, load, fleet, step, end, counts):
        """Until the end, and on a slow machine until there was enough to go wrong."""
        for turn in itertools.count():
            load.go_ahead()
            is_enough = all(number > least for number, least in counts().values())
            over = time.monotonic() - end
            if load.wrong() or over > LIMIT or (over > 0 and is_enough):
                return
            step(turn, fleet)

    @staticmethod
    def some_ends(load, fleet):
        return {"ends": (len(fleet.statuses), SECONDS / 2)}

    def test_in_turn_with_reloads(self):
        """Four, ended in order one after the other, and nginx told to read its file again."""

        def step(turn, fleet):
            fleet.replace(turn % 4)
            if turn % 5 == 4:
                rolling.reload(self.web_server)

        def wanted(load, fleet):
            seen = load.seen()
            return {
                "ends": (len(fleet.statuses), SECONDS),
                "retries": (load.retries(), 0),  # connections were closed, else nothing was tried
                "generations": (len({g for g, _ in seen}), SECONDS / 2),
                "states of health": (len({health for _, health in seen}), len(rolling.HEALTH) - 1),
            }

        _, fleet = self.run_under_load(4, step, wanted)
        self.assertEqual({0}, set(fleet.statuses))

    def test_killed_twice_a_second(self):
        seed = random.randrange(1 << 32)
        dice = random.Random(seed)
        due = time.monotonic()

        def step(turn, fleet):
            nonlocal due
            if time.monotonic() >= due:
                fleet.replace(dice.randrange(2), signal.SIGKILL)
                due += 0.5

        _, fleet = self.run_under_load(2, step, self.some_ends)
        self.assertEqual({-signal.SIGKILL}, set(fleet.statuses))

    def test_another_file_behind_a_socket_that_stays(self):
        """As systemd restarts a service of a socket unit: for a moment nobody accepts."""
        place = self.dir / "signpost.fcgi"
        rolling.install(RESPONDER, place)

        def step(turn, fleet):
            rolling.install(RESPONDER, place)
            self.world.advance()
            fleet.replace(0, program=place)

        _, fleet = self.run_under_load(1, step, self.some_ends, changes=False)
        self.assertEqual({0}, set(fleet.statuses))

    def test_the_judge(self):
        """It knows an answer that nobody should have been given."""
        world = self.world
        world.advance()
        now = time.monotonic()
        good = world.bodies[0]
        self.assertIn("#phone-g0%20n0-g0\n", good)
        self.assertIn(good, world.valid(now, now))
        self.assertIn(good.replace("-g0", "-g1"), world.valid(now, now))
        later = now + rolling.FRESH + 1
        self.assertEqual({good.replace("-g0", "-g1"): (1, 0)}, world.valid(later, later))
        for wrong in (
            "",
            good.replace("-g0", "-g2"),
            good.replace("-g0", "-g1", 1),
            good.rpartition("\n")[0],
            good + "\n",
            world.bodies[1],
        ):
            self.assertNotIn(wrong, world.valid(now, now))
