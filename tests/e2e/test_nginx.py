"""The shipped nginx-fcgi.conf: hits, misses that look like any other, changes at the next poll."""

import base64
import gzip
import os
import shutil

import misses
from processes import children
from support import (
    METADATA,
    MINIMAL_LINK,
    SERVICE,
    UNKNOWN,
    UUID,
    TestCase,
    UnixConnection,
    fetch,
    shipped,
    until,
)

# What an operator would have without Signpost.
STOCK = """
pid run/stock.pid;
error_log run/stock-error.log;
daemon off;
events { }
http {
    types { text/html html; image/svg+xml svg; }
    default_type application/octet-stream;
    server_tokens off;
    access_log off;
    client_body_temp_path run/body;
    fastcgi_temp_path run/fastcgi;
    proxy_temp_path run/proxy;
    uwsgi_temp_path run/uwsgi;
    scgi_temp_path run/scgi;
    server {
        listen unix:DIR/stock.sock;
        root site;
        location / { try_files $uri $uri/index.html =404; }
    }
}
"""


class Nginx(TestCase):
    """A registry with every kind of miss, a decoy, and nginx in front of run/signpost.sock."""

    def setUp(self):
        super().setUp()
        if not shutil.which("nginx"):
            self.skipTest("needs the package nginx")
        (self.dir / "run").mkdir()
        self.socket = self.dir / "run" / "signpost.sock"
        self.web = self.dir / "web.sock"
        misses.fill(self.registry)
        misses.fill_site(self.dir / "site")

    def nginx(self, text=None, name="nginx", listens=None, limits=False):
        """Starts nginx, ready when this returns, by default as it is shipped but for `listen`.

        And but for the limits, since the tests ask more often than anybody should.
        """
        if text is None:
            as_it_is = shipped("nginx-fcgi.conf", limits)
            text = as_it_is.replace("listen 127.0.0.1:8080;", f"listen unix:{self.web};")
            self.assertNotEqual(as_it_is, text)
        (self.dir / f"{name}.conf").write_text(text)
        # Workers of another user would not reach sockets in this directory.
        user = ["-g", "user root;"] if os.geteuid() == 0 else []
        process = self.start(
            "nginx", "-e", "stderr", "-p", self.dir, "-c", f"{name}.conf", *user, name=name
        )
        listens = listens or self.web
        # It has workers when it listens everywhere.
        is_ready = lambda: self.can_connect(listens) and children(process.pid, "nginx")  # noqa: E731
        until(lambda: is_ready() or not process.is_alive(), "nginx")
        self.assertTrue(process.is_alive(), process.said())
        return process

    def serve(self, **kwargs):
        self.compile()
        responder = self.responder(socket_path=self.socket, **kwargs)
        self.nginx()
        return responder

    def fetch(self, path, *args, **kwargs):
        return fetch(self.web, path, *args, **kwargs)


