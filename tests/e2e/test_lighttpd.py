"""The shipped lighttpd.conf: lighttpd starts the responder and puts its own page for a miss."""

import base64
import os
import pathlib
import shutil
import signal

import misses
from processes import children, stat_of
from support import (
    BUILD,
    METADATA,
    MINIMAL_LINK,
    TOP,
    UNKNOWN,
    UUID,
    TestCase,
    UnixConnection,
    fetch,
    until,
)

STOCK = """
server.bind = "DIR/stock.sock"
server.tag = "lighttpd"
server.document-root = "DIR/site"
server.errorlog = "DIR/run/stock-error.log"
index-file.names = ( "index.html" )
mimetype.assign = ( ".html" => "text/html", ".svg" => "image/svg+xml" )
"""

# Where the file hands requests on to: nobody has to know, but it is public.
INNER = [
    "/.signpost",
    "/.signpost/",
    "/.signpostx",
    "/.signpost/nix",
    f"/.signpost/api/{UNKNOWN}",
    f"/.signpostx/api/{UUID}",
    f"/.signpost-{UUID}/api/{UUID}?format=links",
    f"/%2esignpost%78/{UUID}",
    f"/.signpost.signpost/{UUID}",
    f"/.signpost/.signpost/api/{UUID}",
    "/.signpost/index.html",
    "/%2esignpost/nix",
    "/.signpost?x",
]


class Lighttpd(TestCase):
    """A prefix directory as the file wants it, with links to what a checkout has."""

    def setUp(self):
        super().setUp()
        if not shutil.which("lighttpd"):
            self.skipTest("needs the package lighttpd")
        (self.dir / "run").mkdir()
        (self.dir / "build").symlink_to(BUILD)
        self.web = self.dir / "web.sock"
        misses.fill(self.registry)
        misses.fill_site(self.dir / "site")

    def lighttpd(self, text=None, name="lighttpd", listens=None):
        if text is None:
            shipped = (TOP / "lighttpd.conf").read_text()
            text = shipped.replace('server.bind = "127.0.0.1"', f'server.bind = "{self.web}"')
            self.assertNotEqual(shipped, text)
        (self.dir / f"{name}.conf").write_text(text)
        process = self.start("lighttpd", "-D", "-f", f"{name}.conf", name=name)
        listens = listens or self.web
        until(lambda: self.can_connect(listens) or not process.is_alive(), "lighttpd")
        self.assertTrue(process.is_alive(), process.said())
        self.addCleanup(self.end, process)
        fetch(listens, misses.PLAIN)  # what it starts has started when this is answered
        return process

    def end(self, server):
        """Stops it and waits for what it has started: it does not."""
        family = children(server.pid, "signpost.fcgi")
        for pid in list(family):
            family += children(pid, "signpost")
        server.stop()
        until(lambda: not any(map(stat_of, family)), "the end")

    def fetch(self, path, *args, **kwargs):
        return fetch(self.web, path, *args, **kwargs)


