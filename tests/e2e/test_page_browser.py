"""The page in a real browser: Chromium, driven by tests/e2e/browser/visit.js.

axe-core judges how accessible it is, zbar reads the codes from the screen.
"""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess

import pages
from support import LIMIT, TOP, UUID

DRIVER = TOP / "tests" / "e2e" / "browser"
PHONE, DESKTOP, NARROW = (390, 844), (1280, 900), (320, 568)
LANGUAGES = ("en", "ru", "fa", "zh")


def modules():
    """Where tests/browser puts the modules."""
    lock = hashlib.sha256((DRIVER / "package-lock.json").read_bytes()).hexdigest()
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "signpost-tests" / f"browser-{lock[:16]}" / "node_modules"


class Browser(pages.Pages):
    def setUp(self):
        for program in ("chromium", "node", "zbarimg"):
            if not shutil.which(program):
                self.skipTest(f"needs {program} (browser_packages of tests/packages.sh)")
        if not modules().is_dir():
            self.skipTest("needs tests/browser to be run once")
        super().setUp()
        self.url = f"http://127.0.0.1:{self.nginx_on_port()}/api/{UUID}"

    def visit(self, *wishes):
        """What visit.js finds on each visit; nothing else is loaded, the console stays empty."""
        visits = []
        for wish in wishes:
            width, height = wish.pop("size", PHONE)
            headers = {"Accept-Language": wish.pop("language", "en"), **wish.pop("headers", {})}
            visits.append({"url": self.url, "width": width, "height": height, "headers": headers,
                           **wish})  # fmt: skip
        run = subprocess.run(
            ["node", str(DRIVER / "visit.js")],
            input=json.dumps({"chromium": shutil.which("chromium"), "visits": visits}),
            env={**os.environ, "NODE_PATH": str(modules()), "HOME": str(self.dir)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=3 * LIMIT,
        )
        self.assertEqual(0, run.returncode, run.stderr)
        found = json.loads(run.stdout)
        for page in found:
            self.assertEqual((200, "text/html; charset=utf-8"), (page["status"], page["type"]))
            self.assertEqual(([self.url], []), (page["requests"], page["console"]))
        return found

    def texts(self):
        return [pages.ADDRESS, *pages.MIRRORS, *self.links()]

    def test_everybody_can_use_it(self):
        wishes = [
            {"language": language, "dark": dark, "size": size, "audit": True}
            for language in LANGUAGES
            for dark in (False, True)
            for size in (PHONE, DESKTOP)
        ]
        for wish, page in zip(wishes, self.visit(*[dict(wish) for wish in wishes])):
            with self.subTest(**wish):
                self.assertEqual([], page["violations"])
                self.assertGreater(page["passes"], 25)  # it did look
                self.assertEqual(wish["language"], page["language"][:2])
                self.assertEqual("rtl" if wish["language"] == "fa" else "ltr", page["direction"])
                dark = sum(map(int, page["background"][4:-1].split(","))) < 200
                self.assertEqual(wish["dark"], dark, page["background"])

    def test_it_fits_narrow_screens_and_thick_fingers(self):
        wishes = [{"language": language, "size": NARROW} for language in LANGUAGES]
        for language, page in zip(LANGUAGES, self.visit(*wishes)):
            self.assertEqual(NARROW[0], page["width"], language)
            self.assertGreater(len(page["targets"]), 20)
            for target in page["targets"]:
                self.assertGreaterEqual(min(target["width"], target["height"]), 44, target)

    def test_every_code_says_what_stands_beside_it(self):
        pictures = self.dir / "codes"
        pictures.mkdir()
        # Dark, since codes stay black on white.
        [page] = self.visit({"codes": str(pictures), "dark": True, "size": DESKTOP})
        self.assertEqual(self.texts(), page["texts"])
        short = [text for text in self.links() if len(text) <= pages.QR_MAX]
        self.assertEqual(len(self.links()) - 1, len(short))
        self.assertGreater(max(map(len, short)), 2800)
        self.assertEqual([pages.ADDRESS, *short], [code["beside"] for code in page["codes"]])
        for code in page["codes"]:
            looks = (code["label"], code["paper"], code["ink"])
            self.assertEqual(("QR code", "rgb(255, 255, 255)", "rgb(0, 0, 0)"), looks)
            run = subprocess.run(
                ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", code["file"]],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                timeout=LIMIT,
            )
            self.assertEqual(code["beside"] + "\n", run.stdout)

    def test_it_needs_no_javascript(self):
        plain, scripted = self.visit({"noscript": True}, {})
        for name in ("title", "heading", "texts", "apps"):
            self.assertEqual(scripted[name], plain[name], name)
        self.assertEqual(self.texts(), plain["texts"])
        self.assertEqual(pages.HOSTILE, plain["heading"])
        # A click opens each part, and then all can be read.
        self.assertEqual({True}, set(plain["details"] + plain["seen"]))
        self.assertEqual(len(self.links()) + 1, len(plain["details"]))
        # Buttons that could do nothing are not shown.
        copies = len(scripted["targets"]) - len(plain["targets"])
        self.assertEqual(len(self.texts()), copies)

    def test_a_button_copies_what_stands_beside_it(self):
        [page] = self.visit({"copy": True})
        self.assertEqual(self.texts(), [copied["beside"] for copied in page["copied"]])
        for copied in page["copied"]:
            self.assertEqual(copied["beside"], copied["clipboard"])
