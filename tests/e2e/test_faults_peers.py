"""Ten thousand peers that say nothing, and many that say or take a byte at a time."""

import os
import pathlib
import resource

import fcgi
from faults import where_preloading_works
from support import UUID, until

IDLE = 10000
SPARE = 500  # descriptors of the test itself, and of the responder
GOOD = fcgi.request(f"/{UUID}")


def most_descriptors():
    """As many as may be, for this process and those that it starts."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


class Peers(fcgi.Case):
    def memory(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        [line] = [line for line in text.split("\n") if line.startswith("VmRSS:")]
        return int(line.split()[1]) * 1024


@where_preloading_works  # others count memory of their own
class Idle(Peers):
    def setUp(self):
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        self.count = min(IDLE, most_descriptors() - SPARE)
        super().setUp()

    def test_ten_thousand(self):
        """Honest polls are answered while they come, while they stay, and while they leave."""
        if self.count < IDLE:
            print(f"only {self.count} idle connections: RLIMIT_NOFILE allows no more")
        kept = self.client()
        self.assert_good(kept)
        before, memory = self.descriptors(), self.memory()
        idle = []
        for number in range(self.count):
            idle.append(self.client())
            if number % 100 == 0:
                self.assert_good()
                self.assert_good(kept)
        until(lambda: self.descriptors() >= before + self.count, "their descriptors")
        each = (self.memory() - memory) / self.count
        if os.environ.get("VERBOSE"):
            print(f"{each:.0f} bytes of memory for each of {self.count} idle connections")
        self.assertLess(each, 512)
        for _ in range(200):
            self.assert_good()
            self.assert_good(kept)
        self.assertTrue(all(client.is_silent() for client in idle))
        for client in idle[::50]:
            self.assert_good(client)
        for number, client in enumerate(idle):
            client.socket.close()
            if number % 100 == 0:
                self.assert_good(kept)
        self.assert_descriptors(before + 1)
        self.assert_good()


class Drip(Peers):
    def test_a_byte_at_a_time_from_many(self):
        """Each is looked at when it comes; the honest wait for nobody.

        Not all of it: nothing is taken off the socket before it is whole, and of single bytes the
        system queues no more than some 70.
        """
        count = 100
        held = [self.client() for _ in range(count)]
        kept = self.client()
        for number in range(50):
            for client in held:
                client.push(GOOD[number : number + 1])
            self.assert_good(kept)
            self.assert_good()
        answers = []
        for client in held:
            client.push(GOOD[50:])
            answers.append(self.answer_of(client))
        # On a slow machine their time may be over.
        self.assertLessEqual(set(answers), {self.good, b""})
        self.assert_good(kept)

    @staticmethod
    def answer_of(client):
        try:
            return client.reply().stdout
        except ConnectionResetError:
            return b""


class Slow(Peers):
    def fill(self):
        self.fill_large(400)

    def test_a_byte_at_a_time_to_many(self):
        """They do not take what they have asked for; what they get is right however they take it."""
        takers = [self.client() for _ in range(20)]
        for taker in takers:
            taker.send(GOOD)
        taken = [b""] * len(takers)
        for _ in range(50):
            for number, taker in enumerate(takers):
                taken[number] += taker.receive(1)
            self.assert_good()
        whole = self.raw_answer()
        for number, taker in enumerate(takers):
            taken[number] += taker.receive(len(whole) - len(taken[number]))
            self.assertEqual(whole, taken[number])

    def raw_answer(self):
        """The bytes on the wire."""
        with fcgi.Client(self.path) as client:
            client.send(fcgi.request(f"/{UUID}", keep=False))
            return b"".join(iter(lambda: client.socket.recv(1 << 20), b""))
