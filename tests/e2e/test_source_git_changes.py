"""What a commit may change, read as what differs from the last one: it must come to the same."""

import json
import os
import shutil

from checkout import DEVICE, Changes
from support import CORE, ENTRY, MINIMAL_LINK, UNKNOWN, UUID, GitRegistry

ROUTE = f"routes/entry_{ENTRY}_core_{CORE}.json"
NAMES = [
    "a b", " first", "it's", 'quo"te', '"', "back\\slash", "back\\", "\\n", "new\nline", "\n",
    "tab\tname", "Имя", "-dash", "--help", "a:b", "*", "[x]", ":(top)x", "\x01\x7f", "\udcff\udcfe",
    "$(touch x)", "%(rest)", "e\u0301", "100644 x", "missing", "~", "a.json", "x" * 240,
]  # fmt: skip


class Records(Changes):
    def test_each_kind(self):
        registry = self.registry
        for file, change in (
            (f"nodes/{ENTRY}.json", lambda: registry.node(ENTRY, status="inactive")),
            (f"roles/core_{CORE}.json", lambda: registry.role("core", CORE, status="blocked")),
            ("users/7.json", lambda: registry.user(status="archived")),
            ("users/7.json", lambda: registry.user(expires="2020-01-01")),
            ("users/7.json", lambda: registry.user(core_nodes=[])),
            (DEVICE, lambda: registry.device(user_id=8)),
            (ROUTE, lambda: registry.route(status="inactive")),
            (ROUTE, lambda: registry.route(groups=["vip"])),
            ("domains/shop.example.org.json", lambda: registry.domain(node_ip=CORE)),
        ):
            before = registry.path / file
            good = before.read_bytes() if before.exists() else None
            change()
            self.committed()
            self.assertEqual([], self.served(), file)
            self.assert_same_as_anew()
            registry.write(file, good) if good else registry.remove(file)
            self.committed()
            self.assert_serves("phone")
        self.endpoint("new", "new.example.org")
        self.committed()
        self.assertEqual({"shop.example.org", "new.example.org"}, self.addresses())

    def test_removed_and_come_back(self):
        for file in (DEVICE, "users/7.json", ROUTE, "domains/shop.example.org.json"):
            good = (self.registry.path / file).read_bytes()
            self.registry.remove(file)
            self.committed()
            self.assertEqual([], self.served(), file)
            self.assert_same_as_anew()
            self.registry.write(file, good)
            self.committed()
            self.assert_serves("phone")

    def test_modes_and_times_are_no_change(self):
        (self.registry.path / DEVICE).chmod(0o755)
        self.committed()
        self.assertIn("mode change", self.registry.git("log", "-1", "--summary"))
        self.assert_serves("phone")
        self.assert_same_as_anew()

    def test_renames(self):
        registry = self.registry
        for new, link in (
            (UNKNOWN, MINIMAL_LINK.replace(UUID, UNKNOWN)),
            (UNKNOWN.upper(), MINIMAL_LINK.replace(UUID, UNKNOWN)),
        ):
            old = next((registry.path / "devices").iterdir()).name
            registry.git("mv", f"devices/{old}", f"devices/{new}.json")
            registry.write(
                f"devices/{new}.json",
                (registry.path / f"devices/{new}.json").read_text().replace(UUID, new),
            )
            self.committed()
            self.assertEqual(([], [link]), (self.served(UUID), self.served(UNKNOWN)))
            self.assert_same_as_anew()
        # Without a change, its field disagrees with the name: the new one cannot be read.
        registry.git("mv", f"devices/{UNKNOWN.upper()}.json", DEVICE)
        self.committed(check=1)
        self.assertEqual(([], []), (self.served(UUID), self.served(UNKNOWN)))
        self.assert_same_as_anew(check=1)

    def test_another_format_in_one_commit(self):
        for number, suffix in enumerate(("yaml", "yml", "json", "yaml")):
            (old,) = (self.registry.path / "devices").iterdir()
            old.unlink()
            record = {"user_id": 7, "device": f"d{number}", "status": "active"}
            self.registry.write(f"devices/{UUID}.{suffix}", record)
            self.committed()
            self.assert_serves(f"d{number}")
            self.assert_same_as_anew()
        # The new form cannot be read: the last good version of the old one stays.
        self.registry.remove(f"devices/{UUID}.yaml")
        self.registry.write(DEVICE, "{")
        self.committed(check=1)
        self.assert_serves("d3")
        self.registry.remove(DEVICE)
        self.committed()
        self.assertEqual([], self.served())

    def test_two_files_for_one_record(self):
        other = f"devices/{UUID.upper()}.yml"
        text = f"user_id: 7\ndevice: other\nstatus: active\nuuid: {UUID}\n"
        self.registry.write(other, text)
        run = self.committed(check=1)
        self.assertIn(DEVICE.split("/")[1][:8], run.stderr)
        findings = self.status()["last_compile"]["findings"]
        self.assertEqual(1, len(findings))
        for path in (DEVICE, other):
            self.assertIn(path, json.dumps(findings))
        self.assert_serves("phone")
        self.registry.write("README", "x\n")  # it stays so without being touched
        self.committed(check=1)
        self.assert_serves("phone")
        self.registry.remove(DEVICE)
        self.committed()
        self.assert_serves("other")
        self.assert_same_as_anew()
        self.registry.device(device="third")
        self.registry.write(f"devices/{UUID}.yaml", text)
        self.committed(check=1)
        self.assertEqual(2, self.status()["last_compile"]["errors"])
        self.registry.remove(other)
        self.committed(check=1)
        self.assert_serves("other")
        self.registry.remove(f"devices/{UUID}.yaml")
        self.committed()
        self.assert_serves("third")
        self.assert_same_as_anew()

    def test_three_files_of_which_one_stays(self):
        """It is not taken for its own double for having two others that change at once."""
        text = "user_id: 7\ndevice: other\nstatus: active\n"
        others = [f"devices/{UUID}.{suffix}" for suffix in ("yaml", "yml")]
        for other in others:
            self.registry.write(other, text)
            self.committed(check=1)
        for other in others:
            self.registry.remove(other)
        self.committed()
        self.assert_serves("phone")
        self.assert_same_as_anew()

    def test_what_is_no_record(self):
        for file in ("README", "appeals/1.json", "users/NOTE", "users/.8.json", "users/old/8.json"):
            self.registry.write(file, "{")
        self.registry.write(f"devices/{UNKNOWN}.json/x.json", "{")
        self.committed()
        self.assert_serves("phone")
        self.assert_same_as_anew()
        # A directory becomes a record, and the other way round.
        shutil.rmtree(self.registry.path / f"devices/{UNKNOWN}.json")
        self.registry.device(UNKNOWN)
        self.registry.remove(DEVICE)
        self.registry.write(f"{DEVICE}/x", "x")
        self.committed()
        self.assertEqual(([], 1), (self.served(UUID), len(self.served(UNKNOWN))))
        self.assert_same_as_anew()

    def test_odd_file_names(self):
        hosts = {name: f"h{i}.example.org" for i, name in enumerate(NAMES)}
        for name, host in hosts.items():
            self.endpoint(name, host)
        self.committed()
        all_hosts = {"shop.example.org", *hosts.values()}
        self.assertEqual(all_hosts, self.addresses())
        self.assert_same_as_anew()
        for name in NAMES:  # and one at a time
            self.endpoint(name, "changed.example.org")
            self.committed()
            self.assertEqual(all_hosts - {hosts[name]} | {"changed.example.org"}, self.addresses())
            self.registry.remove(f"endpoints/{name}.json")
            self.committed()
            all_hosts -= {hosts[name]}
            self.assertEqual(all_hosts, self.addresses())
        self.assert_same_as_anew()

    def test_large_files(self):
        mebibyte = 1024 * 1024
        good = json.dumps({"user_id": 7, "device": "large", "status": "active"})
        self.registry.write(DEVICE, good.ljust(mebibyte))
        self.registry.write("users/note.bin", os.urandom(3 * mebibyte))
        self.committed()
        self.assert_serves("large")
        for size in (mebibyte + 1, 5 * mebibyte):
            self.registry.write(DEVICE, good.replace("large", "larger").ljust(size))
            self.endpoint("z", f"h{size}.example.org")
            self.committed(check=1)
            self.assertIn("larger than 1048576 bytes", self.signpost("status").stdout)
            self.assertEqual({"shop.example.org", f"h{size}.example.org"}, self.addresses())
            self.assertIn("#large", self.served()[0])
        (self.state / "cache").unlink()
        for file in self.state.glob("*.cdb"):
            file.unlink()
        self.assertIn("larger than 1048576 bytes", self.compile(1).stderr)
        self.assertEqual([], self.served())

    def test_300_changes_in_one_commit(self):
        uuids = [f"{UUID[:-3]}{n:03x}" for n in range(300)]
        for n, uuid in enumerate(uuids):
            self.registry.device(uuid, user_id=1000 + n)
            self.registry.user(1000 + n)
        self.committed()
        self.assertTrue(all(self.served(uuid) for uuid in uuids[::60]))
        for n, uuid in enumerate(uuids):
            self.registry.device(uuid, user_id=1000 + n, status=("active", "blocked")[n % 2])
        self.committed()
        self.assertTrue(all(self.served(uuid) for uuid in uuids[::60]))
        self.assertFalse(any(self.served(uuid) for uuid in uuids[1::60]))
        self.assert_same_as_anew()


