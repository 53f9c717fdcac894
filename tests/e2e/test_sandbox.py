"""The responder's sandbox, tried from inside; and that everything works in it."""

import pathlib
import re
import socket

import fcgi
from support import BUILD, RESPONDER, UNKNOWN, UUID, VALGRIND, TestCase, until

INSIDE = BUILD / "tests" / "inside.so"
WITHOUT_LANDLOCK = BUILD / "tests" / "without_landlock"
FORMS = ("base64", "links", "clash", "sing-box", "xray", "page")
ALLOWED = {"read what is served", "memory", "all"}
# What only Landlock forbids.
BY_PATH = {"read another file", "list a directory"}
SANITIZED = "asan" in BUILD.name


class Inside(TestCase):
    def setUp(self):
        super().setUp()
        self.registry.minimal()
        self.compile()
        self.other = self.dir / "other"
        self.other.write_text("secret\n")
        self.listener = self.listen(self.dir / "listener.sock")
        self.spare = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.spare.close)
        self.log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.log.close)
        self.log.bind(str(self.dir / "log.sock"))
        self.datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.datagrams.close)
        (served,) = self.state.glob("snapshot-*.cdb")
        self.environment.update(
            INSIDE_SERVED=str(served),
            INSIDE_OTHER=str(self.other),
            INSIDE_NEW=str(self.dir / "new"),
            INSIDE_LISTENER=str(self.dir / "listener.sock"),
            INSIDE_SOCKET=str(self.spare.fileno()),
            INSIDE_LOG=str(self.dir / "log.sock"),
            INSIDE_DATAGRAMS=str(self.datagrams.fileno()),
        )

    def found(self, *before):
        """What each try gives, in a responder that is started behind these words."""
        heir = self.dir / "fcgi.sock"
        command = (*before, "env", f"LD_PRELOAD={INSIDE}", RESPONDER)
        open_too = [self.spare.fileno(), self.datagrams.fileno()]
        responder = self.start(*command, stdin=self.listen(heir), pass_fds=open_too)
        until(lambda: "inside: all: ok" in responder.said() or not responder.is_alive(), "the tries")
        self.assertTrue(responder.is_alive(), responder.said())
        self.assertEqual(200, fcgi.ask(heir, f"/{UUID}").status, responder.said())
        self.assertEqual(0, responder.stop(), responder.said())
        heir.unlink()
        self.said = responder.said()
        return dict(re.findall(r"^inside: (.*): (\w+)$", self.said, re.M))

    def assert_untouched(self):
        self.assertEqual("secret\n", self.other.read_text())
        self.assertFalse((self.dir / "new").exists())

    def test_what_it_cannot(self):
        found = self.found()
        self.assertGreater(len(found), 20)
        for what, result in found.items():
            with self.subTest(what):
                self.assertIn(result, {"ok"} if what in ALLOWED else {"EPERM", "EACCES"})
        self.assert_untouched()
        self.assertEqual("", re.sub(r"inside: .*\n", "", self.said))

    def test_without_landlock(self):
        found = self.found(WITHOUT_LANDLOCK)
        for what, result in found.items():
            with self.subTest(what):
                self.assertIn(result, {"ok"} if what in ALLOWED | BY_PATH else {"EPERM"})
        self.assert_untouched()
        self.assertIn("no Landlock", self.said)

    def test_off(self):
        """Said loudly; and the tries above would have seen it."""
        self.settings("sandbox: off\n")
        found = self.found()
        self.assertIn("the sandbox is off", self.said)
        for what in ("read another file", "make a file", "a UNIX socket", "connect", "execute",
                     "make a process", "code", "code of data", "be dumpable", "send to an address",
                     "send a message to an address", "have another process signalled"):  # fmt: skip
            with self.subTest(what):
                self.assertEqual("ok", found[what])
        self.assertEqual("ESRCH", found["trace"])

    def test_no_core_and_no_look_inside(self):
        self.state.chmod(0o755)
        for file in self.state.iterdir():
            file.chmod(0o644)
        responder = self.heir(self.listen(), **self.as_nobody())
        # What is not dumpable belongs to root in /proc, whoever runs it.
        process = pathlib.Path(f"/proc/{responder.pid}")
        self.assertNotEqual(0, process.stat().st_uid)
        self.assertEqual(0, (process / "mem").stat().st_uid)
        limits = (process / "limits").read_text()
        for what in ("Max core file size", "Max processes"):
            self.assertRegex(limits, what + " +0 +0 ")
        status = (process / "status").read_text()
        self.assertRegex(status, r"NoNewPrivs:\s+1\n")
        self.assertRegex(status, r"Seccomp:\s+2\n")


class Works(TestCase):
    """Every feature, with Landlock and without; other tests have it with Landlock, too."""

    def all_of_it(self, *before):
        self.registry.minimal()
        self.compile()
        self.settings("health:\n  vantages: [{file: far/there, inside: true}]\n")
        (self.dir / "far").mkdir()
        path = self.dir / "fcgi.sock"
        command = (*before, RESPONDER, "-s", path)
        responder = self.start(*command)
        until(lambda: self.can_connect(path) or not responder.is_alive(), "the responder")
        for form in FORMS:
            with self.subTest(form):
                self.assertEqual(200, fcgi.ask(path, f"/{UUID}", query=f"format={form}").status)
        self.assertEqual(404, fcgi.ask(path, f"/{UNKNOWN}").status)
        self.registry.device(device="laptop")
        until(lambda: b"laptop" in fcgi.ask(path, f"/{UUID}", query="format=links").body, "the change")
        self.registry.user(traffic_limit=1000)
        (self.state / "usage").write_text("7 1 2\n")
        until(lambda: "upload=1" in fcgi.ask(path, f"/{UUID}").headers["subscription-userinfo"],
              "the usage")  # fmt: skip
        self.assertEqual(0, responder.stop(), responder.said())
        self.assertFalse(path.exists())
        return responder.said()

    def test_everything(self):
        self.assertEqual("", self.all_of_it())

    def test_everything_without_landlock(self):
        said = self.all_of_it(WITHOUT_LANDLOCK)
        self.assertEqual(0 if SANITIZED else 1, said.count("\n"), said)


if SANITIZED or VALGRIND:
    del Inside  # the sandbox is left out
