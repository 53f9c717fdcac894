"""The limits of lighttpd.conf, which it has by Lua: as those of nginx in test_limits.py."""

import re
import shutil
import socket
import subprocess

import faces
import misses
from ports import free_port
from support import LIMIT, TOP, UUID, until
from test_lighttpd import Lighttpd

HOME, OTHER, NODE = "127.0.0.1", "127.0.0.2", "127.0.0.3"


class Limits(Lighttpd):
    def setUp(self):
        super().setUp()
        self.compile()
        self.port = free_port()
        text = (TOP / "lighttpd.conf").read_text()
        for line in ('server.modules += ( "mod_magnet" )', '$HTTP["url"] =~ "^/\\.signpost/" {'):
            self.assertIn("# " + line, text, "there are no limits")
            text = text.replace("# " + line, line)
        text = text.replace("server.port = 8080 ", f"server.port = {self.port} ")
        script = (TOP / "lighttpd-limits.lua").read_text()
        changed = script.replace("local NODES = {}", f'local NODES = {{ ["{NODE}"] = true }}')
        self.assertNotEqual(script, changed)
        # No place comes back while a test lasts.
        changed, count = re.subn(r"rate = \d+ }", "rate = 0 }", changed)
        self.assertEqual(2, count)
        (self.dir / "lighttpd-limits.lua").write_text(changed)
        (self.dir / "check.conf").write_text(text)
        run = subprocess.run(["lighttpd", "-tt", "-f", "check.conf"], cwd=self.dir,
                             capture_output=True, text=True, timeout=LIMIT)
        if "mod_magnet" in run.stderr:
            self.skipTest("needs the package lighttpd-modules-lua")
        self.start_lighttpd(text)

    def start_lighttpd(self, text):
        (self.dir / "lighttpd.conf").write_text(text)
        process = self.start(shutil.which("lighttpd"), "-D", "-f", "lighttpd.conf", name="lighttpd")
        self.addCleanup(self.end, process)
        until(lambda: self.is_up() or not process.is_alive(), "lighttpd")
        self.assertTrue(process.is_alive(), process.said())

    def is_up(self):
        with socket.socket() as s:
            return s.connect_ex((HOME, self.port)) == 0

    def ask(self, data, peer=HOME):
        with socket.create_connection((HOME, self.port), LIMIT, (peer, 0)) as s:
            s.sendall(data)
            answer = b""
            while piece := s.recv(1 << 16):
                answer += piece
        return misses.masked(answer)

    def statuses(self, paths, peer=HOME, method="GET"):
        found = []
        for at in range(0, len(paths), 50):
            some = paths[at : at + 50]
            last = len(some) - 1
            data = b"".join(
                misses.request(method, path, close=i == last) for i, path in enumerate(some)
            )
            pieces = self.ask(data, peer).split(b"HTTP/1.1 ")[1:]
            self.assertEqual(len(some), len(pieces))
            found += [int(piece[:3]) for piece in pieces]
        return found

    def test_room_for_real_clients(self):
        self.assertEqual([200] * 20, self.statuses([f"/api/{UUID}"] * 20))
        self.assertEqual([200] * 10, self.statuses([f"/api/{UUID}"] * 10, method="HEAD"))
        self.assertEqual({200}, set(self.statuses(["/"] * 3000)))

    def test_every_spelling_is_of_the_same_address(self):
        spellings = [faces.SPELLINGS[name](f"/api/{UUID}") for name in faces.LEADS_ON]
        spellings += [f"/.signpost/api/{UUID}", f"/.signpost//api/{UUID}?x"]
        for path in spellings:
            self.statuses([path] * 10, NODE)
        for path in spellings:
            self.assertEqual([404] * 3, self.statuses([path] * 3, NODE), path)
        for number in range(3):
            path = f"/.signpost{'x' * 50}{number}/api/{UUID}"
            self.assertEqual([404], self.statuses([path], NODE))

    def test_floods_cost_no_other(self):
        statuses = self.statuses([f"/api/{UUID}"] * 200)
        self.assertEqual([200] * 41 + [404] * 159, statuses)
        self.assertEqual([200] * 10, self.statuses([f"/{UUID}"] * 10))
        paths = [f"/nix/{i}" for i in range(6000)]
        self.statuses(paths, NODE)
        last = self.statuses([*paths, *[f"/{UUID}?x"] * 20], OTHER)[-20:]
        self.assertEqual([404] * 20, last, "the ceiling")
        for peer in (HOME, NODE):
            self.assertEqual([200] * 5, self.statuses([f"/{UUID}?x"] * 5, peer))

    def test_so_many_paths_that_they_are_forgotten(self):
        for word in ("x", "x" * 3000):
            self.statuses([f"/{i}{word}" for i in range(25000 if word == "x" else 2000)], NODE)
            self.assertEqual([200] * 5, self.statuses([f"/api/{UUID}"] * 5))

    def test_a_limited_miss_is_a_miss(self):
        odd = []
        for kind, path in {**faces.KINDS, **faces.LIVE}.items():
            self.statuses([path] * 100)
        for method in faces.METHODS:
            for number, (name, version, lines, body) in enumerate(faces.SHAPES):
                if body:
                    continue  # lighttpd does not wait for it and closes; on every path alike

                def exchange(path, shape=(version, lines, body), method=method):
                    first = misses.request(method, path, *shape, close=False)
                    return self.ask(first + misses.request("GET", "/nowhere"), NODE)

                wanted = exchange(f"/fresh/{method}/{number}")
                for kind, path in {**faces.KINDS, **faces.LIVE}.items():
                    if exchange(path) != wanted:
                        odd.append((method, name, kind))
        self.assertEqual([], odd)
