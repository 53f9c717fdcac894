"""The whole way of a poll: nginx as shipped, the responder, and four nodes with priorities."""

import contextlib
import threading

from fleets import DEVICE, FleetCase
from support import UnixConnection, fetch, until
from test_nginx import Nginx, misses

PATH = f"/api/{DEVICE}?format=links"
ALL = ["n0", "n1", "n2", "n3"]
TURNED = ["n1", "n2", "n3", "n0"]


class FailOver(FleetCase, Nginx):
    """The first node is the primary, the others come next in the order of their numbers."""

    def setUp(self):
        FleetCase.setUp(self)
        (self.dir / "run").mkdir()
        self.socket, self.web = self.dir / "run" / "signpost.sock", self.dir / "web.sock"
        misses.fill_site(self.dir / "site")
        self.configure(order=None, remove_after=3, fall=1)
        self.responder(socket_path=self.socket)
        self.nginx()
        self.start_health()
        self.until_all("alive", *self.nodes)

    def write_endpoint(self, i, node, **fields):
        super().write_endpoint(i, node, priority=10 * i, **fields)

    def poll(self, tag=None, connection=None):
        headers = {"If-None-Match": tag} if tag else {}
        return fetch(connection or self.web, PATH, "GET", headers)

    def names_in(self, answer):
        return [link.rpartition("#")[2] for link in answer.body.decode().split("\n")]

    @contextlib.contextmanager
    def polled(self):
        """While this runs, others poll, with and without a tag; every poll is answered in full."""
        odd, end, polls = [], threading.Event(), []

        def run():
            connection, tag = UnixConnection(self.web), None
            while not end.is_set():
                try:
                    answer = self.poll(tag, connection)
                except Exception as error:
                    odd.append(error)
                    connection = UnixConnection(self.web)
                    continue
                polls.append(answer.status)
                if answer.status == 200 and len(self.names_in(answer)) < 2:
                    odd.append(answer.body)
                if answer.status not in (200, 304) or (answer.status == 304 and not tag):
                    odd.append(answer.status)
                tag = answer.header("ETag") if len(polls) % 3 else None
                end.wait(0.002)

        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            end.set()
            for thread in threads:
                thread.join()
        self.assertEqual([], odd[:5])
        self.assertGreater(len(polls), 100)

    def becomes(self, names, tag):
        """Until a poll gives these: its tag. Who has the old one gets them, with the new a 304."""
        until(lambda: self.names_in(self.poll()) == names, f"{names} to be served")
        answer = self.poll(tag)
        self.assertEqual((200, names), (answer.status, self.names_in(answer)))
        new = answer.header("ETag")
        self.assertNotEqual(tag, new)
        self.assertEqual(304, self.poll(new).status)
        return new

    def test_the_primary_dies_then_all_and_they_come_back(self):
        with self.polled():
            answer = self.poll()
            self.assertEqual(ALL, self.names_in(answer))
            first = answer.header("ETag")
            self.assertEqual(304, self.poll(first).status)
            self.fleet.set("closed", self.nodes[0])
            last = self.becomes(TURNED, first)
            without = self.becomes(TURNED[:3], last)
            self.assertNotEqual(first, without)
            # Whoever has the first list still has the wrong one.
            self.assertEqual(200, self.poll(first).status)
            self.fleet.set("reset", *self.nodes[1:])
            self.until_all("dead", *self.nodes)
            all_dead = self.becomes(ALL, without)
            self.assertEqual(first, all_dead, "the same bytes")
            self.fleet.set("alive", *self.nodes)
            self.until_all("alive", *self.nodes)
            until(lambda: self.names_in(self.poll()) == ALL, "all to be back")
            self.assertEqual(304, self.poll(first).status)

    def test_the_next_priority_is_first_when_the_primary_dies(self):
        with self.polled():
            tag = self.poll().header("ETag")
            self.fleet.set("reset", self.nodes[0])
            tag = self.becomes(TURNED[:3], tag)
            self.fleet.set("strange", self.nodes[1])
            tag = self.becomes(["n2", "n3"], tag)
            # The first in rank leads again as soon as it is back, before those that kept on.
            self.fleet.set("alive", self.nodes[0])
            tag = self.becomes(["n0", "n2", "n3"], tag)
            self.fleet.set("alive", self.nodes[1])
            self.becomes(ALL, tag)