class Hits(Nginx):
    def setUp(self):
        super().setUp()
        self.serve()

    def test_links_at_every_address_and_in_both_formats(self):
        for address in (f"/api/{UUID}", f"/{UUID}", f"/api/{UUID.upper()}"):
            answer = self.fetch(address)
            self.assertEqual((200, [MINIMAL_LINK]), (answer.status, answer.links()))
            answer = self.fetch(address + "?format=links")
            self.assertEqual((200, MINIMAL_LINK.encode()), (answer.status, answer.body))
            answer = self.fetch(address + "?format=base64&x=y")
            self.assertEqual([MINIMAL_LINK], answer.links())

    def test_headers_are_exactly_these(self):
        body = base64.b64encode(MINIMAL_LINK.encode())
        for method in ("GET", "HEAD"):
            answer = self.fetch(f"/api/{UUID}", method)
            headers = dict(answer.headers)
            self.assertRegex(headers.pop("ETag"), r'^"[0-9a-f]+"$')
            self.assertTrue(headers.pop("Date"))
            self.assertEqual(
                {
                    "Server": "nginx",
                    "Content-Type": "text/plain; charset=utf-8",
                    "Content-Length": str(len(body)),
                    "Connection": "keep-alive",
                    "Cache-Control": "private, no-cache",
                    "Vary": "User-Agent, Accept",
                    **METADATA,
                },
                headers,
            )
            self.assertEqual(body if method == "GET" else b"", answer.body)

    def test_304(self):
        first = self.fetch(f"/api/{UUID}")
        etag = first.header("ETag")
        for tags in (etag, "W/" + etag, f'"x", W/"y",{etag}', "*"):
            for method in ("GET", "HEAD"):
                answer = self.fetch(f"/api/{UUID}", method, {"If-None-Match": tags})
                self.assertEqual((304, b""), (answer.status, answer.body), tags)
                self.assertEqual(
                    (etag, "private, no-cache", "User-Agent, Accept"),
                    tuple(answer.header(n) for n in ("ETag", "Cache-Control", "Vary")),
                )
                self.assertIsNone(answer.header("Content-Type"))
        for tags in ('"x"', etag.strip('"'), '""', 'W/"x", "y"'):
            self.assertEqual(200, self.fetch(f"/api/{UUID}", "GET", {"If-None-Match": tags}).status)
        # Another format is another thing.
        other = self.fetch(f"/api/{UUID}?format=links", "GET", {"If-None-Match": etag})
        self.assertEqual(200, other.status)
        self.assertNotEqual(etag, other.header("ETag"))

    def test_other_request_headers_change_nothing(self):
        plain = self.fetch(f"/api/{UUID}")
        for headers in (
            {"Range": "bytes=0-3"},
            {"Range": "bytes=0-3", "If-Range": plain.header("ETag")},
            {"Accept-Encoding": "gzip, deflate, br, zstd"},
            {"User-Agent": "v2rayNG/1.8.5", "Accept": "*/*"},
            {"User-Agent": "x" * 2000, "Accept": "", "Cookie": "a=b" * 500},
            {"If-Modified-Since": "Sat, 01 Jan 2050 00:00:00 GMT"},
            {"If-Match": '"x"'},
            {"Proxy": "http://192.0.2.1/", "X-Forwarded-For": "192.0.2.1", "Path-Info": "/nix"},
        ):
            answer = self.fetch(f"/api/{UUID}", "GET", headers)
            self.assertEqual((200, plain.body), (answer.status, answer.body), headers)
            self.assertEqual(plain.header("ETag"), answer.header("ETag"))

    def test_http_1_0(self):
        answer = misses.talk(self.web, misses.request("GET", f"/api/{UUID}", "1.0"))
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertIn(b" 200 OK\r\n", head)
        self.assertNotIn(b"chunked", head)
        self.assertEqual(base64.b64encode(MINIMAL_LINK.encode()), body)

    def test_the_decoy(self):
        for path, page in (
            ("/", "index.html"),
            ("/index.html", "index.html"),
            ("/?x=y", "index.html"),
            ("/about", "about/index.html"),
            ("/about/", "about/index.html"),
            ("/img/logo.svg", "img/logo.svg"),
        ):
            answer = self.fetch(path)
            wanted = (self.dir / "site" / page).read_bytes()
            self.assertEqual((200, wanted), (answer.status, answer.body), path)

    def test_one_connection_for_all_kinds_of_requests(self):
        connection = UnixConnection(self.web)
        for _ in range(3):
            self.assertEqual(200, fetch(connection, f"/api/{UUID}").status)
            self.assertEqual(404, fetch(connection, f"/api/{UNKNOWN}").status)
            self.assertEqual(
                404, fetch(connection, f"/api/{UUID}", "POST", body=b"x" * 9000).status
            )
            self.assertEqual(200, fetch(connection, "/").status)
            self.assertEqual(200, fetch(connection, f"/{UUID}", "HEAD").status)


class CompressedHits(Nginx):
    def test_a_weakened_etag_still_gives_304(self):
        self.compile()
        self.responder(socket_path=self.socket)
        conf = shipped("nginx-fcgi.conf")
        conf = conf.replace("listen 127.0.0.1:8080;", f"listen unix:{self.web};")
        on = "gzip on; gzip_types text/plain; gzip_min_length 1; gzip_proxied any;"
        self.nginx(conf.replace("server_tokens off;", "server_tokens off; " + on))
        answer = self.fetch(f"/api/{UUID}", "GET", {"Accept-Encoding": "gzip"})
        self.assertEqual("gzip", answer.header("Content-Encoding"))
        self.assertEqual(MINIMAL_LINK.encode(), base64.b64decode(gzip.decompress(answer.body)))
        etag = answer.header("ETag")
        self.assertTrue(etag.startswith("W/"))
        again = self.fetch(
            f"/api/{UUID}", "GET", {"Accept-Encoding": "gzip", "If-None-Match": etag}
        )
        self.assertEqual(304, again.status)


