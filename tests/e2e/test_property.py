"""Random edits of random registries: what is compiled from changes is what is compiled anew.

Every round edits some records, compiles what has changed, and compares with a compile that knows
nothing from before (byte by byte, unless records are kept back), and, for each device, with what
a naive reading of DESIGN sections 2 and 3 says.
"""

import concurrent.futures
import copy
import hashlib
import json
import random
import shutil
import urllib.parse

from support import GitRegistry, Registry, TestCase

SEED = 20261121
ENTRIES = ["203.0.113.1", "203.0.113.2", "203.0.113.3", "2001:db8::3"]
CORES = ["198.51.100.1", "198.51.100.2", "2001:db8::c"]
USERS = range(1, 6)
UUIDS = [f"8f3c5d1e-6324-4d53-ad4f-8cda48b3081{n:x}" for n in range(8)]
UNKNOWN = ["8f3c5d1e-6324-4d53-ad4f-8cda48b308ff", "00000000-0000-4000-8000-000000000000"]
DOMAINS = [f"{name}.example.org" for name in ("a", "b", "c", "d", "e", "f")]
ENDPOINTS = ["cdn", "Spare", "x y"]
GROUPS = ["gold", "eu", "us"]
STATUSES = ["active"] * 40 + ["inactive", "archived", "blocked", "actve", None]
KNOWN = ("active", "inactive", "archived", "blocked")
EXPIRES = [None] * 4 + ["2020-01-01", "2999-12-31"]
EXPIRES += ["2020-01-01T00:00:00Z", "2999-01-01 00:00:00+03:00"]
IDENTITIES = (
    [("users", str(n)) for n in USERS]
    + [("devices", uuid) for uuid in UUIDS]
    + [("nodes", ip) for ip in ENTRIES + CORES]
    + [("roles", f"entry_{ip}") for ip in ENTRIES]
    + [("roles", f"core_{ip}") for ip in CORES]
    + [("routes", f"entry_{e}_core_{c}") for e in ENTRIES for c in CORES]
    + [("domains", name) for name in DOMAINS]
    + [("endpoints", name) for name in ENDPOINTS]
)
BROKEN = "broken"
TOKENS = [f"{letter}oken-of-somebody-{n}" for n, letter in enumerate("aBcDeFgHiJkL")]
WRONG_TOKENS = ["short", UUIDS[0], hashlib.sha256(b"x").hexdigest(), True, {"token": TOKENS[0], "x": 1}]


def yaml(record):
    """A record as people write YAML; what is no plain word is in JSON's form, which is YAML too."""
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in record.items())


def sha256(token):
    return hashlib.sha256(token.encode()).hexdigest()


def identity(path):
    kind, _, name = path.partition("/")
    stem = name.rpartition(".")[0]
    return kind, stem if kind == "endpoints" else stem.lower()


