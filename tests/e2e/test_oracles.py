"""Every list and profile goes through the apps' own ways of taking it apart (oracles.py) unharmed.

What must come out is worked out from the records. For each oracle there are bodies that it must
break on: one that reads everything would prove nothing.
"""

import base64
import json
import unittest

import oracles
from forms import HTML, SING_BOX, Forms
from support import UUID
from test_links import name_of, parameters, plain, squeeze

# What people call servers, what they paste, and what a machine would trip over.
NAMES = [
    "🇩🇪 Frankfurt 1", "🇮🇷🇨🇳", "50% off", "100%", "a%zz", "a+b c", "1 + 1", "#1", "a#b", "a|b", "|",
    "::", "a::b", "a:b", "Москва, Тверская", "فرانکفورت ۱", "گوشی\u200cمن", "東京 1", "スマホ",
    "\u200fשלום\u200e", "서울", '"quoted"', "it's", "back\\slash", "C:\\new\\table", "a&b=c", "?x=y",
    "/path", "//", "@home", "<b>&amp;</b>", "{device}", "{{proxies}}", "{{name}}", "proxies:", "~",
    "x: &a", "inbounds", "[Interface] [Peer]", "<html><head>", "rules -port proxies", "$(id)",
    "`id`", "#profile-title: x", "vless://x@y:1?z#w", "https://example.org/", "a -> b", "a § 1",
    "proxy-1", "x&&detour=y", "line\r\nbreak", "tab\there", "nul\x01bel\x07", "\x1b[31mred",
    "  two  spaces ", "\u00a0", "\u00a0x\u00a0", "\u2028", "a\u2029b", "\ufeffBOM", "\u202ertl",
    "caf\u00e9", "cafe\u0301", "Z\u0351\u0360\u0489", "Select", "Auto", "Fallback", "DIRECT",
    "REJECT", "GLOBAL", "REJECT-DROP", "PASS", "COMPATIBLE", "direct", "block", "dns-out",
    "select", "null", "yes", "012", "1e3", "-", "- x", "long " * 60, "ж" * 200, "x" * 255,
    "👩‍👩‍👧‍👦" * 12, "=", "==", "%2520", "&#39;",
]  # fmt: skip

# By the first word of its User-Agent: the rest of it, the oracle, and what the app cannot use.
APPS = {
    "v2rayN": ("/7.24.8", oracles.v2rayn, set()),
    "v2rayNG": ("/2.3.5", oracles.v2rayng, set()),
    "Hiddify": (
        "Next/4.1.2 (android) like ClashMeta v2ray sing-box",
        oracles.hiddify,
        {"pin", "vcn", "enc", "path"},
    ),
    "Throne": (
        "/1.0.5 (Prefer ClashMeta Format)",
        oracles.throne,
        {"pin", "vcn", "enc", "path"},
    ),
}

# The link standard's example, and what it says.
EXAMPLE = (
    f"vless://{UUID}@cdn.example.com:443?type=xhttp&encryption=none&host=cdn.example.com"
    "&path=%2Fxh%3Fed%3D2048&extra=%7B%22a%22%3A%22b+c%2B1%22%7D&security=tls&alpn=h2%2Chttp%2F1.1"
    "#%F0%9F%87%A9%F0%9F%87%AA%20FI%20%2B1"
)
FIELDS = {
    "type": "xhttp", "encryption": "none", "host": "cdn.example.com", "path": "/xh?ed=2048",
    "extra": '{"a":"b+c+1"}', "security": "tls", "alpn": "h2,http/1.1",
}  # fmt: skip


def shown(name):
    """A server's name as it is shown: no control characters, no gaps, at most 255 bytes."""
    return squeeze(name_of(name))


def named(app, name, number):
    """What the app makes of a name."""
    if app == "Hiddify":
        return f"{name} § {number}"
    return oracles.java_decode(name) if app == "v2rayNG" else name


