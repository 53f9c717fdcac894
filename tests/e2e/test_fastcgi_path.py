"""`-s PATH`: whose socket it may take, and what is left there; with test_spawn's ByHand."""

import os
import signal
import socket
import stat

import fcgi
from processes import is_ready
from support import RESPONDER, UUID, TestCase, until


class Path(TestCase):
    def setUp(self):
        super().setUp()
        self.registry.minimal()
        self.compile()
        self.path = self.dir / "fcgi.sock"

    def refused(self, path, *words, **kwargs):
        """Starts it where it cannot start: it must say why, naming the path, and end with 1."""
        process = self.start(*self.command(path), valgrind=True, **kwargs)
        self.settled(process)
        self.assertEqual(1, process.stop(), f"it serves {path}\n{process.said()}")
        self.assertEqual(1, process.said().count("\n"), process.said())
        for word in (f"{path}: ", *words):
            self.assertIn(word, process.said())

    def responder(self, **kwargs):
        """Not before it has done with the path, which it can be reached by a little earlier."""
        responder = super().responder(**kwargs)
        self.settled(responder)
        return responder

    @staticmethod
    def settled(process):
        until(lambda: is_ready(process.pid) or not process.is_alive(), "its end or its service")

    @staticmethod
    def command(path):
        return RESPONDER, "-s", path

    def assert_serves(self, path=None):
        self.assertEqual(200, fcgi.ask(path or self.path, f"/{UUID}").status)

    def bound(self, kind=socket.SOCK_STREAM):
        found = socket.socket(socket.AF_UNIX, kind)
        self.addCleanup(found.close)
        found.bind(str(self.path))
        return found

    def left_behind(self):
        self.bound().close()


class Making(Path):
    def test_the_mode_does_not_depend_on_the_umask(self):
        for mask in (0, 0o027, 0o777):
            responder = self.responder(umask=mask)
            self.assertEqual(0o660, stat.S_IMODE(self.path.stat().st_mode))
            responder.stop()

    def test_the_longest_path(self):
        longest = self.dir / ("x" * (107 - len(str(self.dir)) - 1))
        responder = self.responder(socket_path=longest)
        self.assert_serves(longest)
        responder.stop()
        self.refused(f"{longest}x", "too long", "107")
        self.assertFalse(longest.exists())

    def test_a_relative_path(self):
        self.start_responder("-s", "fcgi.sock", cwd=self.dir)
        until(lambda: self.can_connect(self.path), "the responder")
        self.assert_serves()

    def test_one_that_was_left_behind_is_replaced(self):
        self.left_behind()
        old = self.path.stat().st_ino
        keep = self.dir / "keep"  # else the number may come again
        os.link(self.path, keep)
        self.responder()
        self.assertNotEqual(old, self.path.stat().st_ino)
        self.assert_serves()

    def test_several_at_once_where_one_was_left_behind(self):
        """One of them gets the place and serves; the others say so and end."""
        for _ in range(10):
            self.left_behind()
            started = [self.start(*self.command(self.path)) for _ in range(4)]
            for process in started:
                self.settled(process)
            serving = [process for process in started if process.is_alive()]
            self.assertEqual(1, len(serving), "more than one took the place")
            self.assert_serves()
            for process in started:
                if process not in serving:
                    self.assertEqual(1, process.popen.returncode, process.said())
                    self.assertIn(f"{self.path}: ", process.said())
            self.assertEqual((0, ""), (serving[0].stop(), serving[0].said()))


