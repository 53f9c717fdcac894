"""./demo.sh as somebody runs it who has just cloned this; the shipped server files as they are."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

from ports import free_port
from processes import processes, stat_of
from support import LIMIT, TOP, TestCase, fetch, until

GOLDEN = TOP / "tests" / "golden" / "data-sample.txt"
DEMO_PACKAGES = """
. tests/packages.sh
for package in $build_packages $demo_packages; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
        echo "$package"
done
"""


def session_of(pid):
    """The processes of a session that are alive."""
    stats = ((other, stat_of(other)) for other in processes())
    return [other for other, stat in stats if stat and stat.session == pid]


class Demo(TestCase):
    prints_secrets = ("demo",)  # addresses to try: the job of demo.sh

    def setUp(self):
        super().setUp()
        run = subprocess.run(
            ["bash", "-c", DEMO_PACKAGES], cwd=TOP, capture_output=True, text=True, timeout=LIMIT
        )
        if run.returncode != 0 or run.stdout.strip():
            self.skipTest(f"needs the packages {run.stdout.strip() or 'of a Debian'}")
        self.temporary = self.dir / "tmp"
        self.temporary.mkdir()
        # Whoever has the packages needs neither root nor the network.
        for name in ("apt-get", "sudo"):
            fake = self.dir / "bin" / name
            fake.parent.mkdir(exist_ok=True)
            fake.write_text(f'#!/bin/sh\necho "{name} was called" >&2\nexit 1\n')
            fake.chmod(0o755)

    def demo(self, port):
        env = {
            name: value
            for name, value in os.environ.items()
            # What `make check-asan` says to its own make is not for the demo's.
            if not name.startswith(("MAKE", "MFLAGS", "SIGNPOST_"))
        }
        env.update(
            PORT=str(port),
            TMPDIR=str(self.temporary),
            PATH=f"{self.dir}/bin:{os.environ['PATH']}",
        )
        process = self.start(
            TOP / "demo.sh",
            name="demo",
            env=env,
            cwd="/",
            start_new_session=True,
            # What is ignored at the start of a shell cannot be trapped there.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.addCleanup(self.end_session, process.pid)
        return process

    def end_session(self, pid):
        for left in session_of(pid):
            os.kill(left, signal.SIGKILL)

    def assert_nothing_left(self, process):
        until(lambda: not session_of(process.pid), f"the end of {session_of(process.pid)}")
        self.assertEqual([], list(self.temporary.iterdir()))
        self.assertNotIn("was called", process.said())

    def serving(self):
        port = free_port()
        process = self.demo(port)
        until(lambda: "until Ctrl-C" in process.said() or not process.is_alive(), "the demo")
        self.assertTrue(process.is_alive(), process.said())
        return process, port

    def test_every_address_and_its_links(self):
        process, port = self.serving()
        said = process.said()
        wanted = GOLDEN.read_text().rstrip("\n").split("\n")
        got = [
            line.replace(f"http://127.0.0.1:{port}/api/", "")
            for line in said.split("\n")
            if line.startswith(("http://", "    "))
        ]
        refusals = [line for line in got if line.startswith("    404: ")]
        self.assertEqual(
            [
                "    404: the device is not active",
                "    404: the user has expired",
                "    404: the user has no core_nodes",
            ],
            sorted(refusals),
        )
        self.assertEqual(wanted, [re.sub(r"^    404: .*", "    404", line) for line in got])
        self.assertIn(f"Serving on http://127.0.0.1:{port}/ until Ctrl-C", said)
        uuid = re.search("vless://(.*?)@", said)[1]
        for path, status in (("/", 200), (f"/api/{uuid}", 200), ("/nix", 404)):
            self.assertEqual(status, fetch(port, path).status)
        os.killpg(process.pid, signal.SIGINT)
        self.assertEqual(0, process.popen.wait(LIMIT))
        self.assert_nothing_left(process)

    def test_other_ends(self):
        for send in (
            lambda pid: os.kill(pid, signal.SIGTERM),  # `kill` of the script alone
            lambda pid: os.killpg(pid, signal.SIGHUP),  # the terminal has gone
        ):
            process, _ = self.serving()
            send(process.pid)
            process.popen.wait(LIMIT)
            self.assert_nothing_left(process)

    def test_a_server_that_ends(self):
        process, _ = self.serving()
        for pid in session_of(process.pid):
            try:
                command = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
            except OSError:  # curl or sed of a moment ago
                continue
            if command == "signpost.fcgi":
                os.kill(pid, signal.SIGKILL)
        self.assertEqual(1, process.popen.wait(LIMIT))
        self.assertIn("A server has ended", process.said())
        self.assert_nothing_left(process)

    def test_a_taken_port(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            process = self.demo(port)
            self.assertEqual(1, process.popen.wait(LIMIT))
        self.assertIn(f"Port {port} is taken. Choose another: PORT=", process.said())
        self.assert_nothing_left(process)

    def test_a_wrong_port(self):
        for port in ("http", "-1", "80 80", "0x50", "1.5"):
            process = self.demo(port)
            self.assertEqual(2, process.popen.wait(LIMIT))
            self.assertIn(f"PORT={port} is not a number", process.said())
            self.assert_nothing_left(process)
        for port in ("0", "65536", "99999999999"):
            process = self.demo(port)
            self.assertNotEqual(0, process.popen.wait(LIMIT))
            self.assertRegex(process.said(), "could not start|is not a")
            self.assert_nothing_left(process)


class ServerFiles(TestCase):
    """In a directory like a checkout: run/, site/ and build/ are there."""

    def setUp(self):
        super().setUp()
        (self.dir / "run").mkdir()
        (self.dir / "site").symlink_to(TOP / "site")
        (self.dir / "build").symlink_to(TOP / "build")
        for name in ("nginx-fcgi.conf", "lighttpd.conf"):
            (self.dir / name).symlink_to(TOP / name)

    def assert_accepted(self, package, *command):
        if not shutil.which(command[0]):
            self.skipTest(f"needs the package {package}")
        run = subprocess.run(
            [str(word) for word in command],
            cwd=self.dir,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        self.assertNotIn("warn", run.stderr.replace(str(self.dir), "").lower())

    def test_nginx(self):
        self.assert_accepted("nginx", "nginx", "-t", "-p", self.dir, "-c", "nginx-fcgi.conf")

    def test_lighttpd(self):
        self.assert_accepted("lighttpd", "lighttpd", "-tt", "-f", "lighttpd.conf")

    def test_what_must_be_changed_is_marked(self):
        """Paths, addresses and ports of a trial; each is on a line that says CHANGE."""
        for name in ("nginx-fcgi.conf", "lighttpd.conf"):
            for line in (TOP / name).read_text().split("\n"):
                code = line.partition("#")[0]
                if re.search(r"127\.0\.0\.1|8080|signpost\.sock|\bsite\b|bin-path", code):
                    if "lighttpd-signpost.sock" not in code:
                        self.assertIn("CHANGE", line, name)
