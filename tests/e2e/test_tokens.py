"""Tokens: addresses of a device that can be taken back, from the record to the wire."""

import hashlib
import json
import pathlib
import re
import shutil
import subprocess

import fcgi
from support import MINIMAL_LINK, RESPONDER, UNKNOWN, UUID, TestCase

OTHER = "8f3c5d1e-6324-4d53-ad4f-8cda48b30813"
TOKEN, SECOND = "AbCdEfGhIjKlMnOpQrSt_-", "Zz0_another-panels-token"
PAST, FUTURE = "2020-01-31", "2099-12-31T00:00:00Z"
SETTINGS = "public_urls: [https://example.org/api]\n"
FORMATS = ("base64", "links", "clash", "sing-box", "xray", "page")


def sha256(token):
    return hashlib.sha256(token.encode()).hexdigest()


class Tokens(TestCase):
    tokens = (TOKEN, SECOND)

    def setUp(self):
        super().setUp()
        self.settings(SETTINGS)
        self.registry.minimal()
        self.registry.device(OTHER, device="tablet")

    def device(self, *tokens, **fields):
        self.registry.device(tokens=list(tokens), **fields)

    def answer(self, path, **more):
        """(head, body) of a plain CGI answer."""
        request = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "", **more}
        env = {**self.environment, **request, "GATEWAY_INTERFACE": "CGI/1.1"}
        env.pop("SIGNPOST_DATA", None)
        run = subprocess.run([RESPONDER], env=env, capture_output=True, check=True)
        head, _, body = run.stdout.partition(b"\r\n\r\n")
        return head.decode(), body.decode()

    def assert_given(self, *addresses):
        for address in addresses:
            self.assertEqual([MINIMAL_LINK], self.served(address), address[:4])

    def assert_missed(self, *addresses):
        """Each is refused by the bytes of any other miss."""
        miss = self.answer(f"/{UNKNOWN}")
        self.assertIn("404", miss[0])
        for address in addresses:
            for form in (f"/{address}", f"/api/{address}", f"/api/{address}/clash"):
                self.assertEqual(miss, self.answer(form), form)

    def explain(self, check=0, uuid=UUID):
        return json.loads(self.signpost("explain", "--json", uuid, check=check).stdout)

    def assert_untold(self, *texts):
        """No file of the state directory and nothing that is said holds a token."""
        files = [f for f in self.state.iterdir() if f.is_file()]
        told = [*texts, *[f.read_bytes().decode(errors="replace") for f in files]]
        for token in self.tokens:
            self.assertFalse([t for t in told if token in t or token[:8] in t], token)


class Answers(Tokens):
    def setUp(self):
        super().setUp()
        self.device(TOKEN, {"sha256": sha256(SECOND)})
        self.compile()

    def test_every_format_and_method_is_as_by_the_uuid(self):
        for word in FORMATS:
            for method in ("GET", "HEAD"):
                got = []
                for address in (UUID, TOKEN, SECOND):
                    more = {"REQUEST_METHOD": method, "QUERY_STRING": f"format={word}"}
                    head, body = self.answer(f"/api/{address}", **more)
                    self.assertIn("200", head.split("\r\n")[0])
                    if word == "page":
                        # What it is made of differs; so does its tag, its length, and its QR codes.
                        where = f"https://example.org/api/{address}"
                        self.assertEqual(method == "GET", where in body)
                        self.assertNotIn("example.org/api/", body.replace(where, ""))
                        continue
                    self.assertIn(f"profile-web-page-url: https://example.org/api/{address}", head)
                    got.append((head.replace(address, ""), body))
                self.assertEqual(got[:1] * len(got), got)

    def test_conditional(self):
        for word in FORMATS:
            tags = []
            for address in (UUID, TOKEN):
                query = {"QUERY_STRING": f"format={word}"}
                tags.append(re.search("ETag: (.*)\r", self.answer(f"/{address}", **query)[0])[1])
                again = self.answer(f"/{address}", HTTP_IF_NONE_MATCH=tags[-1], **query)
                self.assertIn("304", again[0].split("\r\n")[0])
            self.assertEqual(word != "page", tags[0] == tags[1])

    def test_by_fastcgi_too(self):
        responder = self.responder()
        with fcgi.Client(responder.path) as client:
            for _ in range(3):
                self.assertEqual(200, client.ask(f"/api/{TOKEN}").status)
                self.assertEqual(404, client.ask(f"/api/{TOKEN[:-1]}").status)
                self.assertEqual(200, client.ask(f"/api/{UUID}").status)

    def test_paths(self):
        self.assert_given(TOKEN, SECOND, f"api/{TOKEN}", f"{TOKEN}/links", UUID)
        self.assert_missed(TOKEN[:-1], TOKEN + "x", TOKEN.lower(), sha256(TOKEN), sha256(SECOND),
                           "x" * 8, "x" * 128, "x" * 129, "x" * 7, TOKEN + ".", TOKEN + "%00")

    def test_nothing_holds_a_token(self):
        said = [self.signpost(*args).stdout for args in (
            ["status"], ["status", "--json"], ["explain", UUID], ["explain", "--json", UUID],
            ["check"], ["diff", self.registry.path, next(self.state.glob("*.cdb"))])]  # fmt: skip
        self.assert_untold(*said)


