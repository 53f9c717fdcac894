"""The snapshot's life as the responder sees it: none, a new one, what is no good, none again."""

import base64
import ctypes
import os
import struct

import fcgi
import misses
from support import MINIMAL_LINK, RESPONDER, UNKNOWN, UUID, VALGRIND, TestCase, until

BASE64 = base64.b64encode(MINIMAL_LINK.encode())
OUTAGE = b"Status: 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 60\r\n\r\n"
FOOTER, FORMAT_AT = 2088, 8


class Opens:
    """Counts how often a file is opened (inotify(7)), to know that it has been looked at."""

    IN_OPEN = 0x20

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if libc.inotify_add_watch(self.fd, os.fsencode(path), self.IN_OPEN) < 0:
            raise OSError(ctypes.get_errno(), "inotify", str(path))
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *args):
        os.close(self.fd)

    def so_far(self):
        try:
            # Of a directory the name follows, of itself and of plain files none does.
            self.count += len(os.read(self.fd, 65536)) // struct.calcsize("iIII")
        except BlockingIOError:
            pass
        return self.count


class Snapshot(TestCase):
    def setUp(self):
        super().setUp()
        self.registry.minimal()
        self.path = self.dir / "fcgi.sock"

    def compiled(self):
        self.compile()
        (self.snapshot,) = self.state.glob("*.cdb")
        return self.snapshot

    def status(self, path=f"/{UUID}", **kwargs):
        return fcgi.ask(self.path, path, **kwargs).status

    def new_answer(self, name):
        """Compiles a change and waits until it is served."""
        self.registry.device(device=name)
        self.compile()
        wanted = MINIMAL_LINK.replace("#phone", f"#{name}").encode()
        until(lambda: self.links() == wanted, "the new links")

    def links(self):
        return fcgi.ask(self.path, f"/{UUID}", query="format=links").body

    def replace(self, content, mode=0o644):
        new = self.dir / "new"
        new.write_bytes(content)
        new.chmod(mode)
        new.replace(self.snapshot)

    def let_it_look(self, times=2):
        """Asks until the file in place has been opened so often since now; returns the answers."""
        answers = []
        with Opens(self.snapshot) as opens:

            def is_seen():
                answers.append(fcgi.ask(self.path, f"/{UUID}"))
                return opens.so_far() >= times

            until(is_seen, "a look at the snapshot")
        return {(answer.status, answer.body) for answer in answers}


class Outage(Snapshot):
    def test_none_is_a_503_everywhere_until_there_is_one(self):
        responder = self.responder()
        for path in [*misses.REFUSED, *misses.MALFORMED, f"/{UUID}", "/", ""]:
            for method in ("GET", "HEAD", "POST", "OPTIONS", "nix"):
                reply = fcgi.ask(self.path, path, method=method)
                self.assertEqual((OUTAGE, True), (reply.stdout, reply.is_complete))
        reply = fcgi.ask(self.path, f"/{UUID}", HTTP_IF_NONE_MATCH="*")
        self.assertEqual(OUTAGE, reply.stdout)
        self.compiled()
        until(lambda: self.status() == 200, "the links")
        self.assertEqual(404, self.status(f"/{UNKNOWN}"))
        self.assertEqual(1, responder.said().count("\n"), responder.said())
        self.assertIn(f"{self.snapshot}: No such file", responder.said())
        self.assertIn("503", responder.said())

    def test_on_a_kept_connection(self):
        self.responder()
        with fcgi.Client(self.path) as client:
            for _ in range(3):
                self.assertEqual(OUTAGE, client.ask(f"/{UUID}").stdout)
            self.compile()
            until(lambda: client.ask(f"/{UUID}").body == BASE64, "the links")
            self.assertEqual(404, client.ask("/").status)

    def test_what_is_no_good_at_the_start(self):
        whole = self.compiled().read_bytes()
        self.replace(whole[:-1])
        responder = self.responder()
        self.assertEqual({(503, b"")}, self.let_it_look())
        self.assertEqual(1, responder.said().count(f"{self.snapshot}: "), responder.said())
        self.replace(whole)
        until(lambda: self.status() == 200, "the links")


