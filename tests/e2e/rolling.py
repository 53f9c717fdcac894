"""Responders that come and go behind a web server, and a load that knows every valid answer.

The registry carries a number, its generation, in every link of the one device, and the health file
one of a few states; both change while the load runs. A World knows from when to when each was in
service; a Load judges every answer, whole, by that.
"""

import base64
import http.client
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time

import entry
import health_file
from processes import is_ready, stat_of
from support import BUILD, LIMIT, SIGNPOST, UNKNOWN, UUID, Answer, Registry, fetch, until

FRESH = 30 if "asan" in str(BUILD) else 3  # seconds until what is new is served by everybody
PROBER = "c0ffee00-6324-4d53-ad4f-8cda48b30811"  # who has no links
NODES = 4
# What the health file says of the nodes, in turn: the rest is alive.
HEALTH = [{}, {"dead": [0]}, {"down": [1]}, {"dead": [2], "down": [3]}]
CHANGE = 0.2  # seconds between two changes


class World:
    """The registry, its snapshot and the health file, and what may be answered when."""

    def __init__(self, directory, environment, command=SIGNPOST):
        self.command = command
        directory.mkdir()
        self.registry = Registry(directory / "registry")
        self.state = directory / "state"
        settings = directory / "signpost.yaml"
        self.environment = dict(environment, SIGNPOST_CONFIG=str(settings))
        for name in ("SIGNPOST_DATA", "SIGNPOST_STATE"):
            self.environment.pop(name, None)
        self.generation = 0
        self.served = {"generation": [], "health": []}  # [which, from, until], the newest last
        with entry.Fleet(NODES, PROBER) as fleet:
            self.nodes = [node.key for node in fleet.nodes]
            self.clients = [node.client for node in fleet.nodes]
            settings.write_text(
                f"data: {self.registry.path}\nstate: {self.state}\nrefresh: off\norder: name\n"
                f"remark: '{{device}} {{name}}'\nhealth: {{uuid: {PROBER}, target: '{fleet.url()}',"
                " interval: 1, timeout: 1}\n"
            )
            self.registry.user()
            self.write()
            self.compile()
            self.run(command.parent / "signpost-health", "--once")
        self.file = health_file.File(self.state / "health")
        self.bodies = [self.body_now(i) for i in range(len(HEALTH))]
        assert len(set(self.bodies)) == len(HEALTH), self.bodies
        self.enter("generation", 0)
        self.say(0)

    def write(self):
        self.registry.device(device=f"phone-g{self.generation}")
        for i, client in enumerate(self.clients):
            name = f"n{i}-g{self.generation}"
            record = {"status": "active", "name": name, "client": client}
            self.registry.write(f"endpoints/n{i}.json", record)

    def run(self, *words, **env):
        """What a command says, which must end well."""
        run = subprocess.run(words, env={**self.environment, **env}, check=True, timeout=LIMIT,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)  # fmt: skip
        return run.stdout

    def compile(self, command=None):
        self.run(command or self.command, "compile")

    def body_now(self, which):
        """The links of generation 0 with a state of health, by a process of its own."""
        self.write_health(which)
        env = {"REQUEST_METHOD": "GET", "PATH_INFO": f"/{UUID}", "QUERY_STRING": "format=links"}
        out = self.run(self.command.parent / "signpost.fcgi", **env)
        return out.partition(b"\r\n\r\n")[2].decode()

    def enter(self, kind, which):
        """What may be served from now on, beside what was before it."""
        self.served[kind].append([which, time.monotonic(), None])

    def leave(self, kind):
        """The newest is there: what was before it goes."""
        for span in self.served[kind][-2:-1]:
            span[2] = time.monotonic()

    def write_health(self, which):
        self.file.say("alive", *self.nodes)
        for state, numbers in HEALTH[which].items():
            self.file.say(state, *(self.nodes[i] for i in numbers))
        self.file.sequence += 1
        self.file.generated = int(time.time())
        self.file.write(self.state / "health")

    def say(self, which):
        self.enter("health", which)
        self.write_health(which)
        self.leave("health")

    def advance(self, command=None):
        """The next generation is compiled."""
        self.generation += 1
        self.write()
        self.enter("generation", self.generation)
        self.compile(command)
        self.leave("generation")

    def valid(self, start, end):
        """The bodies that may be answered to a request of between these times."""
        live = {
            kind: {w for w, since, until_ in spans[-200:]
                   if since <= end and (until_ is None or until_ + FRESH >= start)}
            for kind, spans in self.served.items()
        }  # fmt: skip
        return {
            self.bodies[health].replace("-g0", f"-g{g}"): (g, health)
            for g in live["generation"]
            for health in live["health"]
        }


