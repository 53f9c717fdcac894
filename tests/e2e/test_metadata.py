"""What apps are told beside the servers: titles, file names, addresses, announcements.

The head is taken apart strictly, as bytes. No name of a user or device, whatever stands in it, may
add to it or hide anything.
"""

import base64
import html
import re
import urllib.parse

import misses
import oracles
from forms import CHROME, HTML, Forms
from support import UUID
from test_links import name_of
from test_nginx import Nginx

TABLET = "8f3c5d1e-6324-4d53-ad4f-8cda48b30820"
STANDING = {"status", "content-type", "content-length", "etag", "cache-control", "vary"}
DEFAULTS = {"profile-title", "profile-update-interval", "subscription-userinfo"}
DEFAULTS.add("content-disposition")

HOSTILE = [
    "a\r\nSet-Cookie: a=b", "a\r\n\r\n<html>", "\r\nX: y", "a\nX: y", "a\rX: y", "a\n\n\nb",
    "x\u0085Y: z", "\u2028X: y", "a\x0bX: y\x0cZ: z\x1b[2J\x7f", '"; filename="evil.exe', "\\",
    "..\\..\\evil", "../../evil", "%0d%0aX: y", "%22", "=?utf-8?q?=0D=0AX?=", "; filename=x",
    "a;b=c,d", "base64:eA==", "{device}", "{user}", "{uuid}", "{{proxies}}", "🇩🇪 Дом",
    "گوشی\u200c\u202e", "\ufeff", "x" * 255, "ж" * 127, "''",
]  # fmt: skip


