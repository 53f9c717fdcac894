"""malloc failing at every call: a compile fails or not, an answer is right or none, and it goes on.

FAULTS_ALL=1 in the environment: every call, not one of a few.
"""

import itertools
import json
import os
import signal
import subprocess

import fcgi
import misses
from faults import ALWAYS, Faults, end_of, where_preloading_works
from processes import is_ready
from support import RESPONDER, SIGNPOST, UNKNOWN, UUID, GitRegistry, TestCase, until

SNAPSHOT = "snapshot-4.cdb"
FORMS = ("base64", "links", "clash", "sing-box", "xray", "page")
OUTAGE = b"Status: 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 60\r\n\r\n"
ALL = bool(os.environ.get("FAULTS_ALL"))
YAML_UUID = "8f3c5d1e-6324-4d53-ad4f-8cda48b30899"


class Memory(TestCase):
    def setUp(self):
        super().setUp()
        self.faults = Faults(self.dir / "faults")
        self.addCleanup(self.faults.close)
        self.fill()

    def fill(self):
        self.registry.minimal()
        self.registry.route(location="Ny", client={"type": "xhttp", "extra": {"a": "b" * 99}})
        self.registry.write("users/8.yaml", "id: 8\nusername: Olga\nstatus: active\n")


def steps(step):
    return itertools.count(1, 1 if ALL else step)


@where_preloading_works
class Compile(Memory):
    """Between two registries, to and fro: what lies there is one of their two snapshots."""

    def setUp(self):
        super().setUp()
        # So far ahead that no file was written a moment ago.
        self.faults["clock"] = 10
        self.environment.update(self.faults.environment("signpost"))
        self.whole = {}
        for name in ("new", "old"):
            self.change_to(name)
            self.compile()
            self.whole[name] = self.snapshot()
        self.assertNotEqual(self.whole["old"], self.whole["new"])
        self.serves = "old"

    def snapshot(self):
        return (self.state / SNAPSHOT).read_bytes()

    def change_to(self, name):
        self.registry.device(device=name)
        self.registry.domain(location=name)
        text = f"user_id: 7\ndevice: '{name} of YAML'\nstatus: active # {name}\n"
        self.registry.write(f"devices/{YAML_UUID}.yaml", text)

    def run_failing(self, number, times):
        """A compile of the other registry whose number-th allocation fails, and what it says."""
        was, name = self.serves, {"old": "new", "new": "old"}[self.serves]
        self.change_to(name)
        self.faults.fail("alloc", number, times)
        status, _, said = end_of([SIGNPOST, "compile"], self.environment)
        failed = self.faults["failed"]
        self.faults.stop()
        what = f"allocation {number}: {status}, {said}"
        self.assertIn(status, (0, 1, 2), what)
        self.assertEqual(self.whole[was if status == 2 else name], self.snapshot(), what)
        self.assertTrue("memory" in said.lower() or status != 2, what)
        self.serves = name
        return status, failed

    def sweep(self, step, times=1, before=None):
        ends = set()
        for number in steps(step):
            status, failed = self.run_failing(number, times)
            ends.add(status)
            if status != 0:
                self.compile()
                self.assertEqual(self.whole[self.serves], self.snapshot(), f"allocation {number}")
                self.assertEqual([], list(self.state.glob("*.tmp")))
            if failed == 0:
                break
            if before is not None:
                before()
        self.assertLessEqual({0, 2}, ends)
        status = json.loads((self.state / "status.json").read_text())
        self.assertEqual((None, 0, []), (status["failure"], status["errors"], status["findings"]))

    def test_what_has_changed(self):
        self.sweep(3)

    def test_everything(self):
        self.sweep(11, before=lambda: (self.state / "cache").unlink())

    def test_all_that_come_after_it_as_well(self):
        self.sweep(17, times=ALWAYS)


@where_preloading_works
class CompileGit(Compile if Compile else object):
    def fill(self):
        self.registry = GitRegistry(self.registry.path).init()
        super().fill()

    def change_to(self, name):
        super().change_to(name)
        if name not in self.commits:
            self.commits[name] = self.registry.commit()
        self.registry.git("update-ref", "--no-deref", "HEAD", self.commits[name])

    def setUp(self):
        self.commits = {}
        super().setUp()


class Requests(Memory):
    """Each form of a hit, and misses, with what they get when nothing fails."""

    def setUp(self):
        super().setUp()
        self.settings("announce: Hello\nhealth:\n  vantages: [{file: far/there}]\n")
        self.registry.user(traffic_limit=1000)
        for last in (22, 23):
            self.registry.route(entry=f"203.0.113.{last}")
            self.registry.domain(f"n{last}.example.org", f"203.0.113.{last}")
        self.compile()
        (self.state / "usage").write_text("7 1 2\n")
        (self.state / "drained").write_text("203.0.113.22\n")
        self.questions = [(f"/{UUID}", form) for form in FORMS]
        self.questions += [(f"/{UNKNOWN}", "links"), ("/nothing", "page")]
        if ALL:
            self.questions += [(path, "links") for path in misses.MALFORMED]
        self.environment.update(self.faults.environment("signpost.fcgi"))
        self.environment.pop("SIGNPOST_DATA")


    def answers(self, path, form):
        """What may come when something fails, the right one first: all, an outage, an abort.

        What is drained counts while that can be read.
        """
        good = self.ask(path, form)
        drained = (self.state / "drained").rename(self.dir / "drained")
        undrained = self.ask(path, form)
        drained.rename(self.state / "drained")
        self.assertRegex(good, rb"^Status: (200|404) ")
        self.assertEqual(good[:11], undrained[:11])
        return good, undrained, OUTAGE, b""

    def ask(self, path, form):
        raise NotImplementedError


