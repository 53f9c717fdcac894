"""Kills the nodes of a fleet, one after another, and measures how soon that is known."""

import random
import statistics
import time

from entry import DEATHS

# Seconds that a busy machine may add to what the rules say, of this process and of what it watches.
ALLOWANCE = 6
MOST = 0.6  # of the fleet are dead at once; with 80 % nobody would be believed
PROBES = 3  # of a check that fails


class Bounds:
    """What the rules say of an interval and a timeout in seconds (health/judge.h)."""

    def __init__(self, interval, timeout, fall=3, rise=2):
        beat = min(interval, 30)
        self.hold = 2 * beat
        self.failures = PROBES * fall
        # A death that is told at once, and one that takes a timeout for each probe.
        self.quick = (fall + 1) * interval + timeout
        self.silent = 1.2 * interval + self.failures * (timeout + beat / 30)
        self.back = (rise + 1) * interval + timeout

    def detection(self, way):
        return max(self.quick, self.silent) if way == "silent" else self.quick


class Kill:
    """The death of one node: when it came, was seen, ended, and was seen to have ended."""

    def __init__(self, node, way, fleet):
        self.node, self.way = node, way
        self.visits = -node.visits  # the probes that came until it was seen
        self.killed = fleet.set(way, node)
        self.seen = self.revive_at = self.revived = self.back = None

    @property
    def detection(self):
        return self.seen - self.killed

    @property
    def recovery(self):
        return self.back - self.revived


def kill_all(fleet, states, seed, interval, limit):
    """Kills every node once and brings it back: a Kill of each; states() is what is known."""
    dice = random.Random(seed)
    waiting = [(node, DEATHS[i % len(DEATHS)]) for i, node in enumerate(fleet.nodes)]
    dice.shuffle(waiting)
    under_way, over = [], []
    end, due = time.monotonic() + limit, 0
    while waiting or under_way:
        now, known = time.monotonic(), states()
        for kill in under_way:
            step(fleet, kill, known.get(kill.node.key), now, dice, interval)
        over += [kill for kill in under_way if kill.back]
        under_way = [kill for kill in under_way if not kill.back]
        if now > end:
            raise AssertionError(
                f"{len(under_way)} are not over: {[(k.node.key, k.way) for k in under_way]}"
            )
        if waiting and now >= due and len(under_way) < MOST * len(fleet.nodes):
            node, way = waiting.pop()
            under_way.append(Kill(node, way, fleet))
            due = now + dice.uniform(0, interval / 4)
        time.sleep(0.005)
    return over


def step(fleet, kill, state, now, dice, interval):
    if kill.seen is None:
        if state in ("down", "dead"):
            kill.seen = now
            kill.visits += kill.node.visits
            kill.revive_at = now + dice.uniform(0, 2 * interval)
    elif kill.revived is None:
        if now >= kill.revive_at:
            kill.revived = fleet.set("alive", kill.node)
    elif state == "alive":
        kill.back = now


def summary(times):
    return f"median {statistics.median(times):.1f} s, at most {max(times):.1f} s"


def lines(kills):
    """What was measured, by the way of dying."""
    for way in DEATHS:
        times = [kill.detection for kill in kills if kill.way == way]
        visits = [kill.visits for kill in kills if kill.way == way]
        if times:
            most = f", {min(visits)} to {max(visits)} probes" if way != "closed" else ""
            yield f"{way}: {len(times)} seen after {summary(times)}{most}"
    yield f"any: {len(kills)} seen after {summary([kill.detection for kill in kills])}"
    yield f"back: after {summary([kill.recovery for kill in kills])}"
