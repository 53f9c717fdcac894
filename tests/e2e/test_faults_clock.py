"""The wall clock is set: a day forward, an hour back, while everything runs."""

import datetime
import fcntl
import json
import os
import subprocess
import time

import fcgi
from faults import Faults, where_preloading_works
from health_file import sip_hash
from processes import children
from support import RESPONDER, UUID, TestCase, until

DAY, HOUR = 24 * 3600, 3600


class Clock(TestCase):
    """A user who expires in twelve hours."""

    def setUp(self):
        super().setUp()
        self.clock = Faults(self.dir / "clock")
        self.addCleanup(self.clock.close)
        self.environment.update(self.clock.environment("none"))
        self.registry.minimal()
        until_then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=12)
        self.registry.user(expires=until_then.strftime("%Y-%m-%dT%H:%M:%SZ"))

    def step(self, seconds):
        self.clock["clock"] += seconds

    def used(self, process):
        """Seconds of processor time."""
        with open(f"/proc/{process}/stat") as stat:
            words = stat.read().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@where_preloading_works
class Responder(Clock):
    def setUp(self):
        super().setUp()
        self.compile()
        self.process = self.responder(refresh=True)
        until(lambda: children(self.process.pid, "signpost"), "the refresher")

    def status_of(self, client):
        return client.ask(f"/{UUID}").status

    def test_expiry_obeys_it_at_once(self):
        with fcgi.Client(self.process.path) as client:
            for seconds, status in ((0, 200), (DAY, 404), (-DAY, 200), (-HOUR, 200), (DAY, 404)):
                self.step(seconds)
                self.assertEqual(status, self.status_of(client))

    def test_changes_arrive_whatever_it_is(self):
        """And nobody works more for it."""
        (child,) = children(self.process.pid, "signpost")
        for number, seconds in enumerate((HOUR, -HOUR, -HOUR, -DAY)):
            self.step(seconds)
            self.registry.device(device=f"d{number}")
            until(
                lambda name=f"#d{number}".encode(): name
                in fcgi.ask(self.process.path, f"/{UUID}", query="format=links").body,
                "the change",
            )
        before = self.used(child) + self.used(self.process.pid)
        started = time.monotonic()
        until(lambda: time.monotonic() - started > 1)
        self.assertLess(self.used(child) + self.used(self.process.pid) - before, 0.5)
        self.assertEqual("", self.process.said())

    def test_health_counts_by_it(self):
        """Within its ttl, not before it was written."""
        self.registry.user()
        for number in (22, 23):
            self.registry.route(entry=f"203.0.113.{number}")
            self.registry.domain(f"n{number}.example.org", f"203.0.113.{number}")

        def links():
            body = fcgi.ask(self.process.path, f"/{UUID}", query="format=links").body
            return body.decode().split("\n")

        until(lambda: len(links()) == 3, "the servers")
        self.write_health(links()[0], 300)
        until(lambda: len(links()) == 2, "what is dead to be left out")
        for seconds, count in ((DAY, 3), (-DAY, 2), (-HOUR, 3), (HOUR, 2), (200, 2), (200, 3)):
            self.step(seconds)
            self.assertEqual((count, count == 2), (len(links()), self.counts()), f"{seconds} s")
        self.step(-400)
        self.assertEqual(2, len(links()))

    def write_health(self, link, ttl):
        """The node of a link is dead, by a file of now."""
        config = (link.split(UUID)[1].split("#")[0] + "#").encode()
        now = int(time.time())
        text = f"signpost-health 1 1 {now} {ttl} here 1\n"
        text += f"{sip_hash(config, b'signpost conf  1'):016x} dead {now} 0 {now} 0 native n\n"
        text += f"end {sip_hash(text.encode()):016x}\n"
        (self.state / "health.part").write_text(text)
        (self.state / "health.part").rename(self.state / "health")

    def counts(self):
        """Whether `signpost status` says that the file counts."""
        (vantage,) = json.loads(self.signpost("status", "--json").stdout)["health"]
        return vantage["counts_now"]


@where_preloading_works
class Cgi(Clock):
    """Where those who poll keep it fresh, the time of the last look is a time of the future."""

    def setUp(self):
        super().setUp()
        self.registry.user()
        self.compile()

    def test_a_step_back_does_not_stop_refreshing(self):
        for number, seconds in enumerate((0, -HOUR, DAY, -DAY)):
            # Who was left behind before notes the time of its end.
            with open(self.state / "back.lock", "a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self.compile()
            self.step(seconds)
            self.registry.device(device=f"d{number}")
            until(lambda name=f"#d{number}": name in self.polled(), f"the change after {seconds} s")

    def polled(self):
        request = {"REQUEST_METHOD": "GET", "PATH_INFO": f"/{UUID}", "QUERY_STRING": "format=links"}
        environment = {**self.environment, **request, "GATEWAY_INTERFACE": "CGI/1.1"}
        run = subprocess.run([RESPONDER], env=environment, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, check=True)  # fmt: skip
        return run.stdout.decode()