class Refused(Path):
    def test_what_is_no_socket_is_not_touched(self):
        def directory():
            self.path.mkdir()

        def link_to_a_file():
            (self.dir / "file").write_text("precious\n")
            self.path.symlink_to(self.dir / "file")

        def link_to_nothing():
            self.path.symlink_to(self.dir / "nothing")

        def pipe():
            os.mkfifo(self.path)

        for make in (directory, link_to_a_file, link_to_nothing, pipe):
            make()
            before = self.path.lstat()
            self.refused(self.path, "no socket")
            self.assertEqual(before.st_ino, self.path.lstat().st_ino)
            self.path.rename(self.dir / make.__name__)
        self.assertFalse((self.dir / "nothing").exists())

    def test_a_socket_that_another_serves(self):
        other = self.listen(self.path)
        self.refused(self.path, "another process serves it")
        other.accept()[0].close()  # the attempt
        self.assertTrue(self.can_connect(self.path))

    def test_a_socket_whose_server_is_too_busy_to_accept(self):
        other = self.listen(self.path, backlog=0)
        waiting = []
        while True:
            client = socket.socket(socket.AF_UNIX)
            self.addCleanup(client.close)
            client.setblocking(False)
            if client.connect_ex(str(self.path)) != 0:
                break
            waiting.append(client)
        self.refused(self.path, "another process serves it")
        for _ in waiting:
            other.accept()[0].close()
        self.assertTrue(self.can_connect(self.path))

    def test_a_socket_of_another_kind_that_is_served(self):
        """/dev/log is one of datagrams."""
        for kind in (socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
            with self.bound(kind) as other:
                if kind == socket.SOCK_SEQPACKET:
                    other.listen()
                before = self.path.stat().st_ino
                self.refused(self.path)
                self.assertEqual(before, self.path.stat().st_ino)
            self.path.unlink()

    def test_a_served_socket_that_we_may_not_connect_to(self):
        other = self.listen(self.path)
        self.path.chmod(0)
        before = self.path.stat().st_ino
        self.refused(self.path, **self.as_nobody())
        self.assertEqual(before, self.path.stat().st_ino)
        self.path.chmod(0o600)
        self.assertTrue(self.can_connect(self.path))
        other.accept()

    def test_directories_without_a_right(self):
        place = self.dir / "place"
        place.mkdir()
        path = place / "fcgi.sock"
        nobody = self.as_nobody()
        self.addCleanup(place.chmod, 0o755)
        for mode in (0o555, 0o444, 0):
            place.chmod(mode)
            self.refused(path, "Permission denied", **nobody)
        self.assertEqual([], list(place.iterdir()) if nobody else [])
        self.refused(self.dir / "missing" / "fcgi.sock", "No such file")
        file = self.dir / "file"
        file.write_text("precious\n")
        self.refused(file / "fcgi.sock", "Not a directory")
        self.assertEqual("precious\n", file.read_text())

    def test_one_left_behind_that_we_may_not_remove(self):
        self.left_behind()
        place = self.dir / "place"
        place.mkdir()
        moved = place / "fcgi.sock"
        self.path.rename(moved)
        before = moved.stat().st_ino
        place.chmod(0o555)
        self.addCleanup(place.chmod, 0o755)
        self.refused(moved, **self.as_nobody())
        self.assertEqual(before, moved.stat().st_ino)


class Removing(Path):
    def end(self, responder, number=signal.SIGTERM):
        self.assertEqual((0, ""), (responder.stop(number), responder.said()))

    def test_what_others_put_in_its_place_stays(self):
        def another_socket():
            self.listen(self.path)

        def a_file():
            self.path.write_text("precious\n")

        def a_link_to_it():
            self.path.symlink_to(self.dir / "moved")

        for put in (another_socket, a_file, a_link_to_it):
            responder = self.responder()
            self.path.rename(self.dir / "moved")
            put()
            self.assert_serves(self.dir / "moved")
            self.end(responder)
            self.assertTrue(self.path.is_symlink() or self.path.exists())
            self.path.unlink()
            (self.dir / "moved").unlink()

    def test_one_that_is_gone_already(self):
        responder = self.responder()
        self.path.unlink()
        self.end(responder)
        place = self.dir / "place"
        place.mkdir()
        responder = self.responder(socket_path=place / "fcgi.sock")
        place.rename(self.dir / "elsewhere")
        self.assert_serves(self.dir / "elsewhere" / "fcgi.sock")
        self.end(responder)

    def test_a_successor_in_its_place(self):
        """A socket that was moved away frees the path: the old one must not remove the new one."""
        first = self.responder()
        self.path.unlink()
        second = self.responder()
        self.end(first)
        self.assert_serves()
        self.end(second)
        self.assertFalse(self.path.exists())
