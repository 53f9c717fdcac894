"""mihomo with what Signpost serves, unchanged: its own profiles, and links."""

import concurrent.futures
import http.client
import json
import re
import urllib.parse

import real
from afar import FAR
from support import LIMIT
from ways import ONE, WAYS, WRONG

# What Signpost leaves out for it: what it cannot do, or has only learned lately.
UNKNOWN = {"grpc+tls+path", "tcp+tls+pins", "tcp+tls+vcn", "xhttp+tls+extra", "wrong vcn"}
# Its reader of links makes the network "httpupgrade" of one, which its core takes for tcp, and
# does not see ech.
UNKNOWN_BY_LINKS = {"tcp+tls+ech", "wrong ech"}
UNKNOWN_BY_LINKS |= {name for name in [*WAYS, *WRONG] if "httpupgrade" in name}
# The shortest profile that reads proxies from an address.
PROVIDER = """
mixed-port: 7890
proxy-providers:
  signpost: {type: http, url: "URL", path: ./proxies, interval: 3600}
proxy-groups:
  - {name: PROXY, type: select, use: [signpost]}
rules:
  - MATCH,PROXY
"""
CONTROL = 9090


class Mihomo:
    """A running mihomo and its controller."""

    def __init__(self, world, profile):
        home = world.dir / f"mihomo-{world.started}"
        home.mkdir()
        file = home / "profile.yaml"
        file.write_bytes(profile)
        self.port = int(re.search(rb"^mixed-port: *(\d+)", profile, re.M)[1])
        # It listens before it lets anything through.
        running = home / "running"
        self.process = world.start(
            *(real.program("mihomo"), "-d", home, "-f", file),
            *("-ext-ctl", f"127.0.0.1:{CONTROL}", "-post-up", f"touch {running}"),
            name="mihomo",
            env=world.trusting(),
            ready=running.exists,
        )

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", CONTROL, timeout=LIMIT)
        connection.request(method, path, body=body and json.dumps(body))
        with connection.getresponse() as response:
            text = response.read()
        connection.close()
        return json.loads(text) if text else {}

    def providers(self):
        """Where each proxy that goes to an entry node comes from."""
        return {
            proxy["name"]: provider["name"]
            for provider in self.ask("GET", "/providers/proxies")["providers"].values()
            for proxy in provider["proxies"]
            if proxy["type"] == "Vless"
        }

    def names(self):
        return set(self.providers())

    def choose(self, name):
        """What a person does in the app."""
        proxies = self.ask("GET", "/proxies")["proxies"]
        (group,) = [
            group
            for group, facts in proxies.items()
            if facts["type"] == "Selector" and group != "GLOBAL" and name in facts["all"]
        ]
        self.ask("PUT", "/proxies/" + urllib.parse.quote(group), {"name": name})

    def through(self, name):
        self.choose(name)
        return real.through_proxy(self.port)

    def is_alive(self, name, seconds=real.SHORT):
        """What the app's test of a proxy finds; it can wait for 32 seconds at most."""
        query = urllib.parse.urlencode({"url": f"http://{FAR}/", "timeout": 1000 * seconds})
        words = ["", "providers", "proxies", self.providers()[name], name]
        path = "/".join(map(urllib.parse.quote, words))
        # Its own answer calls an error what takes less than a millisecond.
        self.ask("GET", f"{path}/healthcheck?{query}")
        return self.ask("GET", path)["alive"]


class Ways:
    """What must hold of every form that it reads."""

    unknown = UNKNOWN

    def client(self, user):
        client = Mihomo(self.world, self.profile(user))
        self.addCleanup(client.process.stop)
        return client

    def test_every_way_in(self):
        client = self.client("all")
        self.assertEqual(set(WAYS) - self.unknown, client.names())
        for name in sorted(client.names()):
            with self.subTest(name):
                self.assert_goes_through(client.through(name), client, "all", name)
                # Else the tests below would show nothing.
                self.assertTrue(client.is_alive(name, LIMIT // 2))

    def assert_all_stay_out(self, user, names):
        client = self.client(user)
        self.assertEqual(names, client.names())
        with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            alive = dict(zip(names, pool.map(client.is_alive, names)))
        self.assertEqual(dict.fromkeys(names, False), alive)
        self.assertEqual(set(), self.world.entered(user))

    def test_what_is_wrong_in_one_thing_stays_out(self):
        self.assert_all_stay_out("wrong", set(WRONG) - self.unknown)

    def test_a_stranger_stays_out(self):
        self.assert_all_stay_out("stranger", set(WAYS) - self.unknown)


class Profiles(Ways, real.TestCase):
    """Its own form."""

    def profile(self, user):
        return self.world.profile(user, "clash")

    def test_the_group_that_chooses_by_itself(self):
        client = self.client("all")
        groups = self.groups(client, "URLTest") + self.groups(client, "Fallback")
        self.assertTrue(groups)
        for name in groups:
            with self.subTest(name):
                self.assert_goes_through(client.through(name), client, "all")

    @staticmethod
    def groups(client, kind):
        proxies = client.ask("GET", "/proxies")["proxies"]
        return [name for name, facts in proxies.items() if facts["type"] == kind]

    def test_one_way_in(self):
        client = self.client(ONE)
        self.assert_goes_through(real.through_proxy(client.port), client, ONE, ONE)


class Provider(Ways, real.TestCase):
    """Its own form, by its own User-Agent, as a provider in a profile of the user's own."""

    def profile(self, user):
        return PROVIDER.replace("URL", self.world.url(user)).encode()


class Links(Ways, real.TestCase):
    """Links, in the same place."""

    unknown = UNKNOWN | UNKNOWN_BY_LINKS

    def profile(self, user):
        return PROVIDER.replace("URL", self.world.url(user, "base64")).encode()
