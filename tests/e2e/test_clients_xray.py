"""Xray with the profiles that Signpost serves to its apps, unchanged.

They come as a list: the first one balances over all ways in, and each other one has its own.
"""

import concurrent.futures
import contextlib
import json

import real
from ways import ONE, WAYS, WRONG


class Xray:
    """A running Xray client; many of them at once, if each has ports of its own."""

    def __init__(self, world, profile, shift=0):
        for inbound in profile["inbounds"]:
            inbound["port"] += shift
        file = world.dir / f"xray-{shift}.json"
        file.write_text(json.dumps(profile))
        ports = {inbound["protocol"]: inbound["port"] for inbound in profile["inbounds"]}
        self.port = ports["http"]
        self.process = world.start(
            *(real.program("xray"), "run", "-c", file),
            name="xray",
            env=world.trusting(),
            ready=lambda: all(map(real.listens, ports.values())),
        )

    def close(self):
        self.process.stop()


class Profiles(real.TestCase):
    def profiles(self, user):
        return json.loads(self.world.profile(user, "xray"))

    def assert_lets_in(self, profile, user, way=None):
        with contextlib.closing(Xray(self.world, profile)) as client:
            self.assert_goes_through(real.through_proxy(client.port), client, user, way)

    def test_every_way_in(self):
        _, *single = self.profiles("all")
        self.assertEqual(sorted(WAYS), sorted(p["remarks"] for p in single))
        for profile in single:
            with self.subTest(profile["remarks"]):
                self.assert_lets_in(profile, "all", profile["remarks"])

    def test_the_one_that_chooses_by_itself(self):
        self.assert_lets_in(self.profiles("all")[0], "all")

    def test_one_way_in(self):
        (profile,) = self.profiles(ONE)
        self.assert_lets_in(profile, ONE, ONE)

    def assert_all_stay_out(self, profiles, user):
        with contextlib.ExitStack() as stack:
            clients = [Xray(self.world, profile, 2 * n) for n, profile in enumerate(profiles)]
            for client in clients:
                stack.callback(client.close)
            ports = [client.port for client in clients]
            pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(len(clients)))
            for got in pool.map(lambda port: real.through_proxy(port, real.SHORT), ports):
                self.assert_stays_out(got, user)

    def test_what_is_wrong_in_one_thing_stays_out(self):
        _, *single = self.profiles("wrong")
        self.assertEqual(sorted(WRONG), sorted(p["remarks"] for p in single))
        self.assert_all_stay_out(single, "wrong")

    def test_a_stranger_stays_out(self):
        self.assert_all_stay_out(self.profiles("stranger"), "stranger")