class Change(Snapshot):
    def test_a_new_one_is_taken_without_a_word(self):
        self.compiled()
        responder = self.responder()
        with fcgi.Client(self.path) as kept:
            for name in ("laptop", "tablet", "phone"):
                self.assertEqual(200, kept.ask(f"/{UUID}").status)
                self.new_answer(name)
            self.assertEqual(BASE64, kept.ask(f"/{UUID}").body)
        self.registry.device(status="blocked")
        self.compile()
        until(lambda: self.status() == 404, "the 404")
        self.registry.device()
        self.compile()
        until(lambda: self.status() == 200, "the links")
        self.assertEqual("", responder.said())

    def test_etags(self):
        self.compiled()
        self.responder()

        def ask(tag=None, **kwargs):
            more = {"HTTP_IF_NONE_MATCH": tag} if tag else {}
            return fcgi.ask(self.path, f"/{UUID}", **more, **kwargs)

        tag = ask().headers["etag"]
        self.assertNotEqual(tag, ask(query="format=links").headers["etag"])
        for method in ("GET", "HEAD"):
            for tags in (tag, f"W/{tag}", f'"x", {tag}'):
                reply = ask(tags, method=method)
                self.assertEqual((304, b"", tag), (reply.status, reply.body, reply.headers["etag"]))
                self.assertTrue(reply.is_complete)
        self.assertEqual(200, ask('"x"').status)
        # The same links have the same tag, whatever else the new snapshot holds.
        self.registry.user(99)
        self.registry.device(UNKNOWN, user_id=99)
        self.compile()
        until(lambda: self.status(f"/{UNKNOWN}") == 200, "the new snapshot")
        self.assertEqual(304, ask(tag).status)
        self.new_answer("laptop")
        reply = ask(tag)
        self.assertEqual(200, reply.status)
        self.assertNotEqual(tag, reply.headers["etag"])
        self.registry.remove(f"devices/{UUID}.json")
        self.compile()
        until(lambda: ask(reply.headers["etag"]).status == 404, "the 404")


