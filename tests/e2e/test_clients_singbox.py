"""sing-box with the profiles that Signpost serves to its apps, unchanged, in a tunnel device.

Old versions refuse what new ones want and the other way round, so each gets a form of its own.
"""

import contextlib
import json
import os
import re
import socket
import subprocess

import real
from afar import FAR, question
from support import LIMIT, until
from ways import ONE, WAYS, WRONG

VERSIONS = ["1.9.7", "1.10.7", "1.11.15", "1.12.12", "1.14.1"]
# What it has no words for, and Signpost therefore leaves out.
UNKNOWN = {"grpc+tls+path", "tcp+encryption", "tcp+tls+pin", "tcp+tls+pins", "tcp+tls+vcn"}
UNKNOWN |= {"wrong encryption", "wrong pin", "wrong vcn"}
UNKNOWN |= {name for name in [*WAYS, *WRONG] if "xhttp" in name}
NAME_SERVER = ("8.8.8.8", 53)


def agent(version):
    return f"SFA/{version} (123; sing-box {version}; language en_US)"


def device_outwards():
    """By which device packets to afar go."""
    run = subprocess.run(
        ["ip", "route", "get", FAR], stdout=subprocess.PIPE, text=True, timeout=LIMIT
    )
    found = re.search(r" dev (\S+)", run.stdout)
    return found[1] if found else None


def address_of(name):
    """What a name server says, asked as every program does: until it answers; or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(real.SHORT)
        s.connect(NAME_SERVER)
        for _ in range(5):
            with contextlib.suppress(TimeoutError):
                s.send(question(name))
                return socket.inet_ntoa(s.recv(512)[-4:])


class SingBox:
    """A running sing-box, whose tunnel device takes all that goes out."""

    def __init__(self, world, profile, version):
        before = device_outwards()
        file = world.dir / "sing-box.json"
        file.write_bytes(profile)
        self.process = world.start(
            *(real.program(f"sing-box-{version}"), "run", "-c", file, "-D", world.dir),
            name="sing-box",
            env=world.trusting(),
            ready=lambda: device_outwards() not in (None, before),
        )
        self.is_gone = lambda: device_outwards() == before

    @staticmethod
    def through():
        """What comes. One that starts may break connections off, so then it is asked again."""
        for _ in range(3):
            got = real.directly()
            if isinstance(got, str):
                break
        return got

    def close(self):
        self.process.stop()
        until(self.is_gone, "the end of the tunnel")


class Profiles(real.TestCase):
    def profile(self, user, version):
        return self.world.profile(user, agent=agent(version))

    def client(self, user, version):
        if not os.path.exists("/dev/net/tun"):
            self.skipTest("needs /dev/net/tun")
        return contextlib.closing(SingBox(self.world, self.profile(user, version), version))

    def test_every_version_takes_its_own_without_a_word(self):
        for version in VERSIONS:
            for user in ("all", ONE):
                with self.subTest(version, user=user):
                    self.assertEqual((0, ""), self.check(user, version))

    def check(self, user, version):
        file = self.world.dir / "check.json"
        file.write_bytes(self.profile(user, version))
        run = subprocess.run(
            [real.program(f"sing-box-{version}"), "check", "-c", file],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
        )
        return run.returncode, run.stdout

    def test_what_it_does_not_know_is_left_out(self):
        profile = json.loads(self.profile("all", VERSIONS[-1]))
        tags = {out["tag"] for out in profile["outbounds"] if out["type"] == "vless"}
        self.assertEqual(set(WAYS) - UNKNOWN, tags)

    def test_every_way_in(self):
        for version in VERSIONS:
            for name in WAYS:
                if name not in UNKNOWN:
                    with self.subTest(name, version=version), self.client(name, version) as client:
                        self.assert_goes_through(client.through(), client, name, name)

    def test_all_in_one(self):
        """The group that chooses by itself; names are asked for through the tunnel as well."""
        for version in VERSIONS:
            with self.subTest(version), self.client("all", version) as client:
                self.assert_goes_through(client.through(), client, "all")
                self.assertEqual(FAR, address_of("www.example.org"), client.process.said())

    def test_what_is_wrong_in_one_thing_stays_out(self):
        for name in [*WRONG, "stranger"]:
            if name not in UNKNOWN:
                with self.subTest(name), self.client(name, VERSIONS[-1]):
                    self.assert_stays_out(real.directly(real.SHORT), name)