class Naive:
    """What the files say, one after the other, with the last good version of what is unreadable."""

    def __init__(self):
        self.good = {}
        self.kept = self.errors = False

    def read(self, files):
        self.kept = self.errors = False
        present = {}
        for path, record in files.items():
            present.setdefault(identity(path), []).append(record)
        before, self.good = self.good, {}
        for key, records in present.items():
            record = records[0]
            orders = [r for r in records if r != BROKEN and r.get("status") != "active"]
            self.errors |= len(records) > 1 or record == BROKEN or self.is_wrong(record)
            if orders:
                record = {**orders[0], "status": "not active"}  # whatever else is wrong
                if len(records) > 1:
                    record.pop("tokens", None)
            elif len(records) > 1 or record == BROKEN or self.is_wrong(record):
                record = before.get(key, {"status": "unreadable"})
                self.kept |= record["status"] != "unreadable"
            self.good[key] = record
            self.errors |= key[0] == "devices" and self.tokens_of(record)[1]
        self.errors |= any(len(self.owners(token)) > 1 for token in TOKENS)

    @staticmethod
    def tokens_of(record):
        """{token: whether it counts now} of a device's record, and whether something is wrong."""
        found, wrong = {}, record.get("uuid_addresses") not in (None, "on", "off", True, False)
        for item in record.get("tokens", []):
            fields = item if isinstance(item, dict) else {"token": item}
            token = fields.get("token")
            if "sha256" in fields:
                token = next(t for t in TOKENS if sha256(t) == fields["sha256"])
            if token not in TOKENS or "x" in fields:
                wrong = True
                continue
            wrong |= token in found  # the one that ends first counts
            counts = not fields.get("until", "3").startswith("2020")
            found[token] = found.get(token, True) and counts
        return found, wrong

    def owners(self, token):
        return [uuid for uuid, record in self.of("devices").items()
                if token in self.tokens_of(record)[0]]  # fmt: skip

    def device_of(self, address, settings):
        """The UUID of the device that an address leads to, or None."""
        if address in TOKENS:
            owners = self.owners(address)
            if len(owners) != 1 or not self.tokens_of(self.good["devices", owners[0]])[0][address]:
                return None
            return owners[0]
        switch = self.good.get(("devices", address), {}).get("uuid_addresses")
        if switch is None:
            switch = settings.get("uuid_addresses", "on")
        return address if switch in ("on", True) else None

    @staticmethod
    def is_wrong(record):
        return record.get("status") not in KNOWN or record.get("priority") == "wrong"

    def is_active(self, kind, name, default=False):
        record = self.good.get((kind, name))
        return default if record is None else record["status"] == "active"

    def of(self, kind):
        return {name: record for (k, name), record in self.good.items() if k == kind}

    def node(self, role, ip):
        return self.is_active("nodes", ip, True) and self.is_active("roles", f"{role}_{ip}", True)

    def links(self, uuid, settings):
        """{link without its name: priority}, and the device's name, at a UUID or token."""
        uuid = self.device_of(uuid, settings)
        if not self.is_active("devices", uuid):
            return {}, None
        device = self.good["devices", uuid]
        user_id = str(device["user_id"])
        if not self.is_active("users", user_id):
            return {}, None
        user = self.good["users", user_id]
        if (user.get("expires") or "3").startswith("2020"):
            return {}, None
        found = {}
        for record in self.of("routes").values():
            entry, core = record.get("entry_ip"), record.get("core_ip")
            if (
                record["status"] == "active"
                and core in user["core_nodes"]
                and settings.get("core") in (None, core)
                and self.node("entry", entry)
                and self.node("core", core)
                and self.fits(record, user)
            ):
                for domain in self.domains(entry, settings):
                    found[self.link(uuid, domain, record)] = record.get("priority", 100)
        for record in self.of("endpoints").values():
            ip = record.get("node_ip")
            is_up = record["status"] == "active" and (ip is None or self.node("entry", ip))
            if is_up and self.fits(record, user):
                link = self.link(uuid, record["address"], record)
                found[link] = record.get("priority", 100)
        return found, device.get("device") or user.get("username") or "device"

    @staticmethod
    def fits(record, user):
        groups = record.get("groups")
        return not groups or bool(set(groups) & set(user.get("groups", [])))

    def domains(self, entry, settings):
        names = [name for name in self.of("domains") if self.is_active("domains", name)]
        names = [name for name in names if self.good["domains", name]["node_ip"] == entry]
        names.sort(key=lambda name: (self.good["domains", name].get("priority", 100), name))
        return names if settings.get("domains") == "all" else names[:1]

    @staticmethod
    def link(uuid, host, record):
        return (
            f"vless://{uuid}@{host}:443?type=grpc&encryption=none"
            f"&serviceName={record['client_service_name']}"
            f"&security=tls&sni={host}&fp=chrome&alpn=h2"
        )


