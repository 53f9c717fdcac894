"""Templates of the operator's own: they replace a form's frame, and a broken one is told."""

import json
import re

import fcgi
from forms import SING_BOX, Forms
from support import UUID

# The smallest that works, by the name of the frame; MARK tells one from another.
CLASH = "mark: MARK\nproxies:\n{{proxies}}\nproxy-groups: [{name: All, proxies: [{{names}}]}]\n"
JSON = '{"mark":"MARK","names":[{{names}}],"outbounds":[\n{{proxies}}]}\n'
ONE = '{"mark":"MARK","name":"{{name}}","device":"{{device}}","outbounds":[{{proxies}}]}'
FRAMES = {
    "clash": CLASH,
    "sing-box": JSON,
    "sing-box-1.11": JSON,
    "sing-box-1.10": JSON,
    "sing-box-1.9": JSON,
    "xray": JSON,
    "xray-one": ONE,
}


# Mistakes in places: the frame, its text, the line, and what is said of it.
PLACES = [
    ("clash", "a: b\nproxies:\n{{proxy}}\n", 3, "'{{proxy"),
    ("xray", '{"a":[{{proxies}}],\n"b":"{{Name}}"}', 2, "'{{Name"),
    ("sing-box", '{\n"a":[{{proxies}}],"{{ names }}":1}', 2, "'{{ names "),
    ("clash", "proxies:\n{{proxies}}\nx: {{device\n", 3, "'{{device"),
    ("clash", "x: {{}}\nproxies:\n{{proxies}}\n", 1, "'{{'"),
]