def take_apart(answer):
    """The fields of raw bytes: name -> value, and the body; anything unusual is a failure."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    assert separator, answer
    fields = {}
    for line in head.split(b"\r\n"):
        if not fields and line.startswith(b"HTTP/1.1 "):
            fields["status"] = line[9:].decode()
            continue
        match = re.fullmatch(rb"([A-Za-z-]+): ([!-~](?:[ -~]*[!-~])?)", line)
        assert match, line
        name = match[1].decode().lower()
        assert name not in fields, name
        fields[name] = match[2].decode()
    return fields, body


def text_of(value):
    """A text in base64, as apps mark it."""
    assert value.startswith("base64:"), value
    return base64.b64decode(value[7:], validate=True).decode()


def names_of_file(value):
    """The two file names of Content-Disposition (RFC 6266, RFC 8187)."""
    match = re.fullmatch(
        r'attachment; filename="([^"\\]*)"; '
        r"filename\*=UTF-8''((?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-F]{2})+)",
        value,
    )
    assert match, value
    return match[1], urllib.parse.unquote(match[2], errors="strict")


class Metadata(Forms):
    def setUp(self):
        super().setUp()
        self.registry.user(7, username="Иван")
        self.registry.user(8, username="Ann")
        self.registry.device(UUID, device="phone")
        self.registry.device(TABLET, device="tablet", user_id=8)
        self.registry.endpoint("one", client={"address": "one.example.org", "type": "ws"})

    def fields(self, uuid=UUID, **kwargs):
        fields, _ = take_apart(self.ask(f"/{uuid}", **kwargs).stdout)
        return fields


class Settings(Metadata):
    def test_by_default(self):
        self.serve()
        fields = self.fields()
        self.assertEqual(STANDING | DEFAULTS, set(fields))
        self.assertEqual("phone", text_of(fields["profile-title"]))
        self.assertEqual(("phone", "phone"), names_of_file(fields["content-disposition"]))
        self.assertEqual("12", fields["profile-update-interval"])

    def test_each_by_user_and_device(self):
        self.settings(
            'title: "{user}: {device}!"\nfilename: "{device}-of-{user}.yaml"\n'
            'announce: "Hello, {user} ({device})"\n'
            "support_url: https://t.me/help?a=b&c=d\n"
            "web_page_url: https://example.org/u/{uuid}?u={user}&d={device}\n"
            "routing: happ://routing/onadd/eyJhIjoxfQ==\nupdate_interval: 6\n"
            "public_urls: [https://example.org/api]\n"
        )
        self.serve()
        for uuid, user, device in ((UUID, "Иван", "phone"), (TABLET, "Ann", "tablet")):
            fields = self.fields(uuid)
            self.assertEqual(f"{user}: {device}!", text_of(fields["profile-title"]))
            self.assertEqual(f"Hello, {user} ({device})", text_of(fields["announce"]))
            short, full = names_of_file(fields["content-disposition"])
            self.assertEqual(f"{device}-of-{user}.yaml", full)
            self.assertEqual(f"{device}-of-{re.sub('[^A-Za-z]', '_', user)}.yaml", short)
            self.assertEqual("https://t.me/help?a=b&c=d", fields["support-url"])
            wanted = f"https://example.org/u/{uuid}?u={urllib.parse.quote(user)}&d={device}"
            self.assertEqual(wanted, fields["profile-web-page-url"])
            self.assertEqual("happ://routing/onadd/eyJhIjoxfQ==", fields["routing"])
            self.assertEqual("6", fields["profile-update-interval"])
            more = {"announce", "support-url", "profile-web-page-url", "routing"}
            self.assertEqual(STANDING | DEFAULTS | more, set(fields))

    def test_what_follows_from_other_settings(self):
        self.settings(
            "title: '{user}'\nupdate_interval: 0\n"
            "public_urls: [https://example.org/api, https://mirror.example.net]\n"
        )
        self.serve()
        fields = self.fields(TABLET)
        self.assertEqual(("Ann", "Ann"), names_of_file(fields["content-disposition"]))
        self.assertEqual(f"https://example.org/api/{TABLET}", fields["profile-web-page-url"])
        self.assertNotIn("profile-update-interval", fields)

    def test_they_are_the_same_in_every_form_for_apps(self):
        self.settings("announce: Hello\n")
        self.serve()
        wanted = {k: v for k, v in self.fields().items() if k not in STANDING}
        for name in ("links", "clash", "sing-box", "xray"):
            fields = self.fields(query=f"format={name}")
            self.assertEqual(wanted, {k: v for k, v in fields.items() if k not in STANDING}, name)

    def test_addresses_are_ascii(self):
        self.settings(
            "support_url: 'https://example.org/помощь?a=\"b\"'\nrouting: 'happ://routing/add/é'\n"
        )
        self.serve()
        fields = self.fields()
        wanted = "https://example.org/" + urllib.parse.quote("помощь") + '?a="b"'
        self.assertEqual(wanted, fields["support-url"])
        self.assertEqual("happ://routing/add/%C3%A9", fields["routing"])

    def test_an_announcement_as_long_as_apps_take_it(self):
        """200 characters (Happ), in any script."""
        self.settings(f"announce: {'я' * 200}\n")
        self.serve()
        self.assertEqual("я" * 200, text_of(self.fields()["announce"]))

    def test_the_address_for_help_is_that_of_the_page(self):
        """Where no place is filled in (signpost.conf(5) names none), none is filled in anywhere."""
        self.settings("support_url: 'https://example.org/help?from={uuid}'\n")
        self.serve()
        page = self.ask(agent=CHROME, accept=HTML).body.decode()
        (shown,) = re.findall(r'href="(https://example.org/help[^"]*)"', page)
        said = urllib.parse.unquote(self.fields()["support-url"])
        self.assertEqual(urllib.parse.unquote(html.unescape(shown)), said)


class Hostile(Metadata):
    SETTINGS = (
        'title: "{user}|{device}"\nfilename: "{device}|{user}"\n'
        'announce: "{user}|{device}"\nweb_page_url: "https://example.org/{user}/{device}"\n'
    )

    def assert_fields(self, answer, name):
        """Exactly those that belong there, and each says what it shall."""
        fields, body = take_apart(answer)
        shown = name_of(name)
        self.assertEqual(f"{shown}|{shown}", text_of(fields["profile-title"]))
        self.assertEqual(f"{shown}|{shown}", text_of(fields["announce"]))
        short, full = names_of_file(fields["content-disposition"])
        self.assertEqual(f"{shown}|{shown}", full)
        self.assertNotRegex(short, r'["\\/%\x00-\x1f\x7f-\xff]')
        self.assertEqual(len(full), len(short))
        path = fields["profile-web-page-url"].removeprefix("https://example.org/")
        self.assertEqual([shown] * 2, list(map(urllib.parse.unquote, path.split("/"))))
        return fields, body

    def test_names_add_nothing_to_the_head(self):
        self.settings(self.SETTINGS)
        uuids = {}
        for number, name in enumerate(HOSTILE):
            uuid = f"00000000-0000-4000-8000-{number:012}"
            self.registry.user(100 + number, username=name)
            self.registry.device(uuid, device=name, user_id=100 + number)
            uuids[uuid] = name
        self.serve()
        wanted = STANDING | DEFAULTS | {"announce", "profile-web-page-url"}
        for uuid, name in uuids.items():
            for query in ("", "format=links", "format=clash", "format=sing-box", "format=xray"):
                answer = self.ask(f"/{uuid}", query=query).stdout
                fields, body = self.assert_fields(answer, name)
                self.assertEqual(wanted, set(fields))
                self.assertEqual(str(len(body)), fields["content-length"])
                again = self.ask(f"/{uuid}", query=query, tag=fields["etag"]).stdout
                fields, body = self.assert_fields(again, name)
                self.assertEqual(wanted - {"content-type", "content-length"}, set(fields))
                self.assertEqual(b"", body)

    def test_texts_of_settings_add_nothing_either(self):
        self.settings(
            'title: "a\\r\\nX: y"\nfilename: "b\\r\\n\\r\\nc"\n'
            'announce: "d\\nZ: z\\u0085\\u2028e"\n'
        )
        self.serve()
        fields, _ = take_apart(self.ask().stdout)
        self.assertEqual(STANDING | DEFAULTS | {"announce"}, set(fields))
        self.assertEqual("a  X: y", text_of(fields["profile-title"]))
        self.assertEqual("d Z: z \u2028e", text_of(fields["announce"]))
        for line in ('support_url: "https://example.org/\\r\\nX: y"\n', 'routing: "a:\\nX"\n',
                     'web_page_url: "https://example.org/\\n{user}"\n'):  # fmt: skip
            self.settings(line)
            run = self.signpost("check", check=2)
            self.assertIn(f"signpost.yaml:1:1: {line.split(':')[0]}: ", run.stderr)


class ThroughNginx(Nginx):
    """What a web server makes of it is one head as well."""

    def head_of(self, uuid=UUID):
        path = f"/api/{uuid}"
        fields, body = take_apart(misses.talk(self.web, misses.request("GET", path)))
        self.assertEqual("200 OK", fields["status"])
        self.assertEqual(str(len(body)), fields["content-length"])
        return fields

    def test_names_add_nothing_to_the_head(self):
        self.settings('title: "{user}|{device}"\nfilename: "{device}"\n')
        uuids = [f"00000000-0000-4000-8000-{number:012}" for number in range(len(HOSTILE))]
        for number, (uuid, name) in enumerate(zip(uuids, HOSTILE, strict=True)):
            self.registry.user(100 + number, username=name)
            self.registry.device(uuid, device=name, user_id=100 + number)
        self.serve()
        wanted = STANDING | DEFAULTS | {"server", "date", "connection"}
        for uuid, name in zip(uuids, HOSTILE):
            fields = self.head_of(uuid)
            self.assertEqual(wanted, set(fields), name)
            shown = name_of(name)
            self.assertEqual(f"{shown}|{shown}", text_of(fields["profile-title"]))

    def test_a_head_as_large_as_settings_make_it(self):
        """A profile for Happ's routing alone has some thousands of bytes."""
        routing = "happ://routing/onadd/" + "eyJh" * 1000
        names = "{user}{device}"
        self.settings(
            f"routing: {routing}\ntitle: '{names}'\nannounce: '{names}'\n"
            f"web_page_url: 'https://example.org/{names}'\n"
        )
        self.registry.user(username="ж" * 127)
        self.registry.device(device="ж" * 127)
        self.serve()
        fields = self.head_of()
        self.assertEqual(routing, fields["routing"])
        self.assertEqual("ж" * 254, text_of(fields["announce"]))


class Apps(Metadata):
    """As apps read it: more than they take fails the whole update."""

    def test_numbers(self):
        self.registry.user(7, expires="9999-12-31", traffic_limit=2**62)
        self.serve()
        fields = self.fields()
        read = oracles.hiddify_userinfo(fields["subscription-userinfo"])
        wanted = {"upload": 0, "download": 0, "total": 2**62, "expire": 253402300799}
        self.assertEqual(wanted, read)
        self.assertRegex(fields["profile-update-interval"], "^[1-9][0-9]*$")

    def test_the_oracle_fails_as_the_app_does(self):
        for value in ("upload=0; download=0; total=0; expire=0;", "upload=0; download=0; total=0",
                      "upload=0; download=0; total=; expire=0", f"upload={2**63}; download=0; "
                      "total=0; expire=0"):  # fmt: skip
            with self.assertRaises((ValueError, IndexError, KeyError)):
                oracles.hiddify_userinfo(value)