class Records(Tokens):
    def test_until(self):
        self.device({"token": TOKEN, "until": FUTURE}, {"token": SECOND, "until": PAST})
        self.compile()
        self.assert_given(TOKEN, UUID)
        self.assert_missed(SECOND)
        states = {t["start"]: (t["state"], t["until"]) for t in self.explain()["device"]["tokens"]}
        self.assertEqual({"AbCd": ("active", FUTURE), "Zz0_": ("expired", "2020-01-31T23:59:59Z")},
                         states)

    def test_a_rotation_has_no_gap(self):
        for tokens in ([TOKEN], [TOKEN, SECOND], [SECOND]):
            self.device(*tokens)
            self.compile()
            self.assert_given(*tokens, UUID)
        self.assert_missed(TOKEN)

    def test_a_wrong_one_costs_only_itself(self):
        self.registry.remove(f"devices/{UUID}.json")
        name = f"devices/{UUID}.yaml"
        head = "status: active\nuser_id: 7\ndevice: phone\ntokens:\n"
        for wrong in (SECOND + ".", UUID, "{token: %s, til: 2099-12-31}" % SECOND,
                      "{token: %s, until: tomorrow}" % SECOND, "[%s]" % SECOND,
                      "{%s: x}" % SECOND, sha256(SECOND)):  # fmt: skip
            self.registry.write(name, f"{head}- {TOKEN}\n- {wrong}\n")
            run = self.signpost("check", check=1)
            self.assertRegex(run.stdout, f"^{name}:6:[0-9]+: error: tokens", wrong)
            self.assertIn(" 1 errors", run.stdout)
            self.assert_untold_at(run.stdout)
            run = self.compile(check=1)
            self.assert_untold_at(run.stderr)
            self.assert_given(TOKEN, UUID)
            self.assert_missed(SECOND)
            self.signpost("status", check=1)

    def assert_untold_at(self, text):
        for token in self.tokens:
            self.assertNotIn(token[:8], text)

    def test_one_of_two_devices_is_nobodys(self):
        self.device(TOKEN, SECOND)
        self.registry.device(OTHER, device="tablet", tokens=[{"sha256": sha256(TOKEN)}])
        run = self.signpost("check", check=1)
        self.assertRegex(run.stdout, f"{OTHER}.json: error: tokens: devices/{UUID}.json ")
        run = self.compile(check=1)
        self.assertIn("one of them too", run.stderr)
        self.assert_missed(TOKEN)
        self.assert_given(SECOND, UUID)
        self.assertTrue(self.served(OTHER))
        states = {t["start"]: t["state"] for t in self.explain()["device"]["tokens"]}
        self.assertEqual({"AbCd": "shared", "Zz0_": "active"}, states)
        # Told once; there as soon as one lets go of it.
        self.assertNotIn("one of them too", self.compile(check=1).stderr)
        self.registry.device(OTHER, device="tablet")
        self.compile()
        self.assert_given(TOKEN)
        self.assert_untold(run.stderr)

    def test_incremental_is_as_anew(self):
        anew = self.dir / "anew"
        for tokens, other in (([TOKEN], []), ([TOKEN, SECOND], []), ([SECOND], [TOKEN]),
                              ([TOKEN], [TOKEN]), ([], [TOKEN]), ([], [])):  # fmt: skip
            self.device(*tokens)
            self.registry.device(OTHER, tokens=other or None)
            self.signpost("compile")
            self.signpost("compile", env={**self.environment, "SIGNPOST_STATE": str(anew)})
            old, new = (next(pathlib.Path(d).glob("*.cdb")).read_bytes()
                        for d in (self.state, anew))  # fmt: skip
            self.assertEqual(old, new)
            shutil.rmtree(anew)

    def test_diff_tells_of_tokens_without_them(self):
        self.compile()
        before = shutil.copy(next(self.state.glob("*.cdb")), self.dir / "before.cdb")
        self.device(TOKEN)
        run = self.signpost("diff", before, self.registry.path, check=1)
        self.assertIn(f"{UUID} gains a token\n", run.stdout)
        self.compile()
        snapshot = next(self.state.glob("*.cdb"))
        run = self.signpost("diff", snapshot, before, check=1)
        self.assertIn(f"{UUID} loses a token\n", run.stdout)
        self.assert_untold(run.stdout)
        self.signpost("diff", snapshot, self.registry.path, check=0)
        self.device({"token": TOKEN, "until": FUTURE})
        run = self.signpost("diff", snapshot, self.registry.path, check=1)
        self.assertIn(f"{UUID} has a token that ends at another time\n", run.stdout)