@where_preloading_works
class Cgi(Requests):
    def ask(self, path, form):
        request = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": f"format={form}"}
        environment = {**self.environment, **request, "GATEWAY_INTERFACE": "CGI/1.1"}
        status, out, said = end_of([RESPONDER], environment, out=subprocess.PIPE)
        self.assertIn(status, (0, 1), said)
        self.assertEqual(status == 0, out != b"", said)
        return out

    def test_every_allocation(self):
        for path, form in self.questions:
            self.faults.stop()
            answers = self.answers(path, form)
            outcomes = set()
            for number in steps(2):
                for times in (1, ALWAYS):
                    self.faults.fail("alloc", number, times)
                    outcomes.add(self.ask(path, form))
                    self.assertLessEqual(outcomes, set(answers), f"{form}, allocation {number}")
                    failed = self.faults["failed"]
                    self.faults.stop()
                if failed == 0:
                    break
            self.assertLessEqual({answers[0], OUTAGE}, outcomes)
            self.assertEqual(answers[0], self.ask(path, form))


@where_preloading_works
class FastCgi(Requests):
    """A new process for each allocation: nothing is there yet that an answer needs.

    libfcgi aborts where it has no memory itself: then the next process serves. Where it does is the
    same for every form.
    """

    def ask(self, path, form):
        responder = self.responder()
        answer = self.ask_of(responder, path, form)
        responder.stop()
        return answer

    def ask_of(self, responder, path, form):
        """What comes, or nothing when the connection is closed instead."""
        with fcgi.Client(responder.path) as client:
            client.push(fcgi.request(path, query=f"format={form}"))
            try:
                reply = client.reply()
            except ConnectionResetError:
                return b""
            return reply.stdout if reply.is_complete else b""

    def assert_clean_end(self, process):
        """It may have been aborted: told by the tests."""

    def ask_failing(self, number, times, path, form, answers):
        """Whether libfcgi gave up, and how many allocations have failed."""
        responder = self.responder()
        until(lambda: is_ready(responder.pid), "its start")
        self.faults.fail("alloc", number, times)
        answer = self.ask_of(responder, path, form)
        failed = self.faults["failed"]
        self.faults.stop()
        what = f"{form}, allocation {number}: {responder.said()}"
        self.assertIn(answer, answers, what)
        self.outcomes.add(answer)
        until(lambda: self.is_right(responder, path, form, answers[0]), what)
        if not responder.is_alive():
            self.assertRegex(responder.said(), "fcgiapp.c|Unexpected error", what)
            self.assertEqual(-signal.SIGABRT, responder.popen.returncode, what)
            return True, failed
        self.assertEqual(0, responder.stop(), what)
        return False, failed

    def is_right(self, responder, path, form, good):
        """Whether it serves, or has ended."""
        try:
            return self.ask_of(responder, path, form) == good
        except ConnectionError:
            return not responder.is_alive()

    def test_every_allocation(self):
        aborts = set()
        for path, form in self.questions if ALL else self.questions[:6]:
            answers = self.answers(path, form)
            self.outcomes = set()
            for number in itertools.count(1):
                if number in aborts or (not ALL and number % 3 == 0):
                    continue
                is_end = False
                for times in (1, ALWAYS) if ALL else (1,):
                    is_abort, failed = self.ask_failing(number, times, path, form, answers)
                    if is_abort:
                        aborts.add(number)
                    is_end = failed == 0
                if is_end:
                    break
            self.assertIn(answers[0], self.outcomes)
            if path == f"/{UUID}":
                self.assertIn(OUTAGE, self.outcomes)

    def test_the_start(self):
        """It serves, or says why not and ends. libseccomp does not bear it, and is left out."""
        self.environment["SIGNPOST_SANDBOX"] = "off"
        ends = set()
        for number in steps(9):
            path = self.dir / f"{number}.sock"
            self.faults.fail("alloc", number)
            process = self.start_responder("-s", path)
            until(lambda: self.can_connect(path) or not process.is_alive())
            failed = self.faults["failed"]
            self.faults.stop()
            if process.is_alive():
                process.path = path
                until(lambda: self.ask_of(process, f"/{UUID}", "links")[:11] == b"Status: 200")
            status = process.stop()
            ends.add(status)
            self.assertIn(status, (0, 1, 2), f"allocation {number}: {process.said()}")
            self.assertTrue(status == 0 or process.said(), f"allocation {number}")
            if failed == 0:
                break
        self.assertIn(0, ends)
