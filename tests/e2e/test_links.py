"""Links of random registries, read back as clients read them and compared with the records.

What a link must hold is worked out here from DESIGN section 2 and the link standard, not from the
program; the splitters are those of the apps (oracles.py), with their faults.
"""

import base64
import dataclasses
import ipaddress
import json
import random
import re
import shutil
import subprocess
import urllib.parse
import uuid

import fcgi
import oracles
from support import LIMIT, TestCase

SEED = 20260301
ROUNDS = 8

SCRIPTS = [
    "phone", "Мария", "Ноутбук", "فاطمه", "گوشی\u200cمن", "\u200fשלום\u200e", "手机", "スマホ",
    "휴대폰", "मोबाइल", "โทรศัพท์", "Ünïcødé", "e\u0301", "🚀", "👩‍👩‍👧‍👦", "🇩🇪", "❤️", "ﷺ", "Z͑ͫ̓a̴l̵g̶o",
    "\u00a0", "\ufeff", "\u2028", "\u0085", "\u202e", "\U0001f9d1\U0001f3fd", "ß", "İ",
    "дл" * 90, "длинный " * 20,
]  # fmt: skip
SIGNS = list("%+=#?&'\"<>^`{}|\\;,/:@!$*()[]~-._") + [
    "%41", "%", "%%", "100%", "%zz", "%2F", "+1", "a+b", "==", "&&", "#title?x=y", " -> ", "§ 2",
    "proxies:", "outbounds", "{device}", "{label}", "?ed=2048", "//", "..", "vless://x@y:1?z#",
]  # fmt: skip
CONTROLS = ["\t", "\n", "\r\n", "\x01", "\x1b[31m", "\x7f", "  ", " "]
PBK = "E59WjnvZcQMu7tR7_BgyhycuEdBS-CtKxfImRCdAvFM"
PRIVATE, PUBLIC = ["10.1.2.3", "192.168.7.7", "127.0.0.1", "FD00:0:0::7", "[fd00::8]"], [
    "198.18.0.7",
    "2600::7",
]
ENCRYPTION = "mlkem768x25519plus.native.1rtt.x-_"
HTTP, GRPC = ["auto", "packet-up", "stream-up", "stream-one"], ["gun", "multi"]  # modes
TRANSPORTS = ["tcp", "ws", "grpc", "httpupgrade", "xhttp"]
SECURITIES = ["none", "tls", "reality"]
GROUPS = ["a", "b", "c"]