class World:
    """One registry, edited at random, its model, and what is made of it."""

    def __init__(self, test, seed, source, settings):
        self.test, self.settings, self.random = test, settings, random.Random(seed)
        self.dir = test.dir / f"{source}-{seed}"
        self.dir.mkdir()
        self.is_git = source == "git"
        self.registry = (GitRegistry if self.is_git else Registry)(self.dir / "registry")
        if self.is_git:
            self.registry.init()
        text = yaml({**settings, "source": source, "max_shrink": 100})
        (self.dir / "settings.yaml").write_text(text)
        self.state = self.dir / "state"
        self.env = dict(
            test.environment,
            SIGNPOST_CONFIG=str(self.dir / "settings.yaml"),
            SIGNPOST_DATA=str(self.registry.path),
            SIGNPOST_STATE=str(self.state),
        )
        self.files, self.history, self.naive = {}, [], Naive()
        self.said = [f"seed {seed}, {source}, {settings}"]
        self.compared = self.served = self.by_token = 0
        for key in IDENTITIES:
            if self.random.random() < 0.8:
                self.write(key)

    def some(self, of, at_least=0):
        return self.random.sample(of, self.random.randint(at_least, len(of)))

    def record(self, kind, name):
        pick, chance = self.random.choice, self.random.random
        record = {"status": pick(STATUSES)}
        if kind == "users":
            record.update(id=int(name), core_nodes=self.some(CORES, 1), groups=self.some(GROUPS))
            record.update(username=pick(["Иван", "O'Neil", ""]), expires=pick(EXPIRES))
        elif kind == "devices":
            record.update(uuid=name, user_id=pick([*USERS, *USERS, 99]))
            record.update(device=pick(["phone", "Ноутбук 100%", "a b", ""]))
            if chance() < 0.7:
                record["tokens"] = [self.token() for _ in range(pick([0, 1, 2, 3]))]
            if chance() < 0.3:
                record["uuid_addresses"] = pick(["on", "off", True, False] * 9 + ["of"])
        elif kind == "nodes":
            record.update(ip=name, location=pick(["Riga", "Oslo", None]))
        elif kind == "roles":
            record.update(node_ip=name.partition("_")[2])
        elif kind == "routes":
            _, entry, _, core = name.split("_")
            record.update(entry_ip=entry, core_ip=core)
            record.update(client_service_name=f"s.{entry[-1]}{core[-1]}")
        elif kind == "domains":
            record.update(domain=name, node_ip=pick(ENTRIES))
        else:
            host = name.lower().replace(" ", "-")
            record.update(address=f"{host}.example.net", client_service_name="e")
            record.update(node_ip=pick([None, *ENTRIES]))
        if kind in ("routes", "endpoints") and chance() < 0.4:
            record["groups"] = self.some(GROUPS)
        if kind in ("routes", "endpoints", "domains") and chance() < 0.5:
            record["priority"] = pick([-1, 1, 100, 101, "wrong"])
        return {key: value for key, value in record.items() if value is not None}

    def token(self):
        """An item of a device's list."""
        token, chance = self.random.choice(TOKENS), self.random.random
        if chance() < 0.03:
            return self.random.choice(WRONG_TOKENS)
        item = {"sha256": sha256(token)} if chance() < 0.4 else {"token": token}
        if chance() < 0.3:
            item["until"] = self.random.choice(EXPIRES[4:])
        return token if item == {"token": token} else item

    def paths(self, key):
        return [path for path in self.files if identity(path) == key]

    def put(self, path, record):
        self.files[path] = record
        pick = self.random.choice
        if record == BROKEN:
            text = pick(["", "{", "[]", '{"status": "active"', "a: b: c", "\0", '{"a":1,"a":2}'])
        else:
            text = json.dumps(record) if path.endswith(".json") else yaml(record)
        self.registry.write(path, text)

    def remove(self, path):
        del self.files[path]
        self.registry.remove(path)

    def new_path(self, key):
        kind, name = key
        if kind in ("devices", "domains") and self.random.random() < 0.2:
            name = name.upper()
        return f"{kind}/{name}.{self.random.choice(['json', 'json', 'yaml', 'yml'])}"

    def write(self, key):
        """Another content in one file, maybe in a new form, or one where others are already."""
        path = self.random.choice(self.paths(key) or [self.new_path(key)])
        self.put(path, self.record(*key))

    def replace(self, key):
        self.delete(key)
        self.put(self.new_path(key), self.record(*key))

    def delete(self, key):
        for path in self.paths(key):
            self.remove(path)

    def duplicate(self, key):
        self.put(self.new_path(key), self.record(*key))

    def crowd(self, key):
        for suffix in self.random.sample(["json", "yaml", "yml"], 3):
            self.put(f"{key[0]}/{key[1]}.{suffix}", self.record(*key))

    def smash(self, key):
        self.put(self.random.choice(self.paths(key) or [self.new_path(key)]), BROKEN)

    def touch(self, key):
        """The same content in another file of the same name, or in a renamed one."""
        for path in self.paths(key)[:1]:
            record = self.files[path]
            if self.random.random() < 0.5:
                self.remove(path)
                path = self.new_path(key)
            self.put(path, record)

    def thin(self, key):
        """One file of a record stays, where there are several."""
        several = [key for key in IDENTITIES if len(self.paths(key)) > 1]
        for path in self.paths(self.random.choice(several or [key]))[1:]:
            self.remove(path)

    def heal(self):
        for key in sorted({identity(path) for path in self.files}):
            records = [self.files[path] for path in self.paths(key)]
            if len(records) > 1 or BROKEN in records or "wrong" in records[0].values():
                self.replace(key)
                (path,) = self.paths(key)
                if self.files[path].get("priority") == "wrong":
                    self.put(path, {**self.files[path], "priority": 7})

    def go_back(self):
        self.said.append("go back")
        commit, files = self.random.choice(self.history)
        self.registry.git("reset", "-q", "--hard", commit)
        self.files = copy.deepcopy(files)

    def edit(self):
        edits = [self.write] * 8 + [self.replace] * 3 + [self.delete, self.touch, self.touch]
        edits += [self.duplicate, self.crowd, self.smash, self.thin, self.thin]
        if self.random.random() < 0.4:
            self.said.append("heal")
            self.heal()
        hot = self.random.sample(IDENTITIES, 2)  # where edits meet
        for _ in range(self.random.choice([0, 1, 1, 2, 3, 8])):
            edit = self.random.choice(edits)
            key = self.random.choice(hot if self.random.random() < 0.5 else IDENTITIES)
            self.said.append(f"{edit.__name__} {key[0]}/{key[1]}")
            edit(key)

    def round(self):
        if self.history and self.random.random() < 0.1:
            self.go_back()
        else:
            self.edit()
            if self.is_git:
                self.history.append((self.registry.commit(), copy.deepcopy(self.files)))
        self.naive.read(self.files)
        run = self.test.signpost("compile", env=self.env)
        self.test.assertEqual(int(self.naive.errors), run.returncode, run.stderr)
        if not self.naive.kept:
            self.compare_with_anew()
        for address in [*UUIDS, *UNKNOWN, *TOKENS]:
            self.compare_links(address)

    def compare_with_anew(self):
        other = self.dir / "anew"
        self.test.signpost("compile", env={**self.env, "SIGNPOST_STATE": str(other)})
        snapshots = [next(state.glob("*.cdb")).read_bytes() for state in (self.state, other)]
        self.test.assertEqual(*snapshots)
        shutil.rmtree(other)
        self.compared += 1

    def compare_links(self, uuid):
        wanted, device = self.naive.links(uuid, self.settings)
        got = [link.partition("#") for link in self.test.served(uuid, self.env)]
        self.test.assertEqual(sorted(wanted), sorted(link for link, _, _ in got))
        order = [wanted[link] for link, _, _ in got]
        self.test.assertEqual(sorted(order), order)
        names = [urllib.parse.unquote(name) for _, _, name in got]
        self.test.assertEqual(len(names), len(set(names)))
        for name in names:
            self.test.assertTrue(name == device if len(names) == 1 else name.startswith(device))
        self.served += len(got)
        self.by_token += len(got) if uuid in TOKENS else 0

    def run(self, rounds):
        for number in range(rounds):
            self.said.append(f"round {number}:")
            try:
                self.round()
            except Exception as problem:
                raise AssertionError("\n  ".join([*self.said[:1], *self.said[-60:]])) from problem
        return self.compared, self.served, self.by_token


class Property(TestCase):
    def run_worlds(self, source, rounds):
        several = ({}, {"domains": "all"}, {"core": CORES[0]},
                   {"domains": "all", "core": CORES[2], "uuid_addresses": "off"})  # fmt: skip
        with concurrent.futures.ThreadPoolExecutor(len(several)) as pool:
            runs = [
                pool.submit(World(self, SEED + number, source, settings).run, rounds)
                for number, settings in enumerate(several)
            ]
            results = [run.result() for run in runs]
        # It would be no test if nothing were ever served, or everything kept back.
        for compared, served, by_token in results:
            self.assertGreater(compared, rounds // 10)
            self.assertGreater(served, rounds)
            self.assertGreater(by_token, rounds // 5)

    def test_git(self):
        self.run_worlds("git", 60)

    def test_files(self):
        self.run_worlds("files", 30)