class Oracles(unittest.TestCase):
    """The oracles themselves: right about a known link, broken by what breaks the apps."""

    def read(self, oracle, text, **fields):
        servers = oracle(text.encode()).servers
        self.assertEqual(1, len(servers), oracle.__name__)
        server = servers[0]
        self.assertEqual((UUID, "cdn.example.com", 443), (server.uuid, server.host, server.port))
        self.assertEqual({**FIELDS, **fields}, server.fields, oracle.__name__)
        return server.remark

    def test_they_read_a_link(self):
        for oracle in (oracles.v2rayn, oracles.v2rayng, oracles.throne):
            for text in (EXAMPLE, base64.b64encode(EXAMPLE.encode()).decode()):
                self.assertEqual("🇩🇪 FI +1", self.read(oracle, text))
        # Go makes a space of '+'.
        extra = '{"a":"b c+1"}'
        self.assertEqual("🇩🇪 FI +1 § 0", self.read(oracles.hiddify, EXAMPLE, extra=extra))

    def test_v2rayn_breaks(self):
        link = EXAMPLE.replace("%3D2048", "=2048")
        self.assertNotIn("path", oracles.v2rayn(link.encode()).servers[0].fields)
        link = EXAMPLE.replace("%2Fxh%3F", "%2Fx%2541")
        self.assertEqual("/xAed=2048", oracles.v2rayn(link.encode()).servers[0].fields["path"])
        self.assertEqual("FI+1", oracles.v2rayn(f"{EXAMPLE}x#FI+1".encode()).servers[0].remark[-4:])
        self.assertEqual(1, len(oracles.v2rayn(f"{EXAMPLE}\n{EXAMPLE}".encode()).servers))
        for text in ("", "404", "<html><!doctype html><head>rules -port proxies", "proxies: []"):
            self.assertEqual(oracles.NOTHING, oracles.v2rayn(text.encode()), text)

    def test_v2rayng_breaks(self):
        for old, new in (
            ("%7B", "{"), ("%22", '"'), ("&alpn=", "&&alpn="), ("&alpn=h2", "&alpn"),
            ("?type", "#type"), ("cdn.example", "cdn_x.example"), ("vless:", "VLESS:"),
        ):  # fmt: skip
            link = EXAMPLE.replace(old, new)
            self.assertNotEqual(EXAMPLE, link)
            self.assertEqual(oracles.NOTHING, oracles.v2rayng(link.encode()), link)
        link = EXAMPLE.replace("%3D2048", "=2048")
        self.assertEqual("/xh?ed", oracles.v2rayng(link.encode()).servers[0].fields["path"])
        text = base64.b64encode(f"{EXAMPLE}~~~~".encode())
        self.assertEqual("🇩🇪 FI +1~~~~", oracles.v2rayng(text).servers[0].remark)
        text = base64.urlsafe_b64encode(f"{EXAMPLE}~~~~".encode())
        self.assertRegex(text.decode(), "[-_]")
        self.assertNotIn("🇩🇪 FI +1~~~~", [s.remark for s in oracles.v2rayng(text).servers])

    def test_hiddify_breaks(self):
        # Of base64 in lines, what has a number of lines that four divides comes through.
        text = [base64.encodebytes((EXAMPLE + "x" * 57 * more).encode()) for more in range(8)]
        self.assertEqual(2, sum(oracles.hiddify(body).form == "links" for body in text))
        link = EXAMPLE.replace("%20FI", " FI")
        self.assertEqual(oracles.NOTHING, oracles.hiddify(link.encode()))
        link = EXAMPLE.replace("#", "&alpn=h3&x;y=z#")
        server = oracles.hiddify(link.encode()).servers[0]
        self.assertEqual({**server.fields, "alpn": "h2,http/1.1,h3"}, server.fields)
        self.assertEqual(set(FIELDS), set(server.fields))
        chain = f"{EXAMPLE} -> {EXAMPLE}&&detour={EXAMPLE}"
        self.assertEqual(3, len(oracles.hiddify(chain.encode()).servers))
        self.assertEqual(oracles.NOTHING, oracles.hiddify(b'[{"outbounds": []}]'))

    def test_throne_breaks(self):
        for words in ("proxies:", "outbounds", "endpoints", "version servers"):
            text = base64.b64encode(f"{EXAMPLE}{words}".encode())
            self.assertEqual([], oracles.throne(text).servers, words)


