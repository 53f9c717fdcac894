"""Profiles read by parsers that are not ours: PyYAML, Python's and node's JSON.

Every value comes back as the string that the record holds, also where YAML 1.1 or 1.2 would make
a number, a date or nothing of it, and what names something names something that is there.
"""

import json
import re
import shutil
import subprocess

import outbounds
from forms import PBK, SING_BOX, Forms
from support import LIMIT, UUID
from test_oracles import NAMES, shown

try:
    import yaml
except ImportError:
    yaml = None

NBSP = "\u00a0"
# What YAML 1.1 or 1.2 takes for something else than a string, or for syntax, where it is plain.
SCALARS = [
    "2351e1", "012", "0x1F", "1_000", "yes", "no", "null", "~", "on", "off", "1e3", "2026-11-21",
    "true", "False", "y", "N", ".inf", "-.INF", ".nan", "0o17", "0b101", "12:30:45", "190:20:30",
    "1.5", "+1", "-1", "1.", ".5", "685_230.15", "0", "00", "1e400", "<<", "=",
    "2026-11-21T10:00:00Z", ":x", ":", "-x", "-", "--- x", "---", "...", "*a", "&a", "!a", "!!str",
    "@x", "`x", "%x", "%YAML", "?x", "? x", "- x", "|", ">", ">-", "'", '"', "''", '""', "\\",
    "\\n", "\\x41", "\\u0041", "#x", "a: b", "a #b", "a:", ": ", "{a}", "[a]", "{", "}", "[", "]",
    ",", "a,b", "{a: b}", "{{x}}", "\t", "x\ty", "\u0085x", "\u2028", "\u2029x", "\ufeff",
    "\ufffe\uffff", "\U0001f600", "\ud7ff", "\ue000", "\U0010ffff", "</script>", "\u007f", "é",
    "𝔘𝔫𝔦",
]  # fmt: skip
SIDS = ["2351e1", "1e10", "012345", "0000", "00", "1234567890123456", "0e", "e1", "0b10", "AB"]
SNIS = ["1e3", "0x1f", "null", "yes", "no", "on", "true", "2026-11-21.org", "1e3.org", "0x1F"]


def is_token(text):
    """Whether it may stand where no white space may (a path, a service's name, a host header)."""
    return not re.search(r"[\s\x00-\x20\x7f-\x9f]", text)


def unique(pairs):
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise AssertionError(f"a key stands twice: {pairs}")
    return tree


def read_json(body):
    return json.loads(body.decode(), object_pairs_hook=unique)


if yaml:

    class Loader(yaml.SafeLoader):
        """YAML 1.1, and no key twice."""

    def mapping(loader, node):
        return unique(loader.construct_pairs(node, deep=True))

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)


class Parsers(Forms):
    def setUp(self):
        super().setUp()
        if yaml is None:
            self.skipTest("needs the package python3-yaml")
        self.settings("remark: '{name}'\n")

    def read_yaml(self, body):
        return yaml.load(body.decode(), Loader)

    def clash(self):
        """(servers by port, the profile)."""
        tree = self.read_yaml(self.get("clash"))
        return {proxy["port"]: proxy for proxy in tree["proxies"]}, tree

    def sing_box(self, version):
        tree = read_json(self.get(version))
        servers = [outbound for outbound in tree["outbounds"] if outbound["type"] == "vless"]
        return {outbound["server_port"]: outbound for outbound in servers}, tree

    def xray(self):
        """(those of the configuration of all servers, every configuration)."""
        configs = read_json(self.get("xray"))
        servers = [o for o in configs[0]["outbounds"] if o["protocol"] == "vless"]
        return {o["settings"]["vnext"][0]["port"]: o for o in servers}, configs

    def wanted(self, found, form, say):
        """By port, each server that the form can say, and its name."""
        clients = {name: found[name][0] for name in self.usable(found, form)}
        return {c["port"]: (shown(name), say(UUID, c)) for name, c in clients.items()}

    def assert_servers(self, wanted, servers, key=None):
        """Each is what its record says, by its own name, or with a space where that is taken."""
        self.assertEqual(sorted(wanted), sorted(servers))
        for port, (name, fields) in wanted.items():
            server = dict(servers[port])
            if key is not None:
                said = server.pop(key)
                self.assertIn(said, (name, name + NBSP))
                self.assertTrue(said == name or re.fullmatch("[A-Za-z-]{4,11}", name), name)
            self.assertEqual(fields, server)

    def assert_forms(self, found):
        """The servers in every form."""
        wanted = self.wanted(found, "clash", outbounds.in_clash)
        self.assert_servers(wanted, self.clash()[0], "name")
        for version in SING_BOX:
            wanted = self.wanted(found, version, outbounds.in_sing_box)
            self.assert_servers(wanted, self.sing_box(version)[0], "tag")
        wanted = self.wanted(found, "xray", outbounds.in_xray)
        servers, configs = self.xray()
        # Each has a configuration of its own, with its name, in the same order as among all.
        self.assertEqual(len(servers) + 1, len(configs))
        for number, (port, server) in enumerate(servers.items()):
            self.assertEqual(f"proxy-{number + 1}", server.pop("tag"))
            own = configs[number + 1]
            alone = [o for o in own["outbounds"] if o["protocol"] == "vless"]
            self.assertEqual([{**server, "tag": "proxy-1"}], alone)
            self.assertIn(own["remarks"], (wanted[port][0], wanted[port][0] + NBSP))
        self.assert_servers(wanted, servers)


