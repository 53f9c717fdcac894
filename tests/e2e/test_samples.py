"""data-sample: it is clean, and every device's answer is the one worked out by hand.

tests/golden/data-sample.txt was written from the records and the design's rules. One thing in it
could not be: which of two equal routes comes first for a device (a keyed hash). It is held here as
it is: a change of order would be a change for everybody at once.
"""

import base64

import fcgi
from support import TOP, TestCase

SAMPLE = TOP / "data-sample"
GOLDEN = TOP / "tests" / "golden" / "data-sample.txt"


class Samples(TestCase):
    def setUp(self):
        super().setUp()
        self.environment["SIGNPOST_DATA"] = str(SAMPLE)

    def devices(self):
        return sorted(file.name.split(".")[0] for file in (SAMPLE / "devices").iterdir())

    def test_they_are_clean(self):
        run = self.signpost("check", "--strict", SAMPLE, check=0)
        self.assertIn(" 0 errors, 0 warnings\n", run.stdout)
        run = self.compile()
        self.assertIn("; 0 errors, 0 warnings\n", run.stderr)

    def test_every_answer_is_the_golden_one(self):
        self.compile()
        path = self.responder().path
        lines = []
        for uuid in self.devices():
            reply = fcgi.ask(path, f"/api/{uuid}")
            lines.append(uuid)
            if reply.status == 200:
                links = base64.b64decode(reply.body, validate=True).decode("ascii").split("\n")
                lines += ["    " + link for link in links]
            else:
                lines.append(f"    {reply.status}")
        self.assertEqual(GOLDEN.read_text(), "\n".join(lines) + "\n")

    def test_explain_says_the_same(self):
        golden = GOLDEN.read_text().split("\n")
        for uuid in self.devices():
            run = self.signpost("explain", uuid)
            refused = golden[golden.index(uuid) + 1] == "    404"
            self.assertEqual(1 if refused else 0, run.returncode)

    def test_only_documentation_addresses(self):
        """RFC 5737, RFC 3849, RFC 2606: nobody's host gets the polls of those who try it out."""
        text = "".join(f.read_text() for f in SAMPLE.rglob("*") if f.is_file())
        for host in ("example.org", "example.com", "example.net"):
            text = text.replace(host, "")
        self.assertNotRegex(text, r"[a-z0-9-]+\.(org|com|net|ru|io)\b")
        for start in ("192.0.2.", "198.51.100.", "203.0.113."):
            text = text.replace(start, "")
        self.assertNotRegex(text, r"\b\d+\.\d+\.\d+\.\d+\b")