class Misses(Nginx):
    def test_they_are_those_of_a_server_without_signpost(self):
        """The table of misses.py twice: against a page that is not there, and a stock nginx."""
        self.serve()
        stock = self.dir / "stock.sock"
        self.nginx(STOCK.replace("DIR", str(self.dir)), "stock", stock)
        self.assertEqual([], misses.odd_ones(self.web))
        self.assertEqual([], misses.odd_ones(self.web, stock))
        answer = self.fetch(misses.PLAIN)
        self.assertEqual(404, answer.status)
        self.assertEqual(
            {"Server", "Date", "Content-Type", "Content-Length", "Connection"},
            {name for name, _ in answer.headers},
        )

    def test_what_is_not_even_a_path(self):
        self.serve()
        stock = self.dir / "stock.sock"
        self.nginx(STOCK.replace("DIR", str(self.dir)), "stock", stock)
        paths = ["/../x", "/%00", f"/api/{UUID}%00", "/%zz", "*", "nix", "http://x/api/x"]
        paths += [f"/api/{UUID}%0a", "/" + "a" * 8150, "/" + "a" * 9000, "/?" + "a" * 8150]
        odd = misses.odd_ones(
            self.web, stock, paths=paths, methods=[*misses.METHODS, "TRACE", "CONNECT", "get"]
        )
        self.assertEqual([], odd)

    def test_headers_as_large_as_nginx_takes_them(self):
        self.serve()
        stock = self.dir / "stock.sock"
        self.nginx(STOCK.replace("DIR", str(self.dir)), "stock", stock)
        for less in range(0, 200, 8):
            request = misses.request(
                "GET",
                "/" + "a" * (8177 - less),
                lines=[
                    "User-Agent: " + "u" * (8178 - less),
                    "Accept: " + "v" * (8182 - less),
                    "If-None-Match: " + "w" * (8175 - less),
                ],
            )
            got, wanted = (misses.masked(misses.talk(at, request)) for at in (self.web, stock))
            self.assertEqual(wanted, got, less)

    def test_on_a_kept_connection(self):
        self.serve()
        last = misses.request("GET", misses.PLAIN)
        for method, lines, body in (
            ("GET", [], b""),
            ("HEAD", [], b""),
            ("POST", [], b"x" * 100),
            ("PUT", ["Expect: 100-continue"], b"x" * 100),
        ):
            wanted = None
            for path in [misses.PLAIN, *misses.PATHS]:
                first = misses.request(method, path, "1.1", lines, body, close=False)
                got = misses.masked(misses.talk(self.web, first + last))
                wanted = wanted or got
                self.assertEqual(wanted, got, (method, path))

    def test_a_chunked_body(self):
        self.serve()
        head = (
            "POST {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        body = "64\r\n" + "x" * 100 + "\r\n0\r\n\r\n"
        wanted = misses.masked(misses.talk(self.web, (head.format(misses.PLAIN) + body).encode()))
        self.assertEqual(404, misses.status(wanted))
        for path in [f"/api/{UUID}", *misses.PATHS]:
            got = misses.masked(misses.talk(self.web, (head.format(path) + body).encode()))
            self.assertEqual(wanted, got, path)


class TwoSteps(Nginx):
    def test_a_blocked_device_is_a_404_at_the_next_poll(self):
        self.serve(refresh=True)
        connection = UnixConnection(self.web)
        self.assertEqual(200, fetch(connection, f"/api/{UUID}").status)
        self.registry.device(status="blocked")
        until(lambda: fetch(connection, f"/api/{UUID}").status == 404, "the 404")
        self.registry.device(status="active")
        until(lambda: fetch(connection, f"/api/{UUID}").status == 200, "the links")

    def test_a_rotated_path_comes_with_a_new_etag(self):
        self.serve(refresh=True)
        etag = self.fetch(f"/api/{UUID}").header("ETag")
        self.registry.route(client_service_name="api.v2.rpc.ffffffffffffffff")

        def changed():
            answer = self.fetch(f"/api/{UUID}", "GET", {"If-None-Match": etag})
            return answer if answer.status != 304 else None

        answer = until(changed, "a new answer")
        link = MINIMAL_LINK.replace(SERVICE, "api.v2.rpc.ffffffffffffffff")
        self.assertEqual((200, [link]), (answer.status, answer.links()))
