"""A registry whose records all carry one number, and readers that know a torn answer by it."""

import itertools
import random
import re
import threading
import time

import fcgi
from polls import Poll
from support import BUILD, CORE, LIMIT, VALGRIND, TestCase, until

SLOW = VALGRIND or "asan" in str(BUILD)
FRESH = 30 if SLOW else 3  # seconds from the end of a change to when it is served
PAUSE = 0.002  # of a reader between two polls: it shares the machine with what it watches
ENTRIES, LOCAL_ENTRIES, DEVICES, LOCAL_DEVICES, USERS = 4, 2, 8, 4, 5


def uuid_of(i):
    return f"00000000-0000-4000-8000-{i:012}"


def write_common(registry, g):
    """The records that come from upstream, all of generation g, in random order."""
    steps = []
    for i in range(USERS):
        fields = {"username": f"user{i}-g{g}", "groups": [f"g{g}"], "core_nodes": [CORE]}
        steps.append(lambda i=i, f=fields: registry.user(i + 1, **f))
    for i in range(DEVICES):
        # Without a name of its own it goes by its user's.
        name = f"phone{i}-g{g}" if i % 2 else None
        fields = {"user_id": i % USERS + 1, "device": name}
        steps.append(lambda i=i, f=fields: registry.device(uuid_of(i), **f))
    for i in range(ENTRIES):
        fields = {"client_service_name": f"svc{i}-g{g}", "groups": [f"g{g}"], "name": f"e{i}"}
        steps.append(lambda i=i, f=fields: registry.route(f"203.0.113.{i + 1}", **f))
        steps.append(lambda i=i: write_domain(registry, f"dom{i}", f"g{g}", i + 1))
    random.shuffle(steps)
    for step in steps:
        step()


def write_local(registry, n):
    """The records that only the served checkout changes, all of generation n."""
    for i in range(LOCAL_DEVICES):
        fields = {"user_id": i % USERS + 1, "device": f"tablet{i}-l{n}"}
        registry.device(uuid_of(DEVICES + i), **fields)
    for i in range(LOCAL_ENTRIES):
        registry.route(f"203.0.113.{i + 101}", client_service_name=f"own{i}-l{n}", name=f"o{i}")
        write_domain(registry, f"own{i}", f"l{n}", i + 101)


def write_domain(registry, name, mark, address):
    """A record whose name changes with the generation: one is added, one vanishes."""
    registry.domain(f"{name}-{mark}.example.org", node_ip=f"203.0.113.{address}")
    for file in registry.path.glob(f"domains/{name}-*.json"):
        if file.name != f"{name}-{mark}.example.org.json":
            file.unlink()


def expected(device, g, n):
    """The links of a device, sorted."""
    if device >= DEVICES:
        name = f"tablet{device - DEVICES}-l{n}"
    else:
        name = f"phone{device}-g{g}" if device % 2 else f"user{device % USERS}-g{g}"
    places = [(f"dom{i}-g{g}", f"svc{i}-g{g}", f"e{i}") for i in range(ENTRIES)]
    places += [(f"own{i}-l{n}", f"own{i}-l{n}", f"o{i}") for i in range(LOCAL_ENTRIES)]
    return sorted(
        f"vless://{uuid_of(device)}@{domain}.example.org:443?type=grpc&encryption=none"
        f"&serviceName={service}&security=tls&sni={domain}.example.org&fp=chrome&alpn=h2"
        f"#{name}%20{label}"
        for domain, service, label in places
    )


class History:
    """What has been published, in order; each state is a pair (generation, local generation)."""

    def __init__(self):
        self.order = {}
        self.lock = threading.Lock()
        self.seen = 0  # the newest that any reader of the long-running responder was given

    def publish(self, state):
        """Before the step that makes it visible."""
        assert state not in self.order, state
        self.order[state] = len(self.order) + 1

    def judge(self, device, reply, before):
        """The place in history of an answer, which may not lie before another one."""
        if reply.status != 200:
            raise AssertionError(f"device {device} was answered {reply.stdout!r}")
        lines = reply.body.decode().split("\n")
        marks = [set(re.findall(rf"-{letter}(\d+)", "\n".join(lines))) for letter in "gl"]
        if [len(found) for found in marks] != [1, 1]:
            raise AssertionError(f"torn, of generations {marks}: {lines}")
        state = tuple(int(number) for found in marks for number in found)
        if sorted(lines) != expected(device, *state):
            raise AssertionError(f"torn: {sorted(lines)} is not {expected(device, *state)}")
        place = self.order.get(state)
        if place is None:
            raise AssertionError(f"{state} has never been HEAD")
        if place < before:
            raise AssertionError(f"{state}, number {place}, was served after number {before}")
        return place