class Explained(Tokens):
    def test_by_token(self):
        self.device(TOKEN, {"sha256": sha256(SECOND), "until": PAST}, status="blocked")
        self.compile()
        for token in (TOKEN, SECOND):
            facts = self.explain(check=1, uuid=token)
            self.assertEqual((UUID, "device-status"), (facts["uuid"], facts["refusal"]))
        run = self.signpost("explain", "no-such-token", check=1)
        self.assertEqual(("", "signpost: it is no UUID, and no device has it as a token\n"), (run.stdout, run.stderr))
        self.assertIn("neither a UUID", self.signpost("explain", "short", check=2).stderr)


class Revoked(Tokens):
    """An address that is taken back is a miss with the next compile, whatever else is wrong."""

    def setUp(self):
        super().setUp()
        self.device(TOKEN, SECOND)
        self.compile()
        self.assert_given(TOKEN, SECOND, UUID)

    def assert_kept(self, given, missed):
        self.compile(check=1)
        self.assert_given(*given)
        self.assert_missed(*missed)
        # The same from scratch, and with all that is known by now.
        self.signpost("compile", "--force", check=1)
        self.assert_given(*given)
        self.assert_missed(*missed)

    def test_beside_another_field_that_is_wrong(self):
        self.device(SECOND, uuid_addresses="off", user_id="seven")
        self.assert_kept([SECOND], [TOKEN, UUID])
        self.device(uuid_addresses="off", user_id="seven")
        self.assert_kept([], [TOKEN, SECOND, UUID])
        self.device(TOKEN, device=["phone"])
        self.assert_kept([TOKEN, UUID], [SECOND])
        # Nothing is said of them any more.
        self.registry.device(device=["phone"])
        self.assert_kept([UUID], [TOKEN, SECOND])
        self.device(SECOND)
        self.compile()
        self.assert_given(SECOND, UUID)
        self.assert_missed(TOKEN)

    def test_not_by_what_cannot_be_told(self):
        file = self.registry.path / f"devices/{UUID}.json"
        for text in ("{", "", "[]", json.dumps({"uuid": OTHER, "status": "active", "tokens": []})):
            file.write_text(text)
            self.assert_kept([TOKEN, SECOND, UUID], [])

    def test_a_copy_for_another_device_takes_none_away(self):
        text = (self.registry.path / f"devices/{UUID}.json").read_text()
        self.registry.write(f"devices/{OTHER}.json", text)
        self.assert_kept([TOKEN, SECOND, UUID], [])


