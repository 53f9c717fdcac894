"""Probes against real entry nodes: the living are alive, and every kind of dead has its reason."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest

import probing
import real
from ports import free_port
from probing import MAIN, WAYS, link
from support import UNKNOWN, UUID
from ways import NAME, REALITY, TCP, TLS, VISION

SHORT = 4000  # ms until what never answers is given up; what answers needs 30


class TestCase(unittest.TestCase):
    """Tests in one place, which has the web that is asked for."""

    @classmethod
    def setUpClass(cls):
        cls.place = cls.enterClassContext(probing.Place())

    def probe(self, links, *options, target=("204", 204), **targets):
        """What comes of each; options beside the usual ones, targets as (path, status)."""
        words = ["-c", self.place.roots, "-t", self.place.target.url(*target)]
        for option, (path, status) in targets.items():
            words += ["-" + option, self.place.target.url(path, status)]
        results, self.cpu = probing.run(links, *words, *options)
        return results

    def assert_is(self, verdict, reason, result, what=""):
        self.assertNotIn(UUID[:8], result.reason)
        if result.verdict != verdict or not result.reason.startswith(reason):
            self.fail(f"{what}: {result}, and not {verdict}: {reason}")

    def assert_all(self, verdict, reasons, names, clients, *options, uuid=UUID, **kwargs):
        """Each of these clients; reasons by the start of a name, or one for all."""
        results = self.probe([link(clients[name], uuid) for name in names], *options, **kwargs)
        for name, result in zip(names, results, strict=True):
            reason = reasons
            if isinstance(reasons, dict):
                reason = next(reasons[n] for n in (name, name.partition("+")[0], "") if n in reasons)
            with self.subTest(name):
                self.assert_is(verdict, reason, result, name)
        return results


class Living(TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        _, cls.clients = cls.place.xray(WAYS)

    def test_every_way_in_and_directly(self):
        results = self.probe([link(client) for client in self.clients.values()], "-D")
        for name, result in zip([*WAYS, "directly"], results, strict=True):
            with self.subTest(name):
                self.assert_is("alive", "", result, name)
                self.assertEqual("", result.reason)
                self.assertIn(result.ms, range(1, 8000))

    def test_128_kilobytes(self):
        size = self.place.target.LARGE
        large = ("large", f"200,{size}")
        self.assert_all("alive", "", WAYS, self.clients, "-L", l=large)
        stalled = f"stalled after 16384 of {size} bytes"
        stall = ("stall", f"200,{size}")
        # That a small answer comes is no excuse.
        self.assert_all(
            "failed", stalled, MAIN, self.clients, "-L", "-m", SHORT, l=stall, s=("200", 200)
        )
        more = ("large", f"200,{size + 1}")
        self.assert_all("failed", f"closed after {size} of", MAIN, self.clients, "-L", l=more)

    def test_wrong_uuid(self):
        results = self.assert_all(
            "failed", "closed before an answer", WAYS, self.clients, uuid=UNKNOWN, s=("200", 200)
        )
        for result in results:
            self.assertTrue(result.reason.endswith(": wrong UUID, or the node has no way out"))

    def test_wrong_path(self):
        wrong = {
            "ws+tls": {**self.clients["ws+tls"], "path": "/wx"},
            "httpupgrade+tls": {**self.clients["httpupgrade+tls"], "path": "/hx"},
            "grpc+tls": {**self.clients["grpc+tls"], "serviceName": "other"},
            "grpc+tls+multi": {**self.clients["grpc+tls"], "serviceName": "/o/p", "mode": "multi"},
        }
        reasons = {
            "ws": "HTTP 404 to the WebSocket upgrade: wrong path",
            "httpupgrade": "closed before an answer to the upgrade",
            "grpc": "gRPC knows no such method: wrong serviceName",
        }
        self.assert_all("failed", reasons, wrong, wrong)

    def test_wrong_status(self):
        for status in ("302", "403", "200"):
            reason = f"the target answered {status}, not 204"
            self.assert_all("failed", reason, MAIN, self.clients, target=(status, 204))
            # A page that blocks everything answers the second, too.
            self.assert_all(
                "failed", reason, MAIN, self.clients, target=(status, 204), s=(status, 299)
            )
            results = self.assert_all(
                "target down", reason, MAIN, self.clients, target=(status, 204), s=("204", 204)
            )
            self.assertTrue(all(result.ms > 0 for result in results))

    def test_a_target_that_is_down_for_everybody(self):
        down = f"http://127.0.0.1:{free_port()}/=204"
        links = [link(self.clients[name]) for name in MAIN]
        for result in self.probe(links, "-t", down, "-m", 8000, s=("204", 204)):
            self.assert_is("target down", "VLESS, but nothing from the target", result)
            self.assertNotIn("node", result.reason)
        for result in self.probe(links, "-t", down):
            self.assert_is("failed", "VLESS, but nothing from the target: the node", result)
        hanging = f"http://127.0.0.1:{self.place.silence()}/=204"
        for result in self.probe(links, "-t", hanging, "-m", 8000, s=("204", 204)):
            self.assert_is("target down", "timed out: no answer to the request", result)

    def test_directly(self):
        down = f"http://127.0.0.1:{free_port()}/=204"
        self.assert_is("failed", "connecting: ", self.probe([], "-D", "-t", down)[0])
        result = self.probe([], "-D", "-t", down, s=("204", 204))[0]
        self.assert_is("target down", "connecting: ", result)

    def test_many_at_once(self):
        links = [link(self.clients[name]) for name in WAYS] * 10
        for at_once in (1, 64):
            for result in self.probe(links, "-n", at_once):
                self.assert_is("alive", "", result)


class Dying(TestCase):
    """One server, which is stopped, and then gone."""

    def test_stopped_and_gone(self):
        server, clients = self.place.xray()
        server.popen.send_signal(signal.SIGSTOP)
        reasons = {
            "tcp": "timed out: no answer to the request",
            "": "timed out in TLS after the ClientHello",
            "tcp+tls": "timed out in TLS after the ClientHello",
        }
        self.assert_all("failed", reasons, MAIN, clients, "-m", SHORT, s=("200", 200))
        server.popen.send_signal(signal.SIGCONT)
        self.assert_all("alive", "", MAIN, clients)
        server.stop(signal.SIGKILL)
        self.assert_all("failed", "connecting: Connection refused", MAIN, clients)


class NoVless(TestCase):
    def clients(self, plain, tls):
        return {
            name: {"address": "127.0.0.1", "port": tls if "tls" in name else plain, **WAYS[name]}
            for name in (*MAIN, "ws", "httpupgrade", "grpc")
        }

    def test_a_web_server_that_says_200_to_anything(self):
        clients = self.clients(*self.place.web())
        reasons = {
            "tcp": "not VLESS: answers HTTP",
            "tcp+tls": "not VLESS: answers HTTP/2",
            "ws": "HTTP 200 to the WebSocket upgrade: wrong path",
            "httpupgrade": "HTTP 200 to the upgrade: wrong path",
            "grpc+tls": "not gRPC: answers HTTP 200 and text/plain",
            "grpc": "not HTTP/2: answers HTTP 400",
        }
        self.assert_all("failed", reasons, clients, clients, s=("200", 200))

    def test_plain_where_tls_is_wanted_and_the_other_way_round(self):
        plain, tls = self.place.web()
        clients = self.clients(tls, plain)
        reasons = {
            "tcp": "not VLESS: answers HTTP 400",
            "ws": "HTTP 400 to the WebSocket upgrade",
            "httpupgrade": "HTTP 400 to the upgrade",
            "grpc": "not HTTP/2: answers HTTP 400",
            **{name: "TLS: wrong version number" for name in clients if "tls" in name},
        }
        self.assert_all("failed", reasons, clients, clients)

    def test_tls_that_hangs(self):
        silence = self.place.silence()
        clients = self.clients(silence, silence)
        reasons = {
            "tcp": "timed out: no answer to the request",
            "ws": "timed out: no answer to the upgrade",
            "httpupgrade": "timed out: no answer to the upgrade",
            "grpc": "timed out: no answer in HTTP/2",
            **{name: "timed out in TLS after the ClientHello" for name in clients if "tls" in name},
        }
        started = time.monotonic()
        self.assert_all("failed", reasons, clients, clients, "-m", SHORT, s=("200", 200))
        self.assertLess(time.monotonic() - started, SHORT / 1000 + 5)

    def test_all_of_many_hang(self):
        silence = self.place.silence()
        links = [link({"address": "127.0.0.1", "port": silence, **WAYS[name]}) for name in MAIN]
        started = time.monotonic()
        self.probe(links * 20, "-m", 300, "-n", 25)
        # Four at a time after one another.
        self.assertLess(time.monotonic() - started, 4 * 0.3 + 5)


class Certificates(TestCase):
    def verdicts(self, certificate, clients):
        _, right = self.place.xray(certificate=certificate)
        names = [name for name in MAIN if "tls" in name]
        return names, {name: {**right[name], **clients} for name in names}

    def test_certificates(self):
        place = self.place
        for certificate, change, verdict, reason in (
            (place.expired, {}, "failed", "certificate: certificate has expired"),
            (place.stranger, {}, "failed", "certificate: self-signed certificate"),
            (place.other, {}, "failed", "certificate: no alternative certificate subject name"),
            (place.by_ca, {}, "failed", "certificate: "),
        ):
            names, clients = self.verdicts(certificate, change)
            self.assert_all(verdict, reason, names, clients)

    def test_pins_and_names(self):
        place = self.place
        stranger, ca = real.pin(place.stranger[0]), real.pin(place.dir / "ca.pem")
        other = "00" * 32
        with_colons = ":".join(stranger[i : i + 2] for i in range(0, 64, 2)).upper()
        no_pin = "certificate: none of those in pcs"
        cases = (
            (place.stranger, {"pcs": stranger}, "alive", ""),
            (place.stranger, {"pcs": with_colons}, "alive", ""),
            (place.stranger, {"pcs": f"{other},{stranger}"}, "alive", ""),
            (place.stranger, {"pcs": other}, "failed", no_pin),
            (place.trusted, {"pcs": other}, "failed", no_pin),
            (place.expired, {"pcs": real.pin(place.expired[0])}, "alive", ""),
            (place.by_ca, {"pcs": ca}, "alive", ""),
            (place.by_ca, {"pcs": real.pin(place.dir / "by-ca.pem")}, "alive", ""),
            (place.by_ca, {"pcs": ca, "sni": "x.example"}, "failed", "certificate: for another"),
            (place.by_ca, {"pcs": ca, "sni": "x.example", "vcn": NAME}, "alive", ""),
            (place.trusted, {"sni": "x.example", "vcn": f"y.example,{NAME}"}, "alive", ""),
            (place.trusted, {"vcn": "y.example"}, "failed", "certificate: for another name"),
            (place.stranger, {"vcn": NAME}, "failed", "certificate: self-signed certificate"),
            (place.expired, {"vcn": NAME}, "failed", "certificate: certificate has expired"),
        )
        servers = {}
        for certificate, change, verdict, reason in cases:
            if certificate not in servers:
                servers[certificate] = self.verdicts(certificate, {})
            names, clients = servers[certificate]
            clients = {name: {**client, **change} for name, client in clients.items()}
            with self.subTest(certificate=certificate[0].name, **change):
                self.assert_all(verdict, reason, names, clients)


class NoWayOut(TestCase):
    """The node lives; what lies behind it cannot be reached from there."""

    def test_no_way_out(self):
        nothing = "VLESS, but nothing from the target: the node has no way out"
        redirect = {"redirect": f"127.0.0.1:{free_port()}", "finalRules": [{"action": "allow"}]}
        for outbound, options, reason in (
            ({"protocol": "blackhole"}, [], nothing),
            ({"protocol": "freedom", "settings": redirect}, [], nothing),
            (
                {
                    "protocol": "freedom",
                    "settings": {**redirect, "redirect": f"127.0.0.1:{self.place.silence()}"},
                },
                ["-m", SHORT],
                "timed out: no answer to the request",
            ),
        ):
            _, clients = self.place.xray(outbound=outbound)
            with self.subTest(outbound["protocol"], reason=reason):
                self.assert_all("failed", reason, MAIN, clients, *options, s=("200", 200))

    def test_both_targets_hang(self):
        """A probe takes no longer than its timeout, the second target included."""
        _, clients = self.place.xray()
        hanging = ("hang", 204)
        links = [link(clients[name]) for name in MAIN]

        def probe(timeout, **second):
            """What comes of each, and how much longer all took than the timeout, in ms."""
            started = time.monotonic()
            results = self.probe(links, "-m", timeout, "-D", target=hanging, **second)
            return results, (time.monotonic() - started) * 1000 - timeout

        _, usual = probe(SHORT // 10)  # such as the program's start and end
        for _ in range(2):  # the machine may stand still once
            results, late = probe(SHORT, s=hanging)
            for result in results:
                self.assert_is("failed", "timed out: no answer to the request", result)
            if late - usual < 0.4 * SHORT:
                break
        self.assertLess(late - usual, 0.4 * SHORT)

    def test_a_page_may_take_the_whole_timeout(self):
        """The first target has two thirds of it to answer, and for the page what is left."""
        size = self.place.target.LARGE
        stall = ("stall", f"200,{size}")
        _, clients = self.place.xray(["tcp"])
        started = time.monotonic()
        reason = f"stalled after 16384 of {size} bytes"
        options = ["-L", "-m", SHORT]
        self.assert_all("failed", reason, ["tcp"], clients, *options, l=stall, s=("200", 200))
        self.assertGreater(time.monotonic() - started, 0.9 * SHORT / 1000)

    def test_wrong_uuid_before_a_web_server(self):
        plain, _ = self.place.web()
        for name in ("tcp", "tcp+tls"):
            _, clients = self.place.xray([name], settings={"fallbacks": [{"dest": plain}]})
            self.assert_all("alive", "", [name], clients)
            reason = "not VLESS: answers HTTP 400 (wrong UUID?)"
            self.assert_all("failed", reason, [name], clients, uuid=UNKNOWN, s=("200", 200))


class V2ray(TestCase):
    def test_debians_v2ray(self):
        if not shutil.which("v2ray"):
            self.skipTest("needs the package v2ray")
        program = pathlib.Path(shutil.which("v2ray"))
        names = ("tcp", "tcp+tls", "ws", "ws+tls")
        ways = {name: WAYS[name] for name in names}
        free = {"protocol": "freedom"}
        server, clients = self.place.serve(program, ways, outbound=free)
        self.assert_all("alive", "", names, clients)
        self.assert_all("failed", "closed before an answer", names, clients, uuid=UNKNOWN)
        wrong = {"ws": {**clients["ws"], "path": "/wx"}}
        self.assert_all("failed", "HTTP 404 to the WebSocket upgrade", wrong, wrong)
        server.stop(signal.SIGKILL)
        self.assert_all("failed", "connecting: Connection refused", names, clients)


# A network of its own, with a file of ours in the place of another; then a program.
ALONE = """
import os, socket, subprocess, sys
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
subprocess.run(["mount", "--bind", sys.argv[1], sys.argv[2]], check=True)
"""
RUN = "os.execv(sys.argv[3], sys.argv[3:])"
# Its name server takes questions and does not answer.
SILENT_NAMES = """
names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
names.bind(("127.0.0.1", 53))
os.set_inheritable(names.fileno(), True)
"""


class Names(TestCase):
    def alone(self, path, text, more=""):
        """What enters a network of its own, with a text in the place of a file in /etc."""
        if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
            self.skipTest("needs root, and the packages util-linux and iproute2")
        if subprocess.run(["unshare", "-mn", "true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("needs mounts of its own, which there are none of in a chroot")
        file = self.place.dir / "etc-file"
        file.write_text(text)
        return ["unshare", "-mn", sys.executable, "-c", ALONE + more + RUN, file, path]

    def test_a_name_server_that_hangs(self):
        enter = self.alone("/etc/resolv.conf", "nameserver 127.0.0.1\n", SILENT_NAMES)
        clients = [{**WAYS["tcp"], "address": f"n{n}.example.org", "port": 1} for n in range(8)]
        started = time.monotonic()
        options = ["-t", self.place.target.url("204", 204), "-m", 500, "-n", 4]
        results, _ = probing.run([link(c) for c in clients], *options, enter=enter)
        # One who waited for the look-ups to end would need 10 s.
        self.assertLess(time.monotonic() - started, 5)
        for result in results:
            self.assert_is("failed", "timed out looking up the name", result)

    def test_a_name_with_addresses_where_no_way_leads(self):
        """One that has a way tells of the node; that none has one is no fault of it."""
        hosts = {
            "a": ["127.0.0.1", "2001:db8::1"],
            "b": ["::1", "203.0.113.1"],
            "c": ["203.0.113.1", "127.0.0.1"],
            "d": ["203.0.113.1", "2001:db8::1"],
            "e": ["2001:db8::1"],
        }
        text = "".join(f"{ip} {name}.example\n" for name, ips in hosts.items() for ip in ips)
        enter = self.alone("/etc/hosts", text)
        clients = [{**WAYS["tcp"], "address": f"{name}.example", "port": 1} for name in hosts]
        options = ["-t", self.place.target.url("204", 204), "-m", SHORT]
        results, _ = probing.run([link(c) for c in clients], *options, enter=enter)
        for name, result in zip(hosts, results, strict=True):
            with self.subTest(name):
                if name in "abc":
                    self.assert_is("failed", "connecting: Connection refused", result, name)
                else:
                    self.assert_is("unknown", "connecting: Network is unreachable", result, name)

    def test_a_name_that_is_none(self):
        result = self.probe([link({**WAYS["tcp"], "address": "a.invalid", "port": 1})])[0]
        self.assertEqual("failed", result.verdict)


class Unsupported(TestCase):
    def test_what_takes_an_engine(self):
        base = {"address": "127.0.0.1", "port": 1}
        clients = {
            "reality": {**TCP, **REALITY},
            "xhttp": {"type": "xhttp", "path": "/", **TLS},
            "vision": {**TCP, **TLS, **VISION},
            "VLESS encryption": {**TCP, **TLS, "encryption": "mlkem768x25519plus.x"},
            "ech": {**TCP, **TLS, "ech": "AAAA"},
            "a name that fits no HTTP header": {**WAYS["ws"], "host": "a b"},
        }
        results = self.probe([link({**base, **client}) for client in clients.values()])
        for name, result in zip(clients, results, strict=True):
            self.assert_is("unsupported", name, result)