class Values(Parsers):
    def test_every_kind_of_server(self):
        found = self.add_servers(NAMES)
        self.serve()
        self.assert_forms(found)

    def test_names(self):
        found = self.add_servers(list({shown(name): name for name in SCALARS if shown(name)}))
        self.serve()
        self.assert_forms(found)

    def add(self, found, client):
        number = len(found)
        client = {"address": f"s{number}.example.org", "port": 20000 + number, **client}
        record = {"status": "active", "name": f"n{number}", "client": client}
        self.registry.write(f"endpoints/{number:03}.json", record)
        found[f"n{number}"] = client, ()

    def test_fields(self):
        found = {}
        tokens = [text for text in SCALARS if is_token(text)]
        self.assertGreater(len(tokens), 60)
        for text in tokens:
            self.add(found, {"type": "ws", "path": "/" + text, "host": text})
            self.add(found, {"type": "grpc", "serviceName": text, "authority": text})
        reality = {"type": "tcp", "security": "reality", "pbk": PBK, "sni": "www.example.com"}
        for sid in SIDS:
            self.add(found, {**reality, "sid": sid})
        for sni in SNIS:
            self.add(found, {"type": "tcp", "sni": sni})
            self.add(found, {"type": "tcp", "address": sni.lower()})
        self.add(found, {**reality, "pbk": "1" * 43})
        self.add(found, {"type": "tcp", "alpn": "1.1,012,yes"})
        self.serve()
        self.assert_forms(found)

    def test_plain_scalars_of_a_record(self):
        """What stands without quotes in a YAML record is the same word in every form."""
        words = ["012", "1e3", "0x1F", "1_000", "yes", "no", "on", "2026-11-21", "2351e1", "1.10"]
        found = {}
        for number, word in enumerate(words):
            text = f"status: active\nname: {word}\nclient:\n  address: 10.0.0.1\n  type: ws\n"
            text += f"  security: none\n  port: {20000 + number}\n  host: {word}\n"
            self.registry.write(f"endpoints/{number}.yaml", text)
            client = {"address": "10.0.0.1", "type": "ws", "security": "none", "host": word}
            found[word] = {**client, "port": 20000 + number}, ()
        self.serve()
        self.assert_forms(found)

    def test_node_reads_the_same(self):
        if not shutil.which("node"):
            self.skipTest("needs the package nodejs")
        self.add_servers(NAMES + [name + "." for name in SCALARS])
        self.serve()
        bodies = [self.get(form).decode() for form in ("xray", *SING_BOX)]
        script = "process.stdout.write(JSON.stringify(JSON.parse(require('fs').readFileSync(0))"
        run = subprocess.run(
            ["node", "-e", script + ".map((body) => JSON.parse(body))))"],
            input=json.dumps(bodies),
            stdout=subprocess.PIPE,
            text=True,
            timeout=LIMIT,
            check=True,
        )
        self.assertEqual([json.loads(body) for body in bodies], json.loads(run.stdout))


