"""The parts of nginx-fcgi.conf that INSTALL says to copy, in an nginx as Debian sets it up.

That one logs every request, and every failure with its request line.
"""

import re
import socket

import misses
from support import MINIMAL_LINK, TOP, UNKNOWN, UUID, fetch, until
from test_nginx import Nginx

# /etc/nginx/nginx.conf of Debian 12 and its default site; DIR is the test's directory.
DEBIAN = """
worker_processes auto;
pid DIR/nginx.pid;
error_log DIR/log/error.log;
daemon off;
events {
    worker_connections 768;
}
http {
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
    ssl_prefer_server_ciphers on;
    access_log DIR/log/access.log;
    gzip on;
    include DIR/conf.d/*.conf;
    include DIR/sites-enabled/*;
}
"""
DEFAULT_SITE = """
server {
    listen unix:DIR/default.sock default_server;
    root DIR/site;
    server_name _;
    location / { try_files $uri $uri/ =404; }
}
"""
TOKEN = misses.TOKEN
ADDRESSES = [f"/api/{UUID}", f"/{UUID}?format=links", f"/api/{UUID.upper()}", f"/api/{TOKEN}",
             f"/{TOKEN}/clash", f"/api/{UNKNOWN}", f"/{misses.ENDED}", f"/api/{UUID}%0a", f"//{UUID}"]  # fmt: skip


def parts():
    """What is to be copied: part 1 and part 2."""
    text = (TOP / "nginx-fcgi.conf").read_text()
    return re.search(
        r"(?s)\n( *# -+ Part 1 of 2: .*)(\n *# -+ Part 2 of 2: .*)\n *# -+ The end of part 2 -", text
    ).groups()


class Installed(Nginx):
    def setUp(self):
        super().setUp()
        for name in ("log", "conf.d", "sites-enabled"):
            (self.dir / name).mkdir()
        changes = {
            "listen 127.0.0.1:8080;": f"listen unix:{self.web};",
            "unix:run/signpost.sock;": f"unix:{self.socket};",
            "error_log run/nginx-error.log alert;": f"error_log {self.dir}/log/own.log alert;",
            "root site;": f"root {self.dir}/site;",
            "rate=1r/s;": "rate=1r/m;",  # no place comes back while a test lasts
        }
        first, second = parts()
        for old, new in changes.items():
            self.assertIn(old, first + second)
            first, second = first.replace(old, new), second.replace(old, new)
        (self.dir / "conf.d" / "signpost.conf").write_text(first)
        (self.dir / "sites-enabled" / "signpost").write_text(second)
        site = DEFAULT_SITE.replace("DIR", str(self.dir))
        (self.dir / "sites-enabled" / "default").write_text(site)
        self.nginx(DEBIAN.replace("DIR", str(self.dir)))

    def ask_for_everything(self):
        """Each address by a few methods, and one so often that it is limited."""
        for path in ADDRESSES:
            for method in ("GET", "HEAD", "POST"):
                self.fetch(path, method)
        for path in (f"/api/{UUID}", f"/api/{TOKEN}", f"/api/{UNKNOWN}"):
            data = misses.request("GET", path, close=False) * 99 + misses.request("GET", path)
            misses.talk(self.web, data)

    def assert_nothing_is_logged(self):
        """Nothing at all of this server; and of the other one, as the control, everything."""
        fetch(self.dir / "default.sock", "/there-is-no-such-page")
        log = self.dir / "log"
        said = until(lambda: (log / "access.log").read_text(), "the other server's line")
        self.assertRegex(said, r'^[^\n]*"GET /there-is[^\n]*\n$')
        self.assertEqual("", (log / "error.log").read_text())
        self.assertEqual("", (log / "own.log").read_text())

    def test_hits_misses_and_limits(self):
        self.compile()
        self.responder(socket_path=self.socket)
        answer = self.fetch(f"/{UUID}?format=links")
        self.assertEqual((200, MINIMAL_LINK.encode()), (answer.status, answer.body))
        self.assertEqual(200, self.fetch(f"/api/{TOKEN}").status)
        self.ask_for_everything()
        for lines in ([], ["Accept-Encoding: gzip"]):
            wanted = misses.talk(self.web, misses.request("GET", "/fresh", lines=lines))
            self.assertEqual(404, misses.status(wanted))
            for path in (f"/api/{UUID}", f"/api/{TOKEN}", f"/api/{UNKNOWN}"):
                misses.talk(self.web, misses.request("GET", path, close=False) * 9
                            + misses.request("GET", path))  # fmt: skip
                got = misses.talk(self.web, misses.request("GET", path, lines=lines))
                self.assertEqual(misses.masked(wanted), misses.masked(got))
        self.assert_nothing_is_logged()

    def test_no_socket(self):
        self.assertEqual(503, self.fetch(f"/api/{UUID}").status)
        self.ask_for_everything()
        self.assert_nothing_is_logged()

    def test_nobody_at_the_socket(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(self.socket))
        self.assertEqual(503, self.fetch(f"/api/{TOKEN}").status)
        self.ask_for_everything()
        self.assert_nothing_is_logged()

    def test_the_responder_has_gone(self):
        self.compile()
        responder = self.responder(socket_path=self.socket)
        self.assertEqual(200, self.fetch(f"/api/{TOKEN}").status)
        responder.stop()
        self.assertEqual(503, self.fetch(f"/api/{TOKEN}").status)
        self.ask_for_everything()
        self.assert_nothing_is_logged()