class Many(Tokens):
    def test_the_most(self):
        tokens = [f"token-{number:02}-of-many" for number in range(66)]
        self.device(*tokens[:64], uuid_addresses="off")
        self.compile()
        self.assert_given(tokens[0], tokens[63])
        run = self.signpost("token", UUID, check=2)
        self.assertIn("64 tokens", run.stderr)
        self.device(*tokens, uuid_addresses="off")
        self.assertIn("at most 64", self.compile(check=1).stderr)
        self.assert_given(tokens[0], tokens[63])
        self.assert_missed(tokens[64], tokens[65], UUID)


class UuidAddresses(Tokens):
    def test_off_for_all(self):
        self.device(TOKEN)
        self.settings(SETTINGS + "uuid_addresses: off\n")
        self.compile()
        self.assert_given(TOKEN)
        self.assert_missed(UUID, UUID.upper(), OTHER)
        facts = self.explain()
        self.assertEqual(([MINIMAL_LINK], [], "the same"),
                         (facts["links"], facts["addresses"], facts["in_service"]))
        # The other has no address any more, and check says so.
        self.assertEqual("address", self.explain(check=1, uuid=OTHER)["refusal"])
        self.assertEqual("the same", self.explain(check=1, uuid=OTHER)["in_service"])
        self.assertIn("1 active devices have no token", self.signpost("check", check=0).stdout)
        self.registry.device(OTHER, uuid_addresses="on")
        self.compile()
        self.assertTrue(self.served(OTHER))
        self.assertNotIn("have no token", self.signpost("check", check=0).stdout)

    def test_off_for_one(self):
        self.device(TOKEN, uuid_addresses="off")
        self.compile()
        self.assert_given(TOKEN)
        self.assert_missed(UUID)
        self.assertTrue(self.served(OTHER))
        self.device({"token": TOKEN, "until": PAST}, uuid_addresses="off")
        self.compile()
        self.assert_missed(UUID, TOKEN)
        facts = self.explain(check=1)
        self.assertEqual(("address", "the same"), (facts["refusal"], facts["in_service"]))

    def test_back_on(self):
        for word in ("off", "on"):
            self.settings(SETTINGS + f"uuid_addresses: {word}\n")
            self.compile()
            self.assertEqual([] if word == "off" else [MINIMAL_LINK], self.served())

    def test_the_page_tells_no_uuid_address(self):
        self.device(TOKEN, uuid_addresses="off")
        self.compile()
        for word in FORMATS:
            head, body = self.answer(f"/{TOKEN}", QUERY_STRING=f"format={word}")
            self.assertNotIn(f"api/{UUID}", head + body)

    def test_templates(self):
        self.settings(SETTINGS + "web_page_url: https://example.com/{uuid}?a={address}\n")
        self.device(TOKEN)
        self.compile()
        head, _ = self.answer(f"/{TOKEN}")
        self.assertIn(f"profile-web-page-url: https://example.com/{UUID}?a={TOKEN}", head)