class Links(Changes):
    def test_a_record_as_a_symlink(self):
        self.registry.write("phone", (self.registry.path / DEVICE).read_text())
        self.registry.remove(DEVICE)
        (self.registry.path / DEVICE).symlink_to("../phone")
        self.assertIn("symbolic link", self.committed(check=1).stderr)
        self.assert_serves("phone")
        self.assert_same_text_anew("symbolic link")
        self.registry.remove(DEVICE)
        self.change("real")
        self.compile_and_serve("real")

    def test_a_symlink_beside_a_record(self):
        self.registry.device(device="second")
        (self.registry.path / f"devices/{UUID}.yaml").symlink_to("../phone")
        self.committed(check=1)
        self.registry.remove(DEVICE)  # now it is all there is
        self.committed(check=1)
        self.assert_serves("phone")
        (finding,) = self.status()["last_compile"]["findings"]
        self.assertIn("symbolic link", finding["text"])
        self.assert_same_text_anew("symbolic link")

    def assert_same_text_anew(self, words):
        environment = dict(self.environment, SIGNPOST_STATE=str(self.dir / "anew"))
        self.assertIn(words, self.signpost("compile", env=environment, check=1).stderr)

    def test_a_kind_as_a_symlink(self):
        path = self.registry.path
        (path / "users").rename(path / "people")
        (path / "users").symlink_to("people")
        self.registry.commit()
        for number in (1, 2):
            self.assert_refused(
                str(path), "users is no directory", "`source: files`", serves="phone"
            )
            (self.state / "cache").unlink(missing_ok=True)
        self.settings("source: files\n")
        self.compile_and_serve("phone")
        self.settings("")
        (path / "users").unlink()
        (path / "people").rename(path / "users")
        self.change("again")
        self.compile_and_serve("again")

    def test_a_kind_as_a_submodule_or_a_file(self):
        self.gitlink("users")
        self.assert_refused("users is no directory", "`source: files`", serves="phone")
        (self.state / "cache").unlink()
        self.assert_refused("users is no directory", "`source: files`", serves="phone")
        self.registry.git("reset", "-q", "--hard", self.first)
        shutil.rmtree(self.registry.path / "users")
        self.registry.write("users", "x")
        self.registry.commit()
        self.assert_refused("users is no directory", serves="phone")

    def test_submodules_among_records(self):
        other = GitRegistry(self.dir / "other").init()
        other.write("8.json", "{")
        other.commit()
        self.registry.git("submodule", "add", "-q", other.path, "users/lib")
        self.committed()
        self.assert_serves("phone")
        self.assert_same_as_anew()

    def test_a_submodule_named_like_a_record(self):
        for commit in ("1" * 40, self.first):  # the latter is an object that is there
            self.gitlink(DEVICE, commit)
            self.compile()
            self.assertEqual([], self.served())
            self.assert_same_as_anew()
            self.registry.git("reset", "-q", "--hard", self.first)
            self.compile_and_serve("phone")