class Hits(Lighttpd):
    def setUp(self):
        super().setUp()
        self.compile()

    def test_links(self):
        self.lighttpd()
        for address in (f"/api/{UUID}", f"/{UUID}", f"/api/{UUID.upper()}"):
            answer = self.fetch(address)
            self.assertEqual((200, [MINIMAL_LINK]), (answer.status, answer.links()))
            answer = self.fetch(address + "?format=links")
            self.assertEqual((200, MINIMAL_LINK.encode()), (answer.status, answer.body))

    def test_headers(self):
        self.lighttpd()
        body = base64.b64encode(MINIMAL_LINK.encode())
        for method in ("GET", "HEAD"):
            answer = self.fetch(f"/api/{UUID}", method)
            headers = dict(answer.headers)
            self.assertRegex(headers.pop("ETag"), r'^"[0-9a-f]+"$')
            self.assertTrue(headers.pop("Date"))
            self.assertEqual(
                {
                    "Server": "lighttpd",
                    "Content-Type": "text/plain; charset=utf-8",
                    "Content-Length": str(len(body)),
                    "Accept-Ranges": "bytes",
                    "Cache-Control": "private, no-cache",
                    "Vary": "User-Agent, Accept",
                    **METADATA,
                },
                headers,
            )
            self.assertEqual(body if method == "GET" else b"", answer.body)

    def test_304(self):
        self.lighttpd()
        etag = self.fetch(f"/api/{UUID}").header("ETag")
        for tags in (etag, "W/" + etag, f'"x", W/"y",{etag}', "*"):
            answer = self.fetch(f"/api/{UUID}", "GET", {"If-None-Match": tags})
            self.assertEqual((304, b"", etag), (answer.status, answer.body, answer.header("ETag")))
        self.assertEqual(200, self.fetch(f"/api/{UUID}", "GET", {"If-None-Match": '"x"'}).status)

    def test_other_request_headers_change_nothing(self):
        self.lighttpd()
        plain = self.fetch(f"/api/{UUID}")
        for headers in (
            {"Accept-Encoding": "gzip, deflate, br, zstd"},
            {"User-Agent": "x" * 2000, "Cookie": "a=b" * 500},
            {"If-Modified-Since": "Sat, 01 Jan 2050 00:00:00 GMT"},
            {"Proxy": "http://192.0.2.1/", "Path-Info": "/nix"},
        ):
            answer = self.fetch(f"/api/{UUID}", "GET", headers)
            self.assertEqual((200, plain.body), (answer.status, answer.body), headers)
        # lighttpd cuts a range out of any answer; whoever asks for one knows what it is.
        part = self.fetch(f"/api/{UUID}", "GET", {"Range": "bytes=4-7"})
        self.assertEqual((206, plain.body[4:8]), (part.status, part.body))

    def test_the_decoy(self):
        self.lighttpd()
        for path, page in (
            ("/", "index.html"),
            ("/?x=y", "index.html"),
            ("/index.html", "index.html"),
            ("/about/index.html", "about/index.html"),
            ("/img/logo.svg", "img/logo.svg"),
        ):
            answer = self.fetch(path)
            wanted = (self.dir / "site" / page).read_bytes()
            self.assertEqual((200, wanted), (answer.status, answer.body), path)

    def test_a_blocked_device_is_a_404_at_the_next_poll(self):
        self.lighttpd()
        connection = UnixConnection(self.web)
        self.assertEqual(200, fetch(connection, f"/api/{UUID}").status)
        self.registry.device(status="blocked")
        until(lambda: fetch(connection, f"/api/{UUID}").status == 404, "the 404")


class Misses(Lighttpd):
    def setUp(self):
        super().setUp()
        self.compile()
        self.lighttpd()
        self.stock = self.dir / "stock.sock"
        self.lighttpd(STOCK.replace("DIR", str(self.dir)), "stock", self.stock)

    def test_they_are_those_of_a_page_that_is_not_there(self):
        self.assertEqual([], misses.odd_ones(self.web, paths=misses.PATHS + INNER))

    def test_they_are_those_of_a_server_without_signpost(self):
        # Of a directory stock lighttpd says that it is one, of a page that nothing is behind it.
        paths = [p for p in misses.PATHS if not p.startswith(("/img", "/index.html/"))]
        self.assertEqual([], misses.odd_ones(self.web, self.stock, paths=paths + INNER))
        names = {name for name, _ in self.fetch(misses.PLAIN).headers}
        self.assertEqual({"Content-Type", "Content-Length", "Date", "Server"}, names)

    def test_rare_methods_find_nothing_either(self):
        methods = ["TRACE", "CONNECT", "MKCOL", "PRI", "get"]
        paths = [f"/api/{UNKNOWN}", "/nix", "/api", *INNER]
        shapes = misses.SHAPES[:1]
        for other in (None, self.stock):
            odd = misses.odd_ones(self.web, other, paths=paths, methods=methods, shapes=shapes)
            self.assertEqual([], odd)

    def test_what_is_not_even_a_path(self):
        paths = ["/../x", "/%00", f"/api/{UUID}%00", f"/api/{UUID}%0a", "/%zz", "*", "nix", "/a b"]
        paths += ["/" + "a" * n for n in (5000, 7000, 8000, 8100, 9000)]
        paths += ["/" + "%61" * 2600, "/?" + "a" * 8000, "/" + "a/" * 4000]
        odd = misses.odd_ones(self.web, self.stock, paths=paths, shapes=misses.SHAPES[:1])
        self.assertEqual([], odd)

    def test_on_a_kept_connection(self):
        last = misses.request("GET", misses.PLAIN)
        for method, body in (("GET", b""), ("HEAD", b""), ("POST", b"x" * 100)):
            wanted = None
            for path in [misses.PLAIN, *misses.PATHS]:
                first = misses.request(method, path, body=body, close=False)
                got = misses.masked(misses.talk(self.web, first + last))
                wanted = wanted or got
                self.assertEqual(wanted, got, (method, path))