class Commands(Tokens):
    def made(self, *args, check=0):
        made = json.loads(self.signpost(*args, "--json", check=check).stdout)
        self.tokens = (*self.tokens, made["token"])
        return made

    def apply(self, made):
        for path, record in made["records"].items():
            self.registry.write(path, record)

    def scan(self, text):
        """What a scanner reads from the block characters of a terminal."""
        if shutil.which("zbarimg") is None:
            self.skipTest("no zbarimg (zbar-tools)")
        rows = []
        for line in text.splitlines():
            rows.append(["0" if c in "█▀" else "1" for c in line])
            rows.append(["0" if c in "█▄" else "1" for c in line])
        scale = 8
        wide = [" ".join(bit for bit in row for _ in range(scale)) for row in rows]
        image = self.dir / "code.pbm"
        lines = [line for line in wide for _ in range(scale)]
        image.write_text(f"P1\n{len(rows[0]) * scale} {len(lines)}\n" + "\n".join(lines) + "\n")
        run = subprocess.run(["zbarimg", "--raw", "-q", image], capture_output=True, text=True)
        return run.stdout.strip()

    def test_token(self):
        self.registry.device(note="kept")
        made = self.made("token", UUID)
        self.assertRegex(made["token"], "^[A-Za-z0-9_-]{22}$")
        self.assertEqual([f"https://example.org/api/{made['token']}"], made["addresses"])
        (record,) = made["records"].values()
        self.assertEqual([{"sha256": sha256(made["token"])}], record["tokens"])
        self.assertEqual("kept", record["note"])
        self.compile()
        self.assert_missed(made["token"])
        self.apply(made)
        self.signpost("check", check=0)
        self.compile()
        self.assert_given(made["token"], UUID)
        self.assert_untold()
        second = self.made("token", "--until", "2020-01-31", UUID)
        self.assertEqual(2, len(second["records"][f"devices/{UUID}.json"]["tokens"]))
        self.apply(second)
        self.compile()
        self.assert_given(made["token"])
        self.assert_missed(second["token"])
        self.assertNotEqual(made["token"], second["token"])

    def test_token_for_people(self):
        self.registry.remove(f"devices/{UUID}.json")
        record = "status: active\nuser_id: 7\ndevice: phone # Ivan's\n"
        file = self.registry.write(f"devices/{UUID}.yaml", record)
        text = self.signpost("token", UUID, "--until", FUTURE, check=0).stdout
        self.assertEqual(record, file.read_text())
        self.assertIn(f"devices/{UUID}.yaml: to add to the record\n", text)
        field = re.search(r'(?m)^  ("tokens": .*)$', text)[1]
        address = re.search("(?m)^address (https://example.org/api/(.*))$", text)
        self.tokens = (*self.tokens, address[2])
        # It can be put into YAML and JSON as it stands.
        file.write_text(f"{record}{field}\n")
        self.compile()
        self.assert_given(address[2])
        self.assertIn(f"{FUTURE}", field)
        item = re.search(r'(?m)^  (\{"sha256": .*\})$', self.signpost("token", UUID).stdout)
        self.assertIsNotNone(item)
        code = "\n".join(line for line in text.splitlines() if line.startswith("█"))
        self.assertEqual(address[1], self.scan(code))

    def test_rekey(self):
        self.device(TOKEN, uuid_addresses="off", note="kept")
        self.compile()
        self.assert_given(TOKEN)
        made = self.made("rekey", UUID)
        old, new = made["records"][f"devices/{UUID}.json"], [
            (path, r) for path, r in made["records"].items() if UUID not in path]  # fmt: skip
        self.assertEqual(("archived", None), (old["status"], old.get("tokens")))
        ((path, record),) = new
        self.assertEqual((f"devices/{record['uuid']}.json", "active", "kept", "off", "phone", 7),
                         (path, record["status"], record["note"], record["uuid_addresses"],
                          record["device"], record["user_id"]))  # fmt: skip
        self.assertRegex(record["uuid"], "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]")
        self.apply(made)
        self.signpost("check", check=0)
        self.compile()
        self.assert_missed(UUID, TOKEN, record["uuid"])
        (link,) = self.served(made["token"])
        self.assertEqual(MINIMAL_LINK.replace(UUID, record["uuid"]), link)
        text = self.signpost("rekey", record["uuid"], check=0).stdout
        self.assertIn('"status": "archived"', text)
        self.assertRegex(text, "(?m)^devices/.*: a new record$")

    def test_what_cannot_be(self):
        for args in ([], ["x"], [UNKNOWN], [UUID, UUID], ["--until", "soon", UUID],
                     ["--until", "2026-02-30", UUID], ["--nix", UUID]):  # fmt: skip
            self.assertTrue(self.signpost("token", *args, check=2).stderr)
        self.signpost("rekey", "--until", FUTURE, UUID, check=2)
        self.registry.write(f"devices/{UUID}.yaml", "status: active\n")
        self.assertIn("several files", self.signpost("token", UUID, check=2).stderr)
        self.registry.remove(f"devices/{UUID}.json")
        self.registry.write(f"devices/{UUID}.yaml", "- x\n")
        self.assertIn("mapping", self.signpost("rekey", UUID, check=2).stderr)
        self.registry.write(f"devices/{UUID}.yaml", "status: active\n")
        self.settings("")
        run = self.signpost("token", UUID, check=2)
        self.assertIn("public_urls", run.stderr)
