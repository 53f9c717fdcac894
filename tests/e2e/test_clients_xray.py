"""Xray with the profiles that Signpost serves to its apps, unchanged.

They come as a list: the first one balances over all ways in, and each other one has its own.
"""

import concurrent.futures
import json
import subprocess

import real
from support import LIMIT
from ways import WAYS, WRONG


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


class Profiles(real.TestCase):
    def profiles(self, user):
        return json.loads(self.world.profile(user, "xray"))

    def client(self, profile, shift=0):
        client = Xray(self.world, profile, shift)
        self.addCleanup(client.process.stop)
        return client

    def test_it_takes_each(self):
        for profile in self.profiles("all"):
            with self.subTest(profile["remarks"]):
                run = subprocess.run(
                    [real.program("xray"), "run", "-test", "-format", "json"],
                    input=json.dumps(profile),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    timeout=LIMIT,
                )
                self.assertEqual(0, run.returncode, run.stdout)

    def test_every_way_in(self):
        balancer, *single = self.profiles("all")
        self.assertEqual(sorted(WAYS), sorted(p["remarks"] for p in single))
        for shift, profile in enumerate([balancer, *single]):
            with self.subTest(profile["remarks"]):
                client = self.client(profile, 2 * shift)
                got = real.through_proxy(client.port)
                self.assert_goes_through(got, profile["remarks"], client)
                client.process.stop()

    def test_one_way_in(self):
        for profile in self.profiles("tcp+reality+vision"):
            client = self.client(profile)
            self.assert_goes_through(real.through_proxy(client.port), profile["remarks"], client)
            client.process.stop()

    def assert_all_stay_out(self, profiles):
        clients = [self.client(profile, 2 * n) for n, profile in enumerate(profiles)]
        ports = [client.port for client in clients]
        with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
            answers = pool.map(lambda port: real.through_proxy(port, real.SHORT), ports)
            for profile, got in zip(profiles, answers):
                self.assert_stays_out(got, profile["remarks"])

    def test_what_is_wrong_in_one_thing_stays_out(self):
        _, *single = self.profiles("wrong")
        self.assertEqual(sorted(WRONG), sorted(p["remarks"] for p in single))
        self.assert_all_stay_out(single)

    def test_a_stranger_stays_out(self):
        self.assert_all_stay_out(self.profiles("stranger"))