class Maker:
    """Random words and records, the same ones for the same seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.port = 1024

    def chance(self, p):
        return self.random.random() < p

    def text(self):
        """A name: anything that people type, and what gets into files without being typed."""
        if self.chance(0.05):
            return self.random.randint(0, 10**12)
        pieces = self.random.choices(
            SCRIPTS + SIGNS + CONTROLS, k=self.random.choice((1, 1, 2, 3, 5, 8))
        )
        return self.random.choice(("", " ", "")).join(pieces)

    def token(self, start=""):
        """A value that holds no white space."""
        pieces = self.random.choices(SCRIPTS + SIGNS, k=self.random.choice((1, 2, 4)))
        kept = [c for c in "".join(pieces) if not c.isspace() and not "\x7f" <= c <= "\x9f"]
        return start + "".join(c for c in kept if c > " ") + self.random.choice("abc")

    def bytes(self):
        return self.random.randbytes(self.random.randint(1, 40))

    def host(self):
        word = "".join(self.random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=6))
        return self.random.choice(
            (f"{word}.example.org", f"a-{word}.Example.COM", f"xn--{word}.net")
        )

    def tree(self, depth=0):
        if depth < 2 and self.chance(0.4):
            return {self.token(): self.tree(depth + 1) for _ in range(self.random.randint(0, 3))}
        return self.random.choice((self.text(), "100-1000", True, None, 7, -1, 0.5, [1, "a b", {}]))

    def client(self, transport, security):
        """Fields that go together, and now and then some that are missing or do not."""
        self.port += 1
        some = {
            "host": self.token, "path": lambda: self.token("/"), "authority": self.token,
            "fp": lambda: self.random.choice(("firefox", "chrome", "random")), "sni": self.host,
            "alpn": lambda: self.random.choice(("h2", "h2,http/1.1", "h3")),
            "ech": lambda: base64.b64encode(self.bytes()).decode(),
            "pcs": lambda: self.random.choice(
                ("ab" * 32, "0123456789ABCDEF" * 4 + "," + "cd" * 32, ":".join(["5e"] * 32))
            ),
            "vcn": lambda: self.host() + "," + self.host(), "spx": lambda: self.token("/"),
            "sid": lambda: self.random.choice(("", "ab", "0123456789abcdef", 12345678)),
            "pqv": lambda: "x-_" * 867 + "yz",
            "extra": lambda: {"a": self.tree(), "б": self.tree()},
            "encryption": lambda: self.random.choice(("none", ENCRYPTION)),
            "mode": lambda: self.random.choice(HTTP if transport == "xhttp" else GRPC),
        }  # fmt: skip
        client = {
            "address": self.host(),
            "port": self.port,
            "type": transport,
            "security": security,
        }
        client.update((key, make()) for key, make in some.items() if self.chance(0.3))
        if self.chance(0.3):
            client["address"] = self.random.choice(PRIVATE + PUBLIC)
        if security == "reality" and self.chance(0.95):
            client.update(pbk=PBK, sni=self.host())
        if transport == "grpc" and self.chance(0.95):
            client["serviceName"] = self.token()
        if transport == "tcp" and self.chance(0.5):
            client["flow"] = "xtls-rprx-vision"
        return client


@dataclasses.dataclass
class Way:
    """An endpoint that is served, to those who may have it."""

    client: dict  # complete but for defaults
    label: str
    priority: int = 100
    groups: list = dataclasses.field(default_factory=list)
    core: str = None


def is_served(client):
    """Whether it can work (DESIGN section 2, facts/clients.md sections 0 and 1)."""
    transport, security = client["type"], client["security"]
    is_encrypted = client.get("encryption", "none") != "none"
    if security == "reality":
        if transport not in ("tcp", "grpc", "xhttp") or "pbk" not in client or "sni" not in client:
            return False
    if transport == "grpc" and not re.match("[^/]|/.*/", client.get("serviceName", "")):
        return False
    if security == "none" and not is_encrypted and client["address"] in PUBLIC:
        return False
    if "flow" in client and not is_encrypted and (transport != "tcp" or security == "none"):
        return False
    return True


def plain(host):
    """A host in normal form: lower case, the shortest form of an address, no brackets."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return host.lower()


def is_ip(host):
    try:
        return bool(ipaddress.ip_address(plain(host)))
    except ValueError:
        return False


def parameters(client):
    """What the link must say: key -> value; `extra` as a tree."""
    transport, security = client["type"], client["security"]
    keys = ["flow", "encryption"]
    keys += {
        "tcp": [],
        "grpc": ["serviceName", "mode", "authority"],
        "xhttp": ["host", "path", "mode", "extra"],
    }.get(transport, ["host", "path"])
    keys += {
        "none": [],
        "tls": ["sni", "fp", "alpn", "ech", "pcs", "vcn"],
        "reality": ["sni", "fp", "pbk", "sid", "spx", "pqv"],
    }[security]
    wanted = {"type": transport, "security": security, "encryption": "none"}
    if "path" in keys:
        wanted["path"] = "/"
    if security != "none":
        wanted["fp"] = "chrome"
    if security == "tls":
        if not is_ip(client["address"]):
            wanted["sni"] = plain(client["address"])
        if transport == "grpc":
            wanted["alpn"] = "h2"
    for key in keys:
        value = client.get(key)
        if value not in (None, ""):
            wanted[key] = value if key == "extra" else str(value)
    return wanted


def name_of(text):
    """A name as it is shown: control characters are spaces, none at the ends, 255 bytes."""
    text = re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", str(text).lstrip(" "))
    return text.encode()[:255].decode(errors="ignore").strip(" ")


def squeeze(text):
    return re.sub(" +", " ", text)