class Quoting(Parsers):
    """For YAML 1.2, whose words for numbers and truth are others: nothing is left to it."""

    def scalars(self, node):
        """Every scalar below a node."""
        if isinstance(node, yaml.ScalarNode):
            yield node
        for child in node.value if isinstance(node, yaml.CollectionNode) else []:
            for part in child if isinstance(child, tuple) else (child,):
                yield from self.scalars(part)

    def test_all_that_comes_from_records_is_quoted(self):
        self.add_servers([name + "." for name in SCALARS])
        self.serve()
        root = yaml.compose(self.get("clash").decode())
        parts = {key.value: value for key, value in root.value}
        lists = [parts["proxies"]]
        for group in parts["proxy-groups"].value:
            lists += [value for key, value in group.value if key.value == "proxies"]
        count = 0
        for node in (scalar for part in lists for scalar in self.scalars(part)):
            if node.style != '"':
                self.assertRegex(node.value, "^(true|[1-9][0-9]*)$")
            count += 1
        self.assertGreater(count, 1000)

    def test_the_rest_is_the_same_in_both(self):
        self.add_servers(["x"])
        self.serve()
        words = r"y|n|yes|no|on|off|null|~|[-+]?0.+|.*_.*|.*:\d+|[-+.\d]+e\d+|[-+]?\.[\da-z]+"
        for node in self.scalars(yaml.compose(self.get("clash").decode())):
            if node.style is None:
                self.assertNotRegex(node.value.lower(), f"^({words})$")


class References(Parsers):
    """A profile with a name that stands twice, or for nothing, is refused as a whole."""

    def assert_clash(self):
        _, tree = self.clash()
        names = [proxy["name"] for proxy in tree["proxies"]]
        groups = [group["name"] for group in tree["proxy-groups"]]
        own = ["DIRECT", "REJECT", "REJECT-DROP", "PASS", "COMPATIBLE", "GLOBAL"]
        known = names + groups + own
        self.assertEqual(sorted(set(known)), sorted(known))
        for group in tree["proxy-groups"]:
            self.assertLessEqual(set(names), set(group["proxies"]))
            self.assertLessEqual(set(group["proxies"]), set(known))
            self.assertEqual(len(set(group["proxies"])), len(group["proxies"]))
            self.assertNotIn(group["name"], group["proxies"])
        targets = {
            rule.split(",")[2 if rule.startswith(("IP-CIDR", "DOMAIN")) else 1]
            for rule in tree["rules"]
        }
        self.assertLessEqual(targets, {*groups, "DIRECT"})
        kinds = {group["type"] for group in tree["proxy-groups"]}
        self.assertEqual({"select", "url-test", "fallback"}, kinds)

    def assert_sing_box(self, version):
        _, tree = self.sing_box(version)
        tags = [outbound["tag"] for outbound in tree["outbounds"]]
        self.assertEqual(sorted(set(tags)), sorted(tags))
        servers = [o["tag"] for o in tree["outbounds"] if o["type"] == "vless"]
        groups = [o for o in tree["outbounds"] if o["type"] in ("selector", "urltest")]
        self.assertEqual(2, len(groups))
        for group in groups:
            self.assertLessEqual(set(servers), set(group["outbounds"]))
            self.assertLessEqual(set(group["outbounds"]), set(tags))
            self.assertIn(group.get("default", "Auto"), {*group["outbounds"], "Auto"})
        route = tree["route"]
        targets = {rule["outbound"] for rule in route["rules"] if "outbound" in rule}
        detours = {s["detour"] for s in tree["dns"]["servers"] if "detour" in s}
        self.assertLessEqual({route["final"], *targets, *detours}, set(tags))
        resolvers = {server["tag"] for server in tree["dns"]["servers"]}
        self.assertIn(tree["dns"]["final"], resolvers)
        self.assertIn(route.get("default_domain_resolver", "dns-local"), resolvers)

    def assert_xray(self):
        _, configs = self.xray()
        remarks = [config["remarks"] for config in configs]
        self.assertEqual(sorted(set(remarks)), sorted(remarks))
        for config in configs:
            tags = [outbound["tag"] for outbound in config["outbounds"]]
            self.assertEqual(len(set(tags)), len(tags))
            balancers = config["routing"].get("balancers", [])
            for rule in config["routing"]["rules"]:
                if "balancerTag" in rule:
                    self.assertIn(rule["balancerTag"], [b["tag"] for b in balancers])
                else:
                    self.assertIn(rule["outboundTag"], tags)
            for balancer in balancers:
                self.assertIn(balancer["fallbackTag"], tags)
                chosen = [tag for tag in tags if tag.startswith(tuple(balancer["selector"]))]
                self.assertEqual(len(configs) - 1, len(chosen))

    def assert_all(self):
        self.assert_clash()
        for version in SING_BOX:
            self.assert_sing_box(version)
        self.assert_xray()

    def test_names_of_groups_and_of_what_cores_have(self):
        self.add_servers(NAMES)
        self.serve()
        self.assert_all()

    def test_hosts_of_the_public_addresses_go_through_the_tunnel(self):
        self.settings(
            "public_urls: [https://a.example.org/api, 'https://192.0.2.7:8443', "
            "'https://[2001:db8::7]/x', https://a.example.org/other]\n"
        )
        self.add_servers(["x", "y"])
        self.serve()
        self.assert_all()
        rules = self.clash()[1]["rules"]
        wanted = ["DOMAIN,a.example.org,Auto", "IP-CIDR,192.0.2.7/32,Auto,no-resolve"]
        self.assertEqual(wanted + ["IP-CIDR6,2001:db8::7/128,Auto,no-resolve"], rules[:3])
        for version in SING_BOX:
            rules = self.sing_box(version)[1]["route"]["rules"]
            sent = [rule for rule in rules if rule.get("outbound") == "Auto"]
            hosts = [(rule.get("domain") or rule.get("ip_cidr"))[0] for rule in sent]
            self.assertEqual(["a.example.org", "192.0.2.7/32", "2001:db8::7/128"], hosts)
        for number, config in enumerate(self.xray()[1]):
            sent = config["routing"]["rules"][:3]
            hosts = [(rule.get("domain") or rule.get("ip"))[0] for rule in sent]
            self.assertEqual(["full:a.example.org", "192.0.2.7", "2001:db8::7"], hosts)
            to = {rule.get("outboundTag" if number else "balancerTag") for rule in sent}
            self.assertEqual({"proxy-1" if number else "Auto"}, to)

    def test_a_name_that_ends_as_names_of_groups_are_made_to_end(self):
        """One gets a no-break space, since a group is called so; another has one already."""
        self.add_servers(["Auto", "Auto" + NBSP, "DIRECT", "DIRECT" + NBSP])
        self.serve()
        for form, check in (("clash", self.assert_clash), ("xray", self.assert_xray)):
            with self.subTest(form):
                check()
        with self.subTest("sing-box"):
            self.assert_sing_box("1.12")

    def test_one_server(self):
        self.registry.device(device="Select")
        self.add_servers(["x"])
        self.settings("")
        self.serve()
        self.assert_clash()
        for version in SING_BOX:
            self.assert_sing_box(version)
        self.assertEqual(["Select" + NBSP], [p["name"] for p in self.clash()[0].values()])
        (config,) = read_json(self.get("xray"))
        self.assertEqual("Select", config["remarks"].rstrip(NBSP))
        self.assertNotIn("balancers", config["routing"])


