"""Makes registries of any size: as plain files, or as a git repository without a loose object each.

The records have the shapes that the deployment's have, as jq writes them. The same size gives the
same records.
"""

import hashlib
import json
import os
import random
import subprocess

KINDS = ("devices", "domains", "endpoints", "nodes", "roles", "routes", "users")
CHANGED = 100  # records, from one step of a repository to the next
STEPS = 5
# Entries, cores, routes a core; plain: a core a user, no groups, priorities as the names' order.
WIDE = (20, 5, 10, False)
WIDE_PLAIN = (20, 5, 10, True)
NARROW_PLAIN = (4, 2, 2, True)  # as small as the sample
NAMES = ("mobile", "laptop", "телефон", "Pixel 7", "дача 🏡", "tv")
USERNAMES = ("Ivan", "Мария", "user", "Ольга Петровна", "noname 🦊")


def entry_ip(i):
    return f"203.0.113.{11 + i}"


def core_ip(i):
    return f"198.51.100.{10 + i}"


def text(record):
    return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()


def device(uuid, user, change=0):
    return (
        f'{{\n  "uuid": "{uuid}",\n  "user_id": {user},\n'
        f'  "device": "{NAMES[user % len(NAMES)]}_{(user + change) % 1000:03}",\n'
        '  "status": "active",\n  "created": "2026-02-11"\n}\n'
    ).encode()


def user(id, cores, is_plain, change=0):
    nodes = [core_ip(id % cores)]
    if not is_plain and id % 20 == 0:
        nodes.append(core_ip((id + 1) % cores))
    listed = ",\n".join(f'    "{ip}"' for ip in nodes)
    groups = '\n  "groups": [\n    "family"\n  ],' if id % 10 == 3 and not is_plain else ""
    return (
        f'{{\n  "id": {id},\n  "username": "{USERNAMES[id % len(USERNAMES)]} {id + change}",\n'
        '  "status": "active",\n  "hash": null,\n  "email": null,\n'
        f'  "telegram": "@user{id}",\n  "hash_telegram_id": null,\n'
        f'  "encrypted_telegram_id": null,\n  "core_nodes": [\n{listed}\n  ],{groups}\n'
        '  "created": "2026-02-11"\n}\n'
    ).encode()


def route(entry, core, is_plain, change=0):
    service = hashlib.sha1(b"%d %d %d" % (entry, core, change)).hexdigest()
    record = {
        "entry_ip": entry_ip(entry),
        "core_ip": core_ip(core),
        "status": "active",
        "client_service_name": f"api.v2.rpc.{service[:16]}",
        "core_service_name": f"api.v2.rpc.{service[16:32]}",
        "last_rotation": "2026-03-01",
    }
    if is_plain:
        record["priority"] = entry + 1
    elif entry % 10 == 9:
        record["groups"] = ["family"]
    return f"entry_{entry_ip(entry)}_core_{core_ip(core)}.json", text(record)


