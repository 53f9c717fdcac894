"""The limits of nginx-fcgi.conf: room for real clients, none for floods, and a face as any miss's.

Peers are told to nginx by the PROXY protocol, so that there are as many as a test wants.
"""

import re
import socket
import threading
import uuid

import faces
import misses
from support import LIMIT, UUID, shipped
from test_nginx import Nginx

HOME, OTHER, NODE = "198.51.100.77", "198.51.100.78", "203.0.113.21"
BATCH = 50  # requests that are under way on a connection


MORE = [str(uuid.UUID(int=(0xABCDEF << 100) + i)) for i in range(150)]  # devices that are served


class Limits(Nginx):
    refills = True  # as shipped; else no place comes back while a test lasts

    def setUp(self):
        super().setUp()
        for one in MORE:
            self.registry.device(one)
        self.compile()
        self.responder(socket_path=self.socket)
        self.start_nginx()

    def start_nginx(self, change=lambda conf: conf):
        conf = shipped("nginx-fcgi.conf", limits=True)
        self.assertIn("limit_req zone=", conf, "there are no limits")
        listen = f"listen unix:{self.web} proxy_protocol; set_real_ip_from unix:;"
        conf = conf.replace("listen 127.0.0.1:8080;", listen + " real_ip_header proxy_protocol;")
        conf = conf.replace(f"# {NODE} 1;", f"{NODE} 1;")
        if not self.refills:
            conf, count = re.subn(r"rate=\d+r/s", "rate=1r/m", conf)
            self.assertEqual(2, count)
        return self.nginx(change(conf))

    def ask(self, data, peer=HOME):
        """All that comes back to bytes from a peer."""
        family = "TCP6" if ":" in peer else "TCP4"
        own = "2001:db8::9" if ":" in peer else "192.0.2.9"
        line = f"PROXY {family} {peer} {own} 1000 443\r\n".encode()
        return misses.talk(self.web, line + data)

    def statuses(self, paths, peer=HOME, method="GET"):
        """The statuses of one request for each path, all by few connections."""
        found = []
        for at in range(0, len(paths), BATCH):
            some = paths[at : at + BATCH]
            data = b"".join(
                misses.request(method, path, close=path is some[-1] and i == len(some) - 1)
                for i, path in enumerate(some)
            )
            answers = re.findall(rb"HTTP/1\.1 (\d+) [^\r]+\r\n(?:Server|Date)", self.ask(data, peer))
            self.assertEqual(len(some), len(answers))
            found += [int(status) for status in answers]
        return found

    def status(self, path=f"/api/{UUID}", peer=HOME):
        return self.statuses([path], peer)[0]


