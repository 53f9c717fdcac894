"""Peers that say nothing, half of it, nonsense or too much: in nobody else's way."""

import random
import select
import struct

import fcgi
from fcgi import GET_VALUES, PARAMS, STDIN, begin, pair, params, record, stream
from support import LIMIT, UUID

GOOD = fcgi.request(f"/{UUID}")
MPXS = pair("FCGI_MPXS_CONNS", "")
HUGE = (0x7FFFFFFF, 0x7FFFFFFE, 0x7FFFFFFD, 0x40000000, 0x3FFFFFFF, 0x10001)


def four(n):
    return struct.pack(">I", n | 1 << 31)


class Hostile(fcgi.Case):
    def hold(self, *pieces):
        """Connections that stay open, each with a piece sent."""
        clients = [self.client() for _ in pieces]
        for client, piece in zip(clients, pieces):
            client.push(piece)
        return clients

    def assert_others_are_served(self, held):
        """While those peers wait, new connections and a kept one get answers at once."""
        with self.client() as kept:
            for _ in range(5):
                self.assert_good(kept)
                self.assert_good()
        self.assertTrue(all(client.is_silent() for client in held))

    def test_silent_peers(self):
        held = self.hold(*[b""] * 200)
        self.assert_others_are_served(held)
        for client in held:
            self.assert_good(client)

    @fcgi.while_heads_live
    def test_half_heads(self):
        cuts = range(1, len(GOOD), 3)
        held = self.hold(*[GOOD[:cut] for cut in cuts])
        self.assert_others_are_served(held)
        for client, cut in zip(held, cuts):
            client.send(GOOD[cut:])
            self.assertEqual(self.good, client.reply().stdout)

    @fcgi.while_heads_live
    def test_heads_that_promise_much(self):
        large = record(PARAMS, b"x" * 60000)
        held = self.hold(
            *[begin() + large[:8]] * 20,
            *[begin() + record(PARAMS, params(f"/{UUID}")) + large[:100]] * 20,
            *[begin() + record(PARAMS, four(60000) + four(60000) + b"x" * 50000)] * 20,
        )
        self.assert_others_are_served(held)

    def test_bodies_that_do_not_come(self):
        """The answer does not wait for them, nor do others while it is thrown away."""
        head = begin() + stream(PARAMS, params(f"/{UUID}", method="POST"))
        held = self.hold(*[head + record(STDIN, b"x" * 60000)[:8]] * 20)
        for client in held:
            self.assertEqual(404, client.reply().status)
            self.assert_good()

    @fcgi.while_heads_live
    def test_dripping_peers(self):
        """Each byte that comes is looked at, none is waited for."""
        pieces = [GOOD[at : at + 3] for at in range(0, len(GOOD), 3)]
        held = self.hold(*[b""] * 20)
        with self.client() as kept:
            for piece in pieces[:-1]:
                for client in held:
                    client.send(piece)
                self.assert_good(kept)
                self.assertTrue(all(client.is_silent() for client in held))
            for client in held:
                client.send(pieces[-1])
                self.assertEqual(self.good, client.reply().stdout)

    def test_an_unfinished_head_is_dropped_however_it_drips(self):
        silent = self.client()
        half, dripping = self.hold(GOOD[:50], begin() + record(PARAMS, b"x" * 10000)[:8])
        # The pace is not what counts: each byte would begin the time anew if it could.
        for _ in range(LIMIT * 5):
            if select.select([dripping.socket], [], [], 0.2)[0]:
                break
            dripping.push(b"\1")
        self.assertTrue(dripping.is_closed())
        self.assertTrue(half.is_closed())
        self.assertTrue(silent.is_silent())
        self.assert_good(silent)

    @fcgi.while_heads_live
    def test_who_leaves_in_mid_head_is_let_go_before_the_time_is_over(self):
        before = self.descriptors()
        [first] = self.hold(GOOD[:50])
        self.assert_good()
        leaving = self.hold(*[GOOD[:50]] * 20)
        self.assert_good()
        for client in leaving:
            client.socket.close()
        fcgi.until(
            lambda: self.descriptors() <= before + 1 or not first.is_silent(),
            "the end of those who left",
        )
        self.assertTrue(first.is_silent(), "it was given up earlier than those who had left")

    def test_floods_of_get_values(self):
        for content in (MPXS * 4, MPXS * 5, MPXS * 64, MPXS * 3800):
            one = record(GET_VALUES, content, id=0)
            for flood in (one, one * 4, one * max(1, 2000000 // len(one))):
                self.assert_refused(flood)
                self.assert_refused(begin() + flood)
                self.assert_refused(begin() + record(PARAMS, params(f"/{UUID}")) + flood)
                self.assert_refused(begin() + stream(PARAMS, params(f"/{UUID}")) + flood)
                client = self.client()
                self.assert_good(client)
                client.push(flood + GOOD)
                self.assertEqual([], client.replies())
                # Behind a request it is a rest that is thrown away.
                client = self.client()
                client.push(GOOD + flood)
                self.assertEqual([self.good], [reply.stdout for reply in client.replies()])

    def test_huge_lengths(self):
        for size in HUGE:
            for lengths in (
                four(size) + four(size),
                four(size) + b"\0",
                b"\1" + four(size) + b"X",
                four(size) + four(1),
                four(0) + four(size),
                params(f"/{UUID}") + four(size) + four(size),
            ):
                self.assert_refused(begin() + record(PARAMS, lengths))
                self.assert_refused(begin() + stream(PARAMS, lengths, size=1))
                self.assert_refused(begin() + stream(PARAMS, lengths) + record(STDIN))
                self.assert_refused(begin() + record(PARAMS, lengths + b"x" * 65000))

    def test_empty_pairs(self):
        self.assert_refused(begin() + record(PARAMS, b"\0" * 65534))
        self.assert_refused(begin() + stream(PARAMS, b"\0" * 2000) + record(STDIN))

    def test_records_that_only_pad(self):
        self.assert_refused(begin() + record(PARAMS, b"\1\0x", padding=255) * 300)

    def test_noise(self):
        source = random.Random(20)
        noise = [source.randbytes(source.choice((1, 8, 100, 5000))) for _ in range(200)]
        self.hold(*noise, *[b"\1" + piece for piece in noise])
        self.assert_good()

    def test_mutated_requests(self):
        """Whatever comes of them, it ends; none takes another's answer or place."""
        source = random.Random(21)
        kept = self.client()
        for _ in range(20):
            pieces = []
            for _ in range(30):
                data = bytearray(GOOD)
                for _ in range(source.choice((1, 1, 2, 5))):
                    data[source.randrange(len(data))] = source.choice((0, 1, 127, 128, 255))
                pieces.append(data + GOOD * source.randrange(2))
            self.hold(*pieces)
            self.assert_good(kept)
        self.assert_good()

    def test_peers_that_come_and_go(self):
        before = self.descriptors()
        for data in (b"", GOOD[:1], GOOD[:60], GOOD[:-1], GOOD, GOOD + GOOD, b"\0", b"x" * 100000):
            for _ in range(50):
                with fcgi.Client(self.path) as client:
                    client.push(data)
            self.assert_good()
        self.assert_descriptors(before)


class Large(fcgi.Case):
    def fill(self):
        self.fill_large(300)

    def test_peers_that_ask_much_and_leave(self):
        before = self.descriptors()
        for size in (0, 1, 100000):
            for _ in range(10):
                with fcgi.Client(self.path) as client:
                    client.push(GOOD)
                    client.receive(size)
            self.assert_good()
        self.assert_descriptors(before)