class Reader(threading.Thread):
    """Polls for devices in turn until it is stopped; `failure` is what was wrong, if anything."""

    def __init__(self, ask, history, stop, is_counted=True):
        super().__init__(daemon=True)
        self.ask, self.history, self.stop, self.is_counted = ask, history, stop, is_counted
        self.failure = None
        self.polls = 0
        self.places = set()

    def run(self):
        last = 0
        try:
            for device in itertools.cycle(range(DEVICES + LOCAL_DEVICES)):
                last = self.history.judge(device, self.ask(uuid_of(device)), last)
                self.places.add(last)
                if self.is_counted:
                    with self.history.lock:
                        self.history.seen = max(self.history.seen, last)
                self.polls += 1
                if self.stop.wait(PAUSE):
                    return
        except (AssertionError, OSError, ValueError) as e:
            self.failure = e
            self.stop.set()


class Beat(threading.Thread):
    """Tells how long the machine has kept a thread from its work, at most (seconds)."""

    def __init__(self, stop):
        super().__init__(daemon=True)
        self.stop, self.late = stop, 0

    def run(self):
        due = time.monotonic() + PAUSE
        while not self.stop.wait(PAUSE):
            self.late = max(self.late, time.monotonic() - due)
            due = time.monotonic() + PAUSE


class Torture(TestCase):
    """What both kinds of registry share: readers, and the wait for what is new."""

    def setUp(self):
        super().setUp()
        self.seed = random.randrange(1 << 32)
        random.seed(self.seed)
        self.history = History()
        self.stop = threading.Event()
        self.done = []  # the steps, told when something fails

    def read(self, process, count=3):
        """Starts the readers; one of them is CGI, which sees each snapshot at once."""
        poll = Poll(self.dir, self.state)
        path = f"/{uuid_of(0)}"
        until(lambda: fcgi.ask(process.path, path).status == 200, "the first snapshot")
        clients = [fcgi.Client(process.path) for _ in range(count)]
        self.readers = [
            Reader(lambda u, c=c: c.ask(f"/{u}", query="format=links"), self.history, self.stop)
            for c in clients
        ]
        self.readers.append(Reader(poll.ask, self.history, self.stop, is_counted=False))
        self.addCleanup(poll.close)
        for client in clients:
            self.addCleanup(client.socket.close)
        self.addCleanup(self.join)
        self.beat = Beat(self.stop)
        for thread in (*self.readers, self.beat):
            thread.start()

    def join(self):
        self.stop.set()
        for reader in self.readers:
            reader.join()

    def story(self):
        failures = [str(r.failure) for r in self.readers if r.failure]
        return f"seed {self.seed}; {failures}; the last steps: {self.done[-30:]}"

    def await_newest(self):
        """The newest state is served soon after the step that published it has ended."""
        ended, self.beat.late = time.monotonic(), 0
        newest = len(self.history.order)
        until(lambda: self.history.seen >= newest or self.stop.is_set(), "the newest state")
        self.assertFalse(self.stop.is_set(), self.story())
        # A look waits twenty times as long as the last one took, and takes that up itself.
        bound = FRESH + 21 * self.beat.late
        self.assertLess(time.monotonic() - ended, bound, self.story())

    def goes_on(self, end, publications, polls):
        """Until the end, and on a slow machine until there was enough to go wrong."""
        if self.stop.is_set() or time.monotonic() > end + LIMIT:
            return False
        least = min(reader.polls for reader in self.readers)
        is_enough = len(self.history.order) >= publications and least >= polls
        return time.monotonic() < end or not is_enough

    def assert_whole(self, publications, polls):
        """Nothing was wrong, and there was enough to go wrong."""
        self.join()
        self.assertEqual([], [r.failure for r in self.readers if r.failure], self.story())
        self.assertGreaterEqual(len(self.history.order), publications, self.story())
        for reader in self.readers:
            self.assertGreaterEqual(reader.polls, polls, self.story())
