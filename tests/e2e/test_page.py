"""The page for people as it is served: its policy, its language, and what does not get it."""

import base64
import hashlib
import re

import pages
from support import UNKNOWN, UUID, until


class Page(pages.Pages):
    def setUp(self):
        super().setUp()
        self.nginx()

    def test_browsers_get_it_and_apps_do_not(self):
        self.assertEqual("text/html; charset=utf-8", self.page().header("Content-Type"))
        same = self.fetch(f"/api/{UUID}?format=page")
        self.assertEqual("text/html; charset=utf-8", same.header("Content-Type"))
        for agent in ("v2rayNG/2.3.5", "Shadowrocket/2070 CFNetwork/1492 Darwin/23", "Happ/3.1"):
            answer = self.page(User_Agent=agent)
            self.assertEqual("text/plain; charset=utf-8", answer.header("Content-Type"), agent)
            self.assertEqual(self.links(), answer.links())

    def test_the_policy_permits_the_style_and_the_script_and_nothing_else(self):
        answer = self.page()
        policy = answer.header("Content-Security-Policy")
        parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        for element in ("style", "script"):
            texts = re.findall(f"<{element}>(.*?)</{element}>", answer.body.decode(), re.S)
            self.assertEqual(1, len(texts))
            digest = base64.b64encode(hashlib.sha256(texts[0].encode()).digest()).decode()
            self.assertEqual(f"'sha256-{digest}'", parts.pop(f"{element}-src"),
                             "lib/page_style.c holds another hash")  # fmt: skip
        names = ("default-src", "form-action", "base-uri", "frame-ancestors")
        self.assertEqual({name: "'none'" for name in names}, parts)

    def test_it_is_the_same_until_something_changes(self):
        first, second = self.page(), self.page()
        fields = [[(k, v) for k, v in poll.headers if k != "Date"] for poll in (first, second)]
        self.assertEqual((first.body, fields[0]), (second.body, fields[1]))
        headers = {**pages.BROWSER, "If-None-Match": first.header("ETag")}
        self.assertEqual(304, self.fetch(f"/api/{UUID}", headers=headers).status)
        self.registry.device(device="phone")
        self.compile()
        until(lambda: b"<h1><bdi>phone</bdi></h1>" in self.page().body, "the new name")
        self.used(0, 44567890123)
        amount = "<dd>41.5\u00a0GB of 100\u00a0GB<".encode()
        until(lambda: amount in self.page().body, "the new amount")

    def test_language_and_platform_are_the_visitors(self):
        for accept, tag in (("ru-RU,ru;q=0.9", "ru"), ("fa", "fa"), ("zh-CN", "zh-Hans"),
                            ("xx", "en")):  # fmt: skip
            body = self.page(Accept_Language=accept).body.decode()
            self.assertIn(f'<html lang="{tag}"', body)
        for agent, first in (("(Linux; Android 15)", "v2rayng:"), ("(iPhone; CPU", "hiddify:")):
            body = self.page(User_Agent="Mozilla/5.0 " + agent).body.decode()
            self.assertEqual(first, re.search(r'class="apps"><li><a href="([a-z0-9]+:)', body)[1])

    def test_misses_look_like_any_other(self):
        for path in (f"/api/{UNKNOWN}", "/api/x"):
            plain = self.fetch(path)
            answer = self.fetch(path, headers=pages.BROWSER)
            self.assertEqual((404, plain.body), (answer.status, answer.body))
            self.assertIsNone(answer.header("Content-Security-Policy"))