class Templates(Forms):
    def setUp(self):
        super().setUp()
        self.add_servers(["one", "two"])

    def template(self, frame, text):
        """Writes a template and makes it the only one."""
        (self.dir / "own.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
        self.settings(f"templates:\n  {frame}: own.txt\n")

    def frames(self):
        """What the answers show of each frame."""
        found = {"clash": self.get("clash").decode()}
        for version in SING_BOX:
            name = "sing-box" if version == "1.12" else f"sing-box-{version}"
            found[name] = self.get(version).decode()
        together, *each = json.loads(self.get("xray"))
        found["xray"] = json.dumps(together)
        self.assertEqual(2, len(each))
        found["xray-one"] = json.dumps(each)
        return found


class Own(Templates):
    def test_each_replaces_its_frame(self):
        (self.dir / "own").mkdir()
        for name, text in FRAMES.items():
            (self.dir / "own" / name).write_text(text.replace("MARK", f"own {name}"))
        lines = [f"  {name}: own/{name}\n" for name in FRAMES]
        lines[0] = f"  clash: {self.dir}/own/clash\n"
        self.settings("templates:\n" + "".join(lines))
        self.serve()
        for name, text in self.frames().items():
            marks = set(re.findall('own (?:clash|sing-box|xray)[-.a-z0-9]*(?=["\n])', text))
            self.assertEqual({f"own {name}"}, marks)
            self.assertNotIn("{{", text)
            self.assertEqual(2, text.count('"vless"'), name)

    def test_one_leaves_the_others(self):
        self.serve()
        before = self.frames()
        for name in ("clash", "sing-box-1.11", "xray"):
            self.process.stop()
            self.template(name, FRAMES[name])
            self.serve()
            after = self.frames()
            self.assertEqual({name}, {n for n in FRAMES if before[n] != after[n]})
            self.assertIn("MARK", after[name])

    def test_one_server_has_no_configuration_of_all(self):
        self.registry.remove("endpoints/001.json")
        self.settings("templates: {xray: all, xray-one: one}\n")
        (self.dir / "all").write_text(JSON.replace("MARK", "all"))
        (self.dir / "one").write_text(ONE.replace("MARK", "one"))
        self.serve()
        self.assertEqual(["one"], [config["mark"] for config in json.loads(self.get("xray"))])

    def test_places_hold_what_they_say(self):
        """Names that would break out of their quotes, or look like places, stay names."""
        uuids = {}
        for device in ('a"b\\c', "{{proxies}}", "{{nope}}", "a: b # c", "\u2028", "ж"):
            uuids[device] = f"00000000-0000-4000-8000-{len(uuids):012}"
            self.registry.device(uuids[device], device=device)
        self.template("xray-one", ONE)
        self.serve()
        for device, uuid in uuids.items():
            each = json.loads(self.get("xray", path=f"/{uuid}"))[1:]
            self.assertEqual({device}, {config["device"] for config in each})
            self.assertEqual({f"{device} one", f"{device} two"}, {c["name"] for c in each})

    def test_a_change_of_the_file_alone_is_compiled(self):
        self.template("clash", CLASH.replace("MARK", "first"))
        self.serve()
        self.assertIn(b"mark: first\n", self.get("clash"))
        tag = self.ask(query="format=clash").headers["etag"]
        self.process.stop()
        self.template("clash", CLASH.replace("MARK", "other"))
        self.serve()
        self.assertIn(b"mark: other\n", self.get("clash"))
        self.assertEqual(200, self.ask(query="format=clash", tag=tag).status)

    def test_a_large_one_makes_fewer_servers_and_no_half_profile(self):
        """Each of 40 servers brings a frame of 200 kB; what is left out are the last."""
        self.registry.remove("endpoints/000.json")
        self.registry.remove("endpoints/001.json")
        self.add_servers([f"n{number}" for number in range(40)])
        self.template("xray-one", ONE.replace("MARK", "x" * 200_000))
        self.settings("order: name\ntemplates: {xray-one: own.txt}\n")
        self.serve()
        each = json.loads(self.get("xray"))[1:]
        self.assertGreater(len(each), 4)
        self.assertLess(len(each), 40)
        links = self.get("links").decode().split("\n")[: len(each)]
        wanted = [link.rpartition("#phone%20")[2] for link in links]
        self.assertEqual(wanted, [config["name"].removeprefix("phone ") for config in each])


class Broken(Templates):
    """Every mistake is told before anybody is served by it: the file, its line, what to do."""

    def complaint(self, frame, text):
        self.template(frame, text)
        said = {}
        for command in ("check", "compile"):
            run = self.signpost(command, check=2)
            self.assertEqual("", run.stdout)
            said[command] = run.stderr
        self.assertEqual(said["check"], said["compile"])
        self.assertFalse((self.state / "status.json").exists())
        return said["check"].replace(str(self.dir / "own.txt"), "OWN")

    def test_places(self):
        for frame, text, line, words in PLACES:
            said = self.complaint(frame, text)
            self.assertRegex(said, rf"\Asignpost: OWN:{line}\b")
            for word in (words, "{{proxies}}, {{names}}, {{name}}, {{device}}, {{public_rules}}"):
                self.assertIn(word, said)

    def test_places_on_one_line_each(self):
        """Which says where in the file, or not, but no column that is none."""
        for frame, text, line, _ in PLACES:
            said = self.complaint(frame, text)
            self.assertRegex(said, rf"\Asignpost: OWN:{line}(:[1-9]\d*)?: [^\n]*\n\Z")

    def test_servers_that_are_nowhere(self):
        for frame, text in FRAMES.items():
            said = self.complaint(frame, text.replace("{{proxies}}", ""))
            self.assertIn("OWN: holds no {{proxies}}: nobody would get a server", said)

    def test_what_is_no_text(self):
        for text, words in ((b"", "empty"), (b"a\0b{{proxies}}", "holds a NUL byte"),
                            (b"#" * (1 << 20) + b"{{proxies}}", "too large")):  # fmt: skip
            self.assertIn(f"OWN: {words}", self.complaint("clash", text))

    def assert_syntax(self, *cases):
        """The line is that of the template, whatever it becomes when it is filled in."""
        for frame, text, line in cases:
            said = self.complaint(frame, text)
            self.assertRegex(said, rf"OWN.*(:|line ){line}\b", text)
            self.assertIn("YAML" if frame == "clash" else "JSON", said)

    def test_syntax_before_the_servers(self):
        self.assert_syntax(
            ("clash", "a: 1\nb: [\nproxies:\n{{proxies}}\n", 4),
            ("clash", "a: 1\n b: 2\nproxies:\n{{proxies}}\n", 2),
            ("sing-box", '{"a" 1,\n"outbounds":[{{proxies}}]}\n', 1),
            ("xray", '{"a":1,\n"b":1,,\n"outbounds":[{{proxies}}]}\n', 2),
        )

    def test_syntax_behind_the_servers(self):
        self.assert_syntax(
            ("clash", "proxies:\n{{proxies}}\na: 1\n\tb: 2\n", 4),
            ("clash", "proxies:\n{{proxies}}\nrules:\n{{public_rules}}\n c: d: e\n", 5),
            ("sing-box", '{"outbounds":[\n{{proxies}},\n],\n"a":1}\n', 3),
            ("xray", '{"outbounds":[\n{{proxies}}],\n"a":1,,\n}\n', 3),
            ("xray-one", '{"outbounds":[{{proxies}}]\n"a":1}\n', 2),
        )

    def test_a_key_that_stands_twice(self):
        """mihomo refuses such a profile, as do our own parsers."""
        self.assertIn("OWN", self.complaint("xray", '{"outbounds":[{{proxies}}],"a":1,"a":2}'))
        self.assertIn("OWN", self.complaint("clash", "a: 1\na: 2\nproxies:\n{{proxies}}\n"))

    def test_a_place_outside_of_quotes(self):
        """It would hold until somebody's name has a sign that means something there."""
        for place in ("{{device}}", "{{name}}"):
            with self.subTest(place):
                self.assertIn("OWN", self.complaint("clash", CLASH.replace("MARK", place)))

    def test_files_that_are_not_there(self):
        self.settings("data: registry\ntemplates:\n  clash: missing.yaml\n")
        said = self.signpost("check", check=2).stderr
        self.assertIn(f"{self.dir}/missing.yaml: No such file or directory", said)
        self.assertIn("templates: clash", said)
        (self.dir / "missing.yaml").mkdir()
        self.assertIn("missing.yaml: Is a directory", self.signpost("check", check=2).stderr)

    def test_settings(self):
        for text, words in (
            ("templates:\n  clash: [a]\n", "signpost.yaml:2:3: templates.clash: must be a path"),
            ("templates: own\n", "signpost.yaml:1:1: templates: must be a mapping"),
            ("# x\ntemplates:\n  sing-box-1.8: a\n", "signpost.yaml:3:3: templates.sing-box-1.8: "),
        ):
            self.settings(text)
            said = self.signpost("check", check=2).stderr
            with self.subTest(text):
                self.assertIn(words, said)
                # It is not: the command ends here.
                self.assertNotIn("ignored", said)

    def test_the_last_good_snapshot_stays(self):
        self.template("clash", CLASH)
        self.serve()
        before = self.ask(query="format=clash").stdout
        self.template("clash", "proxies: [\n")
        self.signpost("compile", check=2)
        self.process.stop()
        # The responder needs no template: what it serves is of one piece.
        self.process = self.responder()
        reply = fcgi.ask(self.process.path, f"/api/{UUID}", query="format=clash")
        self.assertEqual(before, reply.stdout)