class NoGood(Snapshot):
    def setUp(self):
        super().setUp()
        self.whole = self.compiled().read_bytes()

    def assert_kept(self, responder, words, spoil):
        """The last good one is served; that is said once, naming the file."""
        before = responder.said()
        spoil()
        self.assertEqual({(200, BASE64)}, self.let_it_look())
        said = responder.said()[len(before) :]
        self.assertEqual(1, said.count("\n"), said)
        for word in (f"{self.snapshot}: ", words, "the last good snapshot stays in service"):
            self.assertIn(word, said)
        self.assertNotIn(UUID[:8], said)

    def test_put_in_its_place(self):
        responder = self.responder()
        self.assertEqual(200, self.status())
        older = bytearray(self.whole)
        older[-FOOTER + FORMAT_AT : -FOOTER + FORMAT_AT + 4] = struct.pack("<I", 0)
        flipped = bytearray(self.whole)
        flipped[-FOOTER + 100] ^= 1
        for content, words in (
            (b"", "truncated, or not a snapshot"),
            (bytes(older), "format 0, but this program reads format"),
            (self.whole[: len(self.whole) // 2], "truncated, or not a snapshot"),
            (bytes(flipped), "damaged (a checksum is wrong)"),
            (os.urandom(len(self.whole)), "truncated, or not a snapshot"),
        ):
            self.assert_kept(responder, words, lambda content=content: self.replace(content))
        self.new_answer("laptop")
        # The same again is news.
        self.registry.device()
        self.new_answer("phone")
        self.assert_kept(responder, "truncated, or not a snapshot", lambda: self.replace(b""))

    def test_a_directory(self):
        responder = self.responder()
        self.assertEqual(200, self.status())

        def exchange():
            self.snapshot.rename(self.dir / "kept")
            self.snapshot.mkdir()

        self.assert_kept(responder, "not a plain file", exchange)
        self.snapshot.rmdir()
        self.new_answer("laptop")

    def test_a_pipe_does_not_stop_it(self):
        responder = self.responder()
        self.assertEqual(200, self.status())
        os.mkfifo(self.dir / "pipe")
        move = lambda: (self.dir / "pipe").replace(self.snapshot)  # noqa: E731
        self.assert_kept(responder, "not a plain file", move)

    def test_deleted(self):
        responder = self.responder()
        self.assertEqual(200, self.status())
        self.snapshot.unlink()
        until(lambda: self.status() == 200 and responder.said(), "its word")
        self.assertIn(f"{self.snapshot}: No such file", responder.said())
        self.compile()
        self.new_answer("laptop")
        self.assertEqual(1, responder.said().count("\n"), responder.said())

    def test_another_directory_in_its_place(self):
        """The sandbox is one of what was there: what it served is served until a restart."""
        # Neither valgrind nor AddressSanitizer works in it.
        is_left_out = VALGRIND or b"__asan_init" in RESPONDER.read_bytes()
        for sandbox in ("off",) if is_left_out else ("on", "off"):
            with self.subTest(sandbox):
                self.environment["SIGNPOST_SANDBOX"] = sandbox
                self.compiled()
                responder = self.responder(socket_path=self.dir / f"{sandbox}.sock")
                self.path = responder.path
                self.assertEqual(200, self.status())
                self.state.rename(self.dir / f"before {sandbox}")
                self.assertEqual((200, 404), (self.status(), self.status("/")))
                self.compile()
                if sandbox == "off":
                    self.new_answer("laptop")
                else:
                    denied = lambda: "Permission denied" in responder.said()  # noqa: E731
                    until(lambda: self.status() == 200 and denied(), "its word")

    def test_unreadable(self):
        nobody = self.as_nobody()
        for directory in (self.state, self.snapshot):
            directory.chmod(0o755)
        responder = self.heir(self.listen(), **nobody)
        self.assertEqual(200, self.status())
        self.replace(self.whole, mode=0)
        until(lambda: self.status() == 200 and responder.said(), "its word")
        self.assertIn(f"{self.snapshot}: Permission denied", responder.said())
        self.registry.device(device="laptop")
        self.compile()
        self.snapshot.chmod(0o644)
        until(lambda: self.links().endswith(b"#laptop"), "the new links")
        self.assertEqual(1, responder.said().count("\n"), responder.said())


class InPlace(Snapshot):
    """Who copies over the file in place destroys what is mapped: an outage, but nothing worse."""

    def setUp(self):
        super().setUp()
        self.whole = self.compiled().read_bytes()

    def assert_outlived(self, spoil):
        responder = self.responder()
        self.assertEqual((200, 404), (self.status(), self.status(f"/{UNKNOWN}")))
        spoil()
        try:
            self.let_it_look(1)  # until then it cannot know
            answers = self.let_it_look()
        except OSError as e:
            self.fail(f"{e!r}; it ended with {responder.popen.wait()}")
        self.assertTrue({status for status, _ in answers} <= {200, 503}, answers)
        self.assertIn(str(self.snapshot), responder.said())
        self.new_answer("laptop")
        self.assertTrue(responder.is_alive())

    def test_truncated_to_nothing(self):
        self.assert_outlived(lambda: os.truncate(self.snapshot, 0))

    def test_truncated_to_a_part(self):
        self.assert_outlived(lambda: os.truncate(self.snapshot, 2100))

    def test_zeroed(self):
        """A full hash table that turns into zeros must not become "no such device"."""
        self.assert_outlived(lambda: self.overwrite(b"\0" * len(self.whole)))

    def test_another_content(self):
        self.assert_outlived(lambda: self.overwrite(os.urandom(len(self.whole))))

    def overwrite(self, content):
        with open(self.snapshot, "r+b") as file:
            file.write(content)