class Headroom(Limits):
    """What real clients do (ten rapid hits, HEAD, parallel GETs) meets no limit."""

    def test_of_one_address(self):
        path = f"/api/{UUID}"
        self.assertEqual([200] * 12, self.statuses([path] * 12))
        self.assertEqual([200] * 10, self.statuses([path] * 10, method="HEAD"))
        found = []

        def poll():
            found.append(self.status())

        threads = [threading.Thread(target=poll) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
        self.assertEqual([200] * 8, found)

    def test_of_many_users_of_one_ip(self):
        """A carrier's NAT: 150 devices that each ask ten times, at once."""
        self.assertEqual([200] * 1500, self.statuses([f"/api/{one}" for one in MORE] * 10))

    def test_of_a_node(self):
        """All users of a node come from it, by their tunnels: it has no ceiling."""
        self.statuses([f"/nix/{i}" for i in range(6000)], NODE)
        self.assertEqual([200] * 10, self.statuses([f"/api/{UUID}"] * 10, NODE))

    def test_of_the_site(self):
        """Its own files have no limits."""
        self.assertEqual({200}, set(self.statuses(["/", "/img/logo.svg"] * 1500)))


class Floods(Limits):
    refills = False

    def test_of_one_address_cost_no_other(self):
        statuses = self.statuses([f"/api/{UUID}"] * 300)
        self.assertEqual([200] * 41 + [404] * 259, statuses)
        self.assertEqual([200] * 150, self.statuses([f"/api/{one}" for one in MORE]))

    def test_of_one_peer_cost_no_other(self):
        paths = [f"/nix/{i}" for i in range(6000)]
        last = self.statuses([*paths, *[f"/api/{UUID}"] * 20], OTHER)[-20:]
        self.assertEqual([404] * 20, last, "the ceiling")
        self.assertEqual([200] * 10, self.statuses([f"/api/{UUID}"] * 10, HOME))

    def test_of_a_network_of_ipv6(self):
        """A /64 is one peer."""
        paths = [f"/nix/{i}" for i in range(6000)]
        for i in range(0, len(paths), 500):
            self.statuses(paths[i : i + 500], f"2001:db8:0:7:{i:x}::1")
        last = self.statuses([f"/api/{UUID}"] * 20, "2001:db8:0:7::99")
        self.assertEqual([404] * 20, last, "the ceiling")
        self.assertEqual(200, self.status(peer="2001:db8:0:8::99"))

    def test_of_paths_fill_no_zone(self):
        """The zone forgets what is oldest; who is new has room, whatever paths were invented."""
        other = self.dir / "other.sock"

        def small(conf):
            conf = re.sub(r"zone=(asked|peers):\w+", r"zone=\1:64k", conf)
            return conf.replace(f"unix:{self.web} ", f"unix:{other} ").replace("nginx.pid", "2.pid")

        self.web, web = other, self.web
        nginx = self.start_nginx(lambda conf: small(conf.replace(str(web), str(other))))
        for words in ("x", "x" * 30, "x" * 41, "x" * 4000):
            self.statuses([f"/{i}{words}" for i in range(1500)], NODE)
            for i in range(100):
                self.statuses([f"/{words}"], f"10.0.{i}.1")
            self.assertEqual([200] * 5, self.statuses([f"/api/{UUID}"] * 5))
        said = nginx.said() + "".join(f.read_text() for f in (self.dir / "run").glob("*.log"))
        self.assertNotIn("could not allocate", said)


class FaceOfALimit(Limits):
    refills = False

    def test_a_limited_miss_is_a_miss(self):
        """Every kind, asked until it is limited, and then by each request, as one that is not."""
        for name, path in {**faces.KINDS, **faces.LIVE}.items():
            self.statuses([path] * 100)
            self.assertEqual(404, self.status(path), name)
        odd = []
        for method in faces.METHODS:
            for number, (name, version, lines, body) in enumerate(faces.SHAPES):
                if name == "Expect":
                    continue  # nginx says 100 Continue where it asks somebody, on every path alike
                fresh = f"/fresh/{method}/{number}"
                wanted = self.exchange(method, fresh, version, lines, body)
                for kind, path in {**faces.KINDS, **faces.LIVE}.items():
                    self.statuses([path] * 3, NODE)  # whatever a minute has given back
                    if self.exchange(method, path, version, lines, body) != wanted:
                        odd.append((method, name, kind))
        self.assertEqual([], odd)

    def exchange(self, method, path, version, lines, body):
        first = misses.request(method, path, version, lines, body, close=False)
        # The ceiling of one peer is not what is tested.
        return misses.masked(self.ask(first + misses.request("GET", "/nowhere"), NODE))

    def test_a_peer_beyond_its_ceiling_sees_misses(self):
        fresh = self.ask(misses.request("GET", "/fresh"), HOME)
        self.statuses([f"/nix/{i}" for i in range(6000)], OTHER)
        for name, path in {**faces.KINDS, **faces.LIVE}.items():
            got = self.ask(misses.request("GET", path), OTHER)
            self.assertEqual(misses.masked(fresh), misses.masked(got), name)

    def test_every_path_is_limited_alike(self):
        """How many requests reach the responder tells nothing of a path either."""
        self.go_away()  # what is limited does not get so far: in an outage, that shows
        counts = {
            path: self.statuses([path] * 200, NODE).count(503)
            for path in [*faces.KINDS.values(), *faces.LIVE.values(), "/x", "/api", "/" + "x" * 99]
        }
        self.assertEqual({41}, set(counts.values()), counts)

    def go_away(self):
        """The responder is no more to be reached."""
        self.socket.rename(self.socket.with_suffix(".away"))
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(self.socket))

    def test_nothing_is_logged(self):
        self.statuses([f"/api/{UUID}"] * 200)
        for log in (self.dir / "run").glob("*.log"):
            self.assertEqual("", log.read_text())