class Supervision(Lighttpd):
    def test_a_killed_responder_is_started_again(self):
        server = self.lighttpd()
        until(lambda: self.fetch(f"/api/{UUID}").status == 200, "the first snapshot")
        for number in (signal.SIGKILL, signal.SIGTERM):
            (old,) = children(server.pid, "signpost.fcgi")
            os.kill(old, number)
            until(lambda: self.fetch(f"/api/{UUID}").status == 200, "the links")
            (new,) = children(server.pid, "signpost.fcgi")
            self.assertNotEqual(old, new)
        self.assertEqual(200, self.fetch("/").status)

    def test_an_outage_is_a_503(self):
        """No data and no snapshot: the responder runs and has nothing to say.

        lighttpd 1.4.69 puts a page of its own for this one too, and Retry-After is lost by it.
        """
        del self.environment["SIGNPOST_DATA"]
        self.lighttpd()
        for path in (f"/api/{UUID}", "/nix", "/api"):
            for method in ("GET", "HEAD", "DELETE"):
                answer = self.fetch(path, method)
                self.assertEqual(503, answer.status)
                self.assertNotIn(b"vless", answer.body)
        self.assertEqual(b"<title>Bakery</title>\n", self.fetch("/").body)

    def test_nothing_is_left_behind(self):
        server = self.lighttpd()
        until(lambda: self.fetch(f"/api/{UUID}").status == 200, "the first snapshot")
        (responder,) = children(server.pid, "signpost.fcgi")
        (refresher,) = children(responder, "signpost")
        server.stop()
        for pid in (responder, refresher):
            until(lambda pid=pid: not stat_of(pid), "the end")

    def test_no_uuid_is_logged(self):
        server = self.lighttpd()
        until(lambda: self.fetch(f"/api/{UUID}").status == 200, "the first snapshot")
        (old,) = children(server.pid, "signpost.fcgi")
        os.kill(old, signal.SIGKILL)
        until(lambda: self.fetch(f"/api/{UUID}").status == 200, "the links")
        self.fetch(f"/api/{UNKNOWN}")
        logs = [*(self.dir / "run").rglob("*"), *self.dir.glob("*.log")]
        said = {str(log): log.read_bytes().lower() for log in logs if log.is_file()}
        self.assertEqual([], [log for log in said if UUID[:8].encode() in said[log]])

    def test_no_token_is_logged(self):
        """Whatever lighttpd has to say of requests, while nobody answers them."""
        token = misses.TOKEN
        self.assert_no_outage_names_a_token(
            f"/api/{token}", f"/{token}/clash", f"/api/{token}?x", f"/api/{token}%20x"
        )

    def test_no_token_behind_another_spelling_is_logged(self):
        token = misses.TOKEN
        self.assert_no_outage_names_a_token(
            f"/.signpostx/api/{token}", f"/.signpost-{token}", f"/.signpost/{token}"
        )

    def assert_no_outage_names_a_token(self, *paths):
        (self.dir / "build").unlink()
        (self.dir / "build").mkdir()
        program = shutil.copy(BUILD / "signpost.fcgi", self.dir / "build")
        shutil.copy(BUILD / "signpost", self.dir / "build")
        server = self.lighttpd()
        until(lambda: self.fetch(f"/api/{misses.TOKEN}").status == 200, "the first snapshot")
        (old,) = children(server.pid, "signpost.fcgi")
        pathlib.Path(program).unlink()
        os.kill(old, signal.SIGKILL)
        until(lambda: {self.fetch(path).status for path in paths} == {503}, "the outage")
        log = self.dir / "run" / "lighttpd-error.log"
        until(lambda: "/.signpost" in log.read_text(), "a line about it")
        self.assertNotIn(misses.TOKEN, log.read_text())