class Changes:
    """The snapshot and the health file change all the time while this is open."""

    def __init__(self, world):
        self.world = world
        self.over = threading.Event()
        self.failure = None
        self.threads = [
            threading.Thread(target=self.run, args=(self.advance,)),
            threading.Thread(target=self.run, args=(self.say,)),
        ]
        self.count = 0

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *args):
        self.over.set()
        for thread in self.threads:
            thread.join()
        if self.failure:
            raise self.failure

    def advance(self):
        self.world.advance()

    def say(self):
        self.count += 1
        self.world.say(self.count % len(HEALTH))

    def run(self, step):
        due = time.monotonic() + CHANGE
        try:
            while not self.over.wait(max(0, due - time.monotonic())):
                step()
                due = max(due + CHANGE, time.monotonic())
        except Exception as e:
            self.failure = e


class Poller(threading.Thread):
    """One client that asks without a pause; what it should not have seen lies in `wrong`.

    A request on a kept connection that is closed before any byte of the answer goes out once more,
    on a new connection, as with every client: nginx closes those that wait when it is reloaded.
    """

    def __init__(self, load, connect, keeps):
        super().__init__(daemon=True)
        self.load, self.connect, self.keeps = load, connect, keeps
        self.connection = connect()
        self.counts = {"hits": 0, "heads": 0, "unchanged": 0, "misses": 0}
        self.retries = 0
        self.wrong = []
        self.seen = set()
        self.etags = {}  # the body that each came with

    def run(self):
        kinds = [self.hit, self.miss, self.hit_in_base64, self.head, self.condition]
        while not self.load.is_over:
            for kind in kinds:
                start = time.monotonic()
                try:
                    kind()
                except Exception as e:
                    took = time.monotonic() - start
                    self.wrong.append(f"{kind.__name__}, {took:.3f} s: {str(e) or repr(e)}"[:600])
                    self.connection.close()

    def ask(self, path, method="GET", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if not self.keeps:
            self.connection.close()
        is_kept = self.connection.sock is not None
        try:
            self.connection.request(method, path, headers=headers)
            response = self.connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self.connection.close()
            if not is_kept:
                raise
            self.retries += 1
            self.connection.request(method, path, headers=headers)
            response = self.connection.getresponse()
        return Answer(response)

    def judge(self, text, start):
        states = self.load.world.valid(start, time.monotonic())
        if text not in states:
            marks = sorted(set(re.findall(r"-g(\d+)", text)))
            raise AssertionError(f"{marks} of {sorted(states.values())[-8:]}: {text!r}")
        self.seen.add(states[text])

    def expect(self, status, answer):
        if answer.status != status:
            raise AssertionError(f"{answer.status} is not {status}: {answer.body[:80]}")

    def hit(self):
        start = time.monotonic()
        answer = self.ask(f"/api/{UUID}?format=links")
        self.expect(200, answer)
        self.judge(answer.body.decode(), start)
        self.etags[answer.header("ETag")] = answer.body
        self.counts["hits"] += 1

    def hit_in_base64(self):
        start = time.monotonic()
        answer = self.ask(f"/{UUID}")
        self.expect(200, answer)
        self.judge(base64.b64decode(answer.body, validate=True).decode(), start)
        self.counts["hits"] += 1

    def head(self):
        start = time.monotonic()
        answer = self.ask(f"/api/{UUID}?format=links", "HEAD")
        self.expect(200, answer)
        lengths = {len(body) for body in self.load.world.valid(start, time.monotonic())}
        if answer.body or int(answer.header("Content-Length")) not in lengths:
            raise AssertionError(f"HEAD: {answer.headers}")
        self.counts["heads"] += 1

    def condition(self):
        """What it was given last; one tag never stands for two bodies."""
        etag, had = list(self.etags.items())[-1] if self.etags else ('"0"', b"")
        start = time.monotonic()
        answer = self.ask(f"/api/{UUID}?format=links", If_None_Match=etag)
        if answer.status == 304:
            if answer.body or not had:
                raise AssertionError(f"304: {answer.body}")
            self.judge(had.decode(), start)
            self.counts["unchanged"] += 1
            return
        self.expect(200, answer)
        self.judge(answer.body.decode(), start)
        if self.etags.setdefault(answer.header("ETag"), answer.body) != answer.body:
            raise AssertionError(f"{answer.header('ETag')} stands for two bodies")
        self.counts["hits"] += 1

    def miss(self):
        for path in (f"/api/{UNKNOWN}", "/there-is-no-such-page"):
            answer = self.ask(path)
            self.expect(404, answer)
            found = [(k, v) for k, v in answer.headers if k not in ("Date", "Connection")]
            if (answer.body, found) != self.load.missing:
                raise AssertionError(f"a miss: {answer.headers} {answer.body}")
            self.counts["misses"] += 1


class Load:
    """Pollers, of whom every second one keeps its connection."""

    def __init__(self, world, connect, count=4):
        self.world, self.is_over = world, False
        answer = fetch(connect(), "/there-is-no-such-page")
        assert answer.status == 404, answer.status
        skipped = ("Date", "Connection")
        self.missing = answer.body, [(k, v) for k, v in answer.headers if k not in skipped]
        self.pollers = [Poller(self, connect, i % 2 == 0) for i in range(count)]

    def __enter__(self):
        for poller in self.pollers:
            poller.start()
        return self

    def __exit__(self, *args):
        self.is_over = True
        for poller in self.pollers:
            poller.join()
            poller.connection.close()

    def answered(self):
        return sum(sum(poller.counts.values()) for poller in self.pollers)

    def counts(self):
        kinds = self.pollers[0].counts
        return {kind: sum(p.counts[kind] for p in self.pollers) for kind in kinds}

    def retries(self):
        return sum(poller.retries for poller in self.pollers)

    def wrong(self):
        return [what for poller in self.pollers for what in poller.wrong]

    def seen(self):
        return set().union(*(poller.seen for poller in self.pollers))

    def go_ahead(self, count=20):
        """Waits for so many more answers."""
        wanted = self.answered() + count
        until(lambda: self.answered() >= wanted or self.wrong()[20:], "answers")


class Fleet:
    """Responders on one listening socket; start(program) begins one, ready or not.

    What it gives has `pid` and stop(number), which returns the exit status.
    """

    def __init__(self, start, programs):
        self.begin = start
        self.members = [self.start(program) for program in programs]
        self.statuses = []

    def start(self, program):
        process = self.begin(program)
        until(lambda: is_ready(process.pid) or stat_of(process.pid) is None, "the responder")
        return process

    def replace(self, which, number=signal.SIGTERM, program=None, before=False):
        """Ends one; its heir is started then, or before."""
        heir = self.start(program) if before else None
        self.statuses.append(self.members[which].stop(number))
        self.members[which] = heir or self.start(program)


def reload(nginx):
    """As `nginx -s reload`; ready when another worker is there."""
    os.kill(nginx.pid, signal.SIGHUP)


def install(program, place):
    """As install(1): another file in its place, whose last byte is of no meaning to the loader."""
    new = pathlib.Path(f"{place}.new")
    shutil.copy(program, new)
    with open(new, "ab") as file:
        file.write(os.urandom(1))
    new.rename(place)