def read_by_python(link):
    parts = urllib.parse.urlsplit(link)
    pairs = urllib.parse.parse_qsl(parts.query, True, True)
    remark = urllib.parse.unquote(parts.fragment, errors="strict")
    return parts.username, parts.hostname, parts.port, pairs, remark


NODE = """
const links = JSON.parse(require("fs").readFileSync(0));
console.log(JSON.stringify(links.map((link) => {
  const url = new URL(link);
  return [url.username, url.hostname.replace(/^\\[|\\]$/g, ""), Number(url.port),
          [...url.searchParams], decodeURIComponent(url.hash.slice(1))];
})));
"""


class Links(TestCase):
    def write(self, name, record):
        """As JSON, or as YAML where the same text means the same there."""
        text = json.dumps(record, ensure_ascii=False)
        other = re.search(r"0\.5|[\x7f-\x9f\u2028\u2029\ufeff]", text)
        end = "yaml" if not other and self.make.chance(0.5) else "json"
        self.registry.write(f"{name}.{end}", text)

    def fill(self, seed):
        """A random registry. Returns per device its name and its ways: (host, port) -> Way."""
        self.make = Maker(seed)
        ways = {}
        pairs = [(t, s) for t in TRANSPORTS for s in SECURITIES] * 2
        for number, (transport, security) in enumerate(pairs):
            self.add_endpoint(ways, number, self.make.client(transport, security))
        for number in range(6):
            self.add_route(ways, number)
        return self.people(ways)

    def add(self, ways, client, name, **kwargs):
        if is_served(client):
            label = squeeze(name_of(name)) or plain(client["address"])
            ways[plain(client["address"]), client["port"]] = Way(client, label, **kwargs)

    def add_endpoint(self, ways, number, client):
        make = self.make
        record = {
            "status": "active",
            "priority": make.random.randint(-2, 2),
            "groups": make.random.sample(GROUPS, make.random.randint(0, 2)),
            "client": client,
        }
        if make.chance(0.6):
            record["name"] = make.text()
        self.write(f"endpoints/e{number}", record)
        facts = {"priority": record["priority"], "groups": record["groups"]}
        self.add(ways, client, record.get("name", ""), **facts)

    def add_route(self, ways, number):
        """Without client:, today's system; with it, parts of it are replaced."""
        make = self.make
        entry, core = f"203.0.113.{number}", f"198.51.100.{number % 2}"
        domain, service, location = f"d{number}.example.org", make.token(), make.text()
        given = make.client(make.random.choice(TRANSPORTS), "tls") if number % 3 else {}
        given.pop("address", None)
        record = {"status": "active", "client_service_name": service, "client": given}
        self.write(f"routes/entry_{entry}_core_{core}", record)
        self.write(f"nodes/{entry}", {"status": "active", "location": location})
        self.write(f"domains/{domain}", {"status": "active", "node_ip": entry})
        client = {"type": "grpc", "security": "tls", "port": 443, "serviceName": service}
        self.add(ways, {**client, **given, "address": domain}, location, core=core)

    def people(self, ways):
        make, wanted = self.make, {}
        for id in range(1, 13):
            groups = make.random.sample(GROUPS, make.random.randint(0, 2))
            cores = [f"198.51.100.{n}" for n in range(2) if make.chance(0.5)]
            user = {"status": "active", "core_nodes": cores, "groups": groups}
            user["username"] = make.text()
            self.write(f"users/{id}", user)
            mine = {
                key: way
                for key, way in ways.items()
                if (way.core is None or way.core in cores)
                and (not way.groups or set(way.groups) & set(groups))
            }
            for _ in range(2):
                device = str(uuid.UUID(bytes=make.random.randbytes(16)))
                record = {"status": "active", "user_id": id}
                if make.chance(0.9):
                    record["device"] = make.text()
                self.write(f"devices/{device}", record)
                name = name_of(record.get("device", "")) or name_of(user["username"]) or "device"
                wanted[device] = name, mine
        return wanted

    def answers(self, wanted):
        """Every device's links; both formats must hold the same."""
        run = self.signpost("compile", "--force")
        self.assertIn(run.returncode, (0, 1), run.stderr)
        responder = self.responder()
        links = {}
        with fcgi.Client(responder.path) as client:
            for device in wanted:
                plain = client.ask(f"/{device}", query="format=links")
                coded = client.ask(f"/{device}")
                if not wanted[device][1]:
                    self.assertEqual((404, 404), (plain.status, coded.status))
                    continue
                self.assertEqual((200, 200), (plain.status, coded.status))
                self.assertEqual(base64.b64encode(plain.body), coded.body)
                links[device] = plain.body.decode("ascii").split("\n")
        responder.stop()
        return links

    def each_registry(self):
        for seed in range(SEED, SEED + ROUNDS):
            shutil.rmtree(self.registry.path, ignore_errors=True)
            wanted = self.fill(seed)
            yield wanted, self.answers(wanted)

    def assert_link(self, device, read, client, link):
        """A link that has been read says what its record says."""
        who, host, port, pairs, _ = read
        self.assertEqual((device, client["port"]), (who, port), link)
        self.assertEqual(plain(client["address"]), host)
        said = dict(pairs)
        self.assertEqual(len(pairs), len(said), link)  # no key twice
        if "extra" in said:
            said["extra"] = json.loads(said["extra"])
        self.assertEqual(parameters(client), said, link)

    def test_every_field_comes_back(self):
        """By Python's parser: which endpoints, in which order, what each link says."""
        count = 0
        for wanted, links in self.each_registry():
            for device in links:
                _, ways = wanted[device]
                reads = [read_by_python(link) for link in links[device]]
                keys = [(read[1], read[2]) for read in reads]
                self.assertEqual(sorted(ways), sorted(keys))
                for read, key, link in zip(reads, keys, links[device]):
                    self.assert_link(device, read, ways[key].client, link)
                order = [ways[key].priority for key in keys]
                self.assertEqual(sorted(order), order)
                count += len(keys)
        self.assertGreater(count, 1000)

    def test_names_are_unique_and_tell_endpoints_apart(self):
        for wanted, links in self.each_registry():
            for device in links:
                name, ways = wanted[device]
                reads = [read_by_python(link) for link in links[device]]
                remarks = [read[4] for read in reads]
                self.assertEqual(len(remarks), len(set(remarks)))
                for read in reads:
                    remark, label = read[4], ways[read[1], read[2]].label
                    self.assertTrue(remark.strip(" "))
                    if len(reads) == 1:
                        self.assertEqual(name, remark)
                    else:
                        self.assertTrue(remark.startswith(name + " "), (remark, name))
                        self.assertIn(label, remark)

    def test_a_template_makes_unique_names_too(self):
        for template in ("{device}", "{label} {device}", "x", "{name}", "{location}{device}"):
            self.settings(f"remark: '{template}'\n")
            shutil.rmtree(self.registry.path, ignore_errors=True)
            for links in self.answers(self.fill(SEED)).values():
                remarks = [read_by_python(link)[4] for link in links]
                self.assertEqual(len(remarks), len(set(remarks)), template)
                self.assertTrue(all(remark.strip(" ") for remark in remarks), template)

    def test_node_reads_the_same(self):
        if not shutil.which("node"):
            self.skipTest("needs the package nodejs")
        for _, links in self.each_registry():
            flat = [link for device in links for link in links[device]]
            run = subprocess.run(
                ["node", "-e", NODE],
                input=json.dumps(flat),
                stdout=subprocess.PIPE,
                text=True,
                timeout=LIMIT,
                check=True,
            )
            for link, read in zip(flat, json.loads(run.stdout), strict=True):
                who, host, port, pairs, remark = read_by_python(link)
                self.assertEqual([who, host, port, [list(p) for p in pairs], remark], read)

    def test_v2rayn_and_v2rayng_read_the_same(self):
        for _, links in self.each_registry():
            for link in (link for device in links for link in links[device]):
                pairs = dict(read_by_python(link)[3])
                self.assertEqual(pairs, oracles.v2rayng_link(link).fields)
                # What v2rayN does to a '%' is its own fault.
                plain = {key: value for key, value in pairs.items() if "%" not in value}
                read = oracles.v2rayn_link(link).fields
                self.assertEqual(pairs.keys(), read.keys())
                self.assertEqual(plain, {key: read[key] for key in plain})