class Registry:
    """What there is, in order: `records` gives the kind, the file's name and its bytes."""

    def __init__(self, devices, shape=WIDE):
        chance = random.Random(1)
        self.shape = shape
        self.uuids = sorted(self.uuid(chance.getrandbits(128)) for _ in range(devices))

    @staticmethod
    def uuid(number):
        digits = f"{number:032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def user_of(self, i):
        # Users come in the order of their ids, devices by chance.
        return i * 7919 % len(self.uuids) + 1 if len(self.uuids) % 7919 else i + 1

    def few(self):
        """The records of which there are few."""
        entries, cores, routes, is_plain = self.shape
        for i in range(entries):
            name = f"gate{i:02}.example.org"
            record = {"domain": name, "node_ip": entry_ip(i), "status": "active"}
            yield "domains", f"{name}.json", text(record)
        ips = [(core_ip(i), "core") for i in range(cores)]
        ips += [(entry_ip(i), "entry") for i in range(entries)]
        for i, (ip, role) in enumerate(ips):
            record = {"ip": ip, "hostname": f"{role}-{i}", "location": f"City {i:02}",
                      "status": "active"}
            yield "nodes", f"{ip}.json", text(record)
        for ip, role in ips:
            yield "roles", f"{role}_{ip}.json", text({"node_ip": ip, "status": "active"})
        for core in range(cores):
            for i in range(routes):
                yield "routes", *route((core * 4 + i) % entries, core, is_plain)

    def records(self):
        for i, uuid in enumerate(self.uuids):
            yield "devices", f"{uuid}.json", device(uuid, self.user_of(i))
        for id in range(1, len(self.uuids) + 1):
            yield "users", f"{id}.json", user(id, self.shape[1], self.shape[3])
        yield from self.few()

    def changed(self, step):
        """A step's changes: devices, users, and one route that has rotated."""
        chance = random.Random(step + 1000)
        count = len(self.uuids)
        for i in chance.sample(range(count), CHANGED // 2):
            uuid = self.uuids[i]
            yield "devices", f"{uuid}.json", device(uuid, self.user_of(i), step)
        for id in chance.sample(range(1, count + 1), CHANGED // 2 - 1):
            yield "users", f"{id}.json", user(id, self.shape[1], self.shape[3], step)
        yield "routes", *route(0, 0, self.shape[3], step)

    def write(self, directory, changes=None):
        """As files: all of them, or those of a step, by rename."""
        for kind in KINDS:
            (directory / kind).mkdir(parents=True, exist_ok=True)
        for kind, name, content in self.records() if changes is None else self.changed(changes):
            file = directory / kind / name
            new = file.with_name(f".{name}.new")
            new.write_bytes(content)
            new.rename(file)

    def paths(self, count):
        """Addresses of devices, by chance; from few devices each as often as is needed."""
        chance = random.Random(2)
        sample = chance.sample(self.uuids, min(count, len(self.uuids)))
        times = count // len(sample)
        return [f"/api/{uuid}" for uuid in sample * times]


class Repository:
    """A git repository (without a work tree) with a tag for every step: step-0, step-1, …"""

    def __init__(self, directory):
        self.directory = directory

    def git(self, *arguments, **kwargs):
        env = dict(os.environ, GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@example.org")
        env.update(GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@example.org")
        done = subprocess.run(["git", "-C", self.directory, *arguments], env=env, check=True,
                              stdout=subprocess.PIPE, **kwargs)
        return done.stdout.decode().strip()

    def put_blobs(self, records, *options):
        """Streams contents to git; gives each record with its object's name."""
        command = ["git", "-C", self.directory, *options, "fast-import", "--quiet"]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
            for kind, name, content in records:
                process.stdin.write(b"blob\ndata %d\n%b\n" % (len(content), content))
                sha = hashlib.sha1(b"blob %d\0%b" % (len(content), content)).digest()
                yield kind, b"100644 %b\0" % name.encode(), sha
        assert process.returncode == 0

    def commit(self, trees, step, parents):
        """Commits whole trees, given as git stores them, by kind."""
        top = b"".join(
            b"40000 %b\0%b" % (kind.encode(), bytes.fromhex(self.put_tree(tree)))
            for kind, tree in sorted(trees.items())
        )
        commit = self.git("commit-tree", "-m", f"step {step}", *parents, self.put_tree(top))
        self.git("tag", f"step-{step}", commit)
        return ["-p", commit]

    def put_tree(self, tree):
        return self.git("hash-object", "-t", "tree", "-w", "--stdin", input=bytes(tree))

    def make(self, registry):
        self.directory.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        entries = {}
        for kind, head, sha in self.put_blobs(registry.records()):
            entries.setdefault(kind, []).append(head + sha)
        trees = {kind: bytearray(b"".join(sorted(list_, key=self.name_of)))
                 for kind, list_ in entries.items()}
        entries.clear()
        parents = self.commit(trees, 0, [])
        for step in range(1, STEPS + 1):
            # As a commit or a small pull leaves them: loose.
            changed = self.put_blobs(registry.changed(step), "-c", "fastimport.unpackLimit=1000")
            for kind, head, sha in list(changed):
                at = trees[kind].index(head) + len(head)
                trees[kind][at : at + 20] = sha
            parents = self.commit(trees, step, parents)
        self.go(0)
        return self

    @staticmethod
    def name_of(entry):
        return entry[: entry.index(b"\0")]

    def go(self, step):
        self.git("update-ref", "refs/heads/main", f"step-{step}")

    def check_out(self, directory):
        """The first step's files, in a directory without a repository."""
        index = self.directory / ".git" / "bench-index"
        env = dict(os.environ, GIT_INDEX_FILE=str(index), GIT_WORK_TREE=str(self.directory))
        git = ["git", f"--git-dir={self.directory / '.git'}"]
        subprocess.run([*git, "read-tree", "step-0"], env=env, check=True)
        subprocess.run([*git, "checkout-index", "-a", "-q", f"--prefix={directory}/"], env=env,
                       check=True, cwd=self.directory)
        index.unlink()