class Lists(Forms):
    """Lists of links, in base64 and plain."""

    def read(self, app, path=f"/api/{UUID}", query=""):
        """What the app makes of its answer."""
        rest, oracle, _ = APPS[app]
        reply = self.ask(path, query=query, agent=app + rest)
        self.assertEqual(200, reply.status)
        return oracle(reply.body)

    def assert_read(self, app, found, query):
        """The app holds exactly the servers that it can use, each as its record says."""
        reading = self.read(app, query=query)
        self.assertEqual("links", reading.form, app)
        wanted = {
            client["port"]: (shown(name), {"security": "tls", **client})
            for name, (client, needs) in found.items()
            if not APPS[app][2] & set(needs)
        }
        self.assertEqual(sorted(wanted), sorted(server.port for server in reading.servers), app)
        for number, server in enumerate(reading.servers):
            self.assert_server(app, number, server, *wanted[server.port])

    def assert_server(self, app, number, server, name, client):
        fields = dict(server.fields)
        if "extra" in fields:
            fields["extra"] = json.loads(fields["extra"])
        wanted = parameters(client)
        if app == "Hiddify":
            wanted = {key.lower(): value for key, value in wanted.items()}
        self.assertEqual(
            (UUID, plain(client["address"]), named(app, name, number), wanted),
            (server.uuid, server.host, server.remark, fields),
        )

    def test_every_server_and_name(self):
        self.settings("remark: '{name}'\n")
        found = self.add_servers(NAMES)
        self.assertEqual(len(NAMES), len({shown(name) for name in NAMES}))
        self.serve()
        for app in APPS:
            for query in ("", "format=links"):
                self.assert_read(app, found, query)

    def test_names_of_devices(self):
        """One server, named as its device; the same link for each."""
        ((client, _),) = self.add_servers(["x"]).values()
        uuids = {f"00000000-0000-4000-8000-{i:012}": name for i, name in enumerate(NAMES)}
        for uuid, name in uuids.items():
            self.registry.device(uuid, device=name)
        self.serve()
        for uuid, name in uuids.items():
            for app in APPS:
                (server,) = self.read(app, f"/{uuid}").servers
                self.assertEqual(named(app, name_of(name), 0), server.remark, app)
                self.assertEqual((uuid, client["port"]), (server.uuid, server.port))

    def test_words_that_throne_looks_for(self):
        """Wherever they stand, the list is one of links: Throne drops all servers otherwise."""
        uuids = {}
        for number, (device, client) in enumerate((
            ("outbounds", {}),
            ("my endpoints", {}),
            ("version 2 servers", {}),
            ("phone", {"path": "/api/endpoints"}),
            ("phone", {"type": "grpc", "serviceName": "outbounds.v1"}),
            ("phone", {"path": "/servers", "host": "version.org"}),
            ("phone", {"address": "endpoints.example.org", "security": "tls"}),
        )):  # fmt: skip
            uuid, group = f"00000000-0000-4000-8000-{number:012}", f"g{number}"
            self.registry.user(100 + number, groups=[group])
            self.registry.device(uuid, device=device, user_id=100 + number)
            record = {"address": "10.0.0.1", "security": "none", "type": "ws", **client}
            self.registry.endpoint(group, groups=[group], client=record)
            uuids[uuid] = device, client
        self.serve()
        for uuid, words in uuids.items():
            with self.subTest(words):
                self.assertEqual("links", self.read("Throne", f"/{uuid}").form)

    def test_a_body_that_was_tampered_with_is_seen(self):
        """What other generators get wrong, done to a good body: no app reads the same."""
        self.settings("remark: '{name}'\n")
        self.add_servers(NAMES)
        self.serve()
        links = self.get("links").decode()
        good = {app: oracle(links.encode()) for app, (_, oracle, _) in APPS.items()}
        for old, new, apps in (
            ("%20", "+", ("v2rayN", "v2rayNG")),
            ("%20", " ", ("Hiddify",)),
            ("%3D", "=", ("v2rayN", "v2rayNG")),
            ("%7B", "{", ("v2rayNG",)),
            ("%25", "%", ("v2rayN", "v2rayNG", "Hiddify", "Throne")),
            ("%23", "#", ("v2rayNG",)),
            ("%3B", ";", ()),
        ):
            self.assertIn(old, links)
            bad = links.replace(old, new).encode()
            for app in apps:
                self.assertNotEqual(good[app], APPS[app][1](bad), (old, new, app))


class Profiles(Forms):
    """Whole profiles: each app takes them for what they are."""

    def setUp(self):
        super().setUp()
        self.settings("remark: '{name}'\n")
        self.found = self.add_servers(NAMES)
        self.serve()

    def test_xray(self):
        body = self.get("xray")
        for oracle in (oracles.v2rayn, oracles.v2rayng):
            reading = oracle(body)
            self.assertEqual("xray", reading.form)
            # One of all together, then one of each.
            self.assertEqual(len(NAMES) + 1, len(reading.names))
            names = sorted(name.rstrip("\u00a0") for name in reading.names[1:])
            self.assertEqual(sorted(shown(name).rstrip("\u00a0") for name in NAMES), names)
        self.assertEqual(oracles.NOTHING, oracles.hiddify(body))

    def test_sing_box(self):
        for version in SING_BOX:
            body = self.get(version)
            self.assertEqual("sing-box", oracles.v2rayn(body).form)
            self.assertEqual(oracles.NOTHING, oracles.v2rayng(body))
            reading = oracles.hiddify(body)
            self.assertEqual("sing-box", reading.form)
            own = {"Select", "Auto", "direct", "dns-out"}
            names = {name.rstrip("\u00a0") for name in reading.names if name not in own}
            usable = self.usable(self.found, version)
            self.assertEqual({shown(name).rstrip("\u00a0") for name in usable}, names)

    def test_clash(self):
        body = self.get("clash")
        for oracle in (oracles.v2rayn, oracles.hiddify, oracles.throne):
            self.assertEqual("clash", oracle(body).form, oracle.__name__)
        self.assertEqual(oracles.NOTHING, oracles.v2rayng(body))

    def test_the_page_is_no_list(self):
        """Who lets an app ask as a browser must at least not get half of the servers."""
        body = self.ask(agent="Mozilla/5.0", accept=HTML).body
        self.assertIn(b"<html", body)
        for oracle in (oracles.v2rayn, oracles.v2rayng, oracles.hiddify):
            self.assertEqual(oracles.NOTHING, oracle(body), oracle.__name__)