class Versions(Parsers):
    """What sing-box of each version refuses, since it came later or is gone (its deprecated.md)."""

    def setUp(self):
        super().setUp()
        self.add_servers(["x", "y"])
        self.serve()

    def test_each_gets_its_own_words(self):
        for version in SING_BOX:
            _, tree = self.sing_box(version)
            number = int(version.split(".")[1])
            (tun,) = tree["inbounds"]
            self.assertEqual(number < 10, "inet4_address" in tun, version)
            self.assertEqual(number >= 10, "address" in tun, version)
            actions = [rule["action"] for rule in tree["route"]["rules"] if "action" in rule]
            types = {outbound["type"] for outbound in tree["outbounds"]}
            self.assertEqual(["sniff", "hijack-dns"] if number >= 11 else [], actions, version)
            self.assertEqual(number < 11, "dns" in types, version)
            self.assertEqual(number < 11, "sniff" in tun, version)
            for server in tree["dns"]["servers"]:
                self.assertEqual(number >= 12, "type" in server, version)
                self.assertEqual(number < 12, "address" in server, version)
            self.assertEqual(number >= 12, "default_domain_resolver" in tree["route"], version)
            self.assertNotIn("block", types)


class Large(Parsers):
    """More servers than a profile takes (PROFILE_MAX): it holds the first ones, and is whole."""

    def test_every_form_is_whole(self):
        self.settings("")
        self.registry.device(device="\ufeff" * 85)
        for number in range(300):
            client = {"address": "10.0.0.1", "security": "none", "type": "ws"}
            client.update(port=20000 + number, path="/" + '"' * 100)
            record = {"status": "active", "name": f"n{number}", "client": client}
            self.registry.write(f"endpoints/{number}.json", record)
        self.serve()
        links = self.get("links").decode().split("\n")
        ports = [int(re.search(r":(\d+)\?", link)[1]) for link in links]
        self.assertEqual(300, len(ports))
        for form in ("clash", *SING_BOX):
            servers, _ = self.clash() if form == "clash" else self.sing_box(form)
            self.assertEqual(256, len(servers))
            self.assertEqual(ports[: len(servers)], list(servers))
        servers, configs = self.xray()
        self.assertEqual(256, len(servers))
        self.assertEqual(ports[: len(servers)], list(servers))
        self.assertEqual(len(servers) + 1, len(configs))
