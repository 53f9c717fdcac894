"""Plain CGI (RFC 3875): the program run with an environment, and by lighttpd's mod_cgi."""

import base64
import os
import re
import shutil
import socket
import subprocess

import misses
from support import (
    LIMIT,
    METADATA,
    MINIMAL_LINK,
    RESPONDER,
    UNKNOWN,
    UUID,
    TestCase,
    fetch,
    until,
)

BASE64 = base64.b64encode(MINIMAL_LINK.encode())
NOT_FOUND = b"Status: 404 Not Found\r\nContent-Type: text/html\r\n\r\n"
OUTAGE = b"Status: 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 60\r\n\r\n"
HEADERS = b"ETag: %s\r\nCache-Control: private, no-cache\r\nVary: User-Agent, Accept\r\n"
HEADERS += b"".join(f"{name}: {value}\r\n".encode() for name, value in METADATA.items()) + b"\r\n"


class Cgi(TestCase):
    def setUp(self):
        super().setUp()
        misses.fill(self.registry)

    def run_cgi(self, path, method="GET", *args, stdin=b"", env=None, **variables):
        """Runs one request as a web server would; returns the process with its output."""
        variables = {
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_SOFTWARE": "test",
            "SERVER_NAME": "example.org",
            "SERVER_PORT": "443",
            "SCRIPT_NAME": "/signpost.fcgi",
            "REMOTE_ADDR": "192.0.2.1",
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": "",
            **variables,
        }
        env = {**(self.environment if env is None else env), **variables}
        return subprocess.run(
            [str(RESPONDER), *args],
            env={k: v for k, v in env.items() if v is not None},
            input=stdin,
            capture_output=True,
            timeout=LIMIT,
            cwd=self.dir,
        )

    def output(self, *args, **kwargs):
        run = self.run_cgi(*args, **kwargs)
        self.assertEqual((0, b""), (run.returncode, run.stderr))
        return run.stdout

    def etag(self):
        return re.search(rb'^ETag: (".*")\r$', self.output(f"/{UUID}"), re.M)[1]


class Direct(Cgi):
    def setUp(self):
        super().setUp()
        self.compile()

    def test_hits_to_the_byte(self):
        for path in (f"/{UUID}", f"/api/{UUID}", f"/api/{UUID.upper()}"):
            for query, body in (("", BASE64), ("format=links", MINIMAL_LINK.encode())):
                head = b"Status: 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
                head += b"Content-Length: %d\r\n" % len(body)
                got = self.output(path, QUERY_STRING=query)
                etag = re.search(rb'^ETag: ("[0-9a-f]{16}")\r$', got, re.M)[1]
                self.assertEqual(head + HEADERS % etag + body, got)
                got = self.output(path, "HEAD", QUERY_STRING=query)
                self.assertEqual(head + HEADERS % etag, got)

    def test_304_to_the_byte(self):
        etag = self.etag()
        wanted = b"Status: 304 Not Modified\r\n" + HEADERS % etag
        for tags in (etag, b"W/" + etag, b'"x" , ' + etag, b"*"):
            for method in ("GET", "HEAD"):
                got = self.output(f"/{UUID}", method, HTTP_IF_NONE_MATCH=tags.decode())
                self.assertEqual(wanted, got, tags)
        got = self.output(f"/{UUID}", HTTP_IF_NONE_MATCH='"x"')
        self.assertIn(BASE64, got)

    def test_misses_to_the_byte(self):
        for path in (f"/{UNKNOWN}", f"/{misses.BLOCKED}", f"/{misses.OF_EXPIRED}", "", "/", "/api"):
            for method in ("GET", "HEAD"):
                self.assertEqual(NOT_FOUND, self.output(path, method))
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "GETX", ""):
            self.assertEqual(NOT_FOUND, self.output(f"/{UUID}", method))

    def test_a_body_is_ignored(self):
        for size in (1, 100, 500_000):
            body = b"x" * size
            got = self.output(f"/{UUID}", "POST", stdin=body, CONTENT_LENGTH=str(size))
            self.assertEqual(NOT_FOUND, got)
            got = self.output(f"/{UUID}", stdin=body, CONTENT_LENGTH=str(size))
            self.assertTrue(got.endswith(BASE64))

    def test_a_body_on_a_socket_does_not_reset_the_answer(self):
        """As with Apache's mod_cgid, where input and output are one socket."""
        for size in (1, 100, 100_000):
            ours, theirs = socket.socketpair()
            with ours:
                variables = {
                    "GATEWAY_INTERFACE": "CGI/1.1",
                    "REQUEST_METHOD": "GET",
                    "PATH_INFO": f"/{UUID}",
                    "CONTENT_LENGTH": str(size),
                }
                ours.settimeout(LIMIT)
                ours.sendall(b"x" * size)
                with theirs:
                    subprocess.run(
                        [str(RESPONDER)],
                        env={**self.environment, **variables},
                        stdin=theirs,
                        stdout=theirs,
                        timeout=LIMIT,
                        check=True,
                    )
                got = b""
                while piece := ours.recv(65536):
                    got += piece
                self.assertTrue(got.endswith(BASE64))

    def test_arguments_come_from_the_query_and_are_ignored(self):
        """RFC 3875 section 4.4: a query without '=' becomes the program's arguments."""
        stolen = self.dir / "stolen.sock"
        for args in (
            ("--help",),
            ("--version",),
            ("-s", str(stolen)),
            ("-c", "/nonexistent"),
            ("-x",),
            ("a", "b"),
            ("--",),
        ):
            got = self.output(f"/{UUID}", "GET", *args, QUERY_STRING="+".join(args))
            self.assertTrue(got.endswith(BASE64), args)
            self.assertEqual(NOT_FOUND, self.output(f"/{UNKNOWN}", "GET", *args))
        self.assertFalse(stolen.exists())

    def test_other_variables_mean_nothing(self):
        got = self.output(
            f"/{UUID}",
            PATH_TRANSLATED="/etc/passwd",
            REQUEST_URI="/nix",
            SCRIPT_NAME="",
            HTTP_HOST="evil.example",
            HTTP_PROXY="http://192.0.2.1/",
            HTTP_X_HTTP_METHOD_OVERRIDE="DELETE",
            HTTP_RANGE="bytes=0-3",
            HTTP_COOKIE="x" * 100_000,
        )
        self.assertTrue(got.endswith(BASE64))

    def test_missing_variables(self):
        run = self.run_cgi(None)
        self.assertEqual((0, NOT_FOUND), (run.returncode, run.stdout))
        self.assertIn(b"PATH_INFO", run.stderr)
        self.assertTrue(self.output(f"/{UUID}", QUERY_STRING=None).endswith(BASE64))
        run = self.run_cgi(f"/{UUID}", None)
        self.assertEqual((2, b""), (run.returncode, run.stdout))
        self.assertIn(b"--help", run.stderr)

    def test_without_a_gateway_a_request_and_options_go_together(self):
        """For a trial by hand: REQUEST_METHOD=GET PATH_INFO=/… signpost.fcgi -c FILE"""
        settings = self.settings("core: 192.0.2.99\n")
        self.compile()
        del self.environment["SIGNPOST_CONFIG"]
        run = self.run_cgi(f"/{UUID}", "GET", "-c", str(settings), GATEWAY_INTERFACE=None)
        self.assertEqual(NOT_FOUND, run.stdout)
        run = self.run_cgi(f"/{UUID}", "GET", "-s", GATEWAY_INTERFACE=None)
        self.assertEqual((2, b""), (run.returncode, run.stdout))

    def test_an_output_that_cannot_be_written(self):
        env = {**self.environment, "REQUEST_METHOD": "GET", "PATH_INFO": f"/{UUID}"}
        with open("/dev/full", "wb") as full:
            run = subprocess.run([str(RESPONDER)], env=env, stdout=full, timeout=LIMIT)
        self.assertEqual(1, run.returncode)

    def test_closed_standard_descriptors(self):
        """No file of ours may become somebody's stdin or stderr."""
        command = f'exec "{RESPONDER}" <&- 2>&-'
        env = {**self.environment, "REQUEST_METHOD": "GET", "PATH_INFO": f"/{UUID}"}
        run = subprocess.run(["sh", "-c", command], env=env, capture_output=True, timeout=LIMIT)
        self.assertEqual(0, run.returncode)
        self.assertTrue(run.stdout.endswith(BASE64))


class Outage(Cgi):
    def setUp(self):
        super().setUp()
        self.settings("refresh: off\n")

    def test_no_snapshot(self):
        for path in (f"/{UUID}", "/nix"):
            for method in ("GET", "HEAD", "POST"):
                run = self.run_cgi(path, method)
                self.assertEqual((0, OUTAGE), (run.returncode, run.stdout))
                self.assertIn(b"snapshot-", run.stderr)
        self.assertFalse(self.state.exists())  # it compiles nothing itself

    def test_a_snapshot_that_is_none(self):
        self.compile()
        (snapshot,) = self.state.glob("*.cdb")
        whole = snapshot.read_bytes()
        for bad in (b"", whole[:-1], whole[: len(whole) // 2], b"x" * len(whole), whole + b"\0"):
            snapshot.write_bytes(bad)
            run = self.run_cgi(f"/{UUID}")
            self.assertEqual((0, OUTAGE), (run.returncode, run.stdout))
            self.assertIn(b"compile it again", run.stderr)

    def test_wrong_settings(self):
        self.compile()
        for text, place in (
            ("coer: 192.0.2.1\n", b":1:1:"),
            ("core: [\n", b":2:1:"),
            ("- x", b":"),
        ):
            file = self.settings(text)
            run = self.run_cgi(f"/{UUID}")
            self.assertEqual((0, OUTAGE), (run.returncode, run.stdout))
            self.assertIn(bytes(file) + place, run.stderr)
        self.environment["SIGNPOST_CONFIG"] = "/nonexistent/signpost.yaml"
        run = self.run_cgi(f"/{UUID}")
        self.assertEqual((0, OUTAGE), (run.returncode, run.stdout))
        self.assertIn(b"/nonexistent/signpost.yaml: No such file", run.stderr)

    def test_no_uuid_is_said(self):
        for text in (self.run_cgi(f"/{UUID}").stderr, self.run_cgi(f"/api/{UNKNOWN}").stderr):
            self.assertNotIn(UUID[:8].encode(), text)


class ByLighttpd(Cgi):
    CONF = """
server.modules = ( "mod_rewrite", "mod_alias", "mod_cgi", "mod_setenv" )
server.bind = "DIR/web.sock"
server.document-root = "DIR/site"
server.errorlog = "DIR/error.log"
index-file.names = ( "index.html" )
mimetype.assign = ( ".html" => "text/html" )
url.rewrite-once = ( "^/(\\?.*)?$" => "/index.html$1" )
url.rewrite-if-not-file = ( "^(/[^?]*)(\\?.*)?$" => "/.signpost/signpost.fcgi$1$2" )
alias.url = ( "/.signpost/" => "DIR/bin/" )
$HTTP["url"] =~ "^/\\.signpost/" {
    cgi.assign = ( "signpost.fcgi" => "" )
}
setenv.set-environment = ( "SIGNPOST_STATE" => "DIR/state", "SIGNPOST_CONFIG" => "/dev/null" )
server.error-intercept = "enable"
"""

    def setUp(self):
        super().setUp()
        if not shutil.which("lighttpd"):
            self.skipTest("needs the package lighttpd")
        self.compile()
        misses.fill_site(self.dir / "site")
        (self.dir / "bin").mkdir()
        (self.dir / "bin" / "signpost.fcgi").symlink_to(RESPONDER)
        (self.dir / "lighttpd.conf").write_text(self.CONF.replace("DIR", str(self.dir)))
        self.web = self.dir / "web.sock"
        env = {k: v for k, v in os.environ.items() if not k.startswith("SIGNPOST_")}
        server = self.start("lighttpd", "-D", "-f", self.dir / "lighttpd.conf", env=env)
        until(lambda: self.can_connect(self.web) or not server.is_alive(), "lighttpd")
        self.assertTrue(server.is_alive(), server.said())

    def test_hits(self):
        for path in (f"/api/{UUID}", f"/{UUID}"):
            answer = fetch(self.web, path)
            self.assertEqual((200, [MINIMAL_LINK]), (answer.status, answer.links()))
            answer = fetch(self.web, path + "?format=links")
            self.assertEqual((200, MINIMAL_LINK.encode()), (answer.status, answer.body))
            again = fetch(self.web, path + "?format=links", "HEAD", {"If-None-Match": "*"})
            self.assertEqual((304, b""), (again.status, again.body))
        self.assertEqual([MINIMAL_LINK], fetch(self.web, f"/api/{UUID}?--help").links())
        self.assertEqual(b"<title>Bakery</title>\n", fetch(self.web, "/").body)

    def test_misses(self):
        shapes = misses.SHAPES[:1]
        odd = misses.odd_ones(self.web, shapes=shapes, methods=["GET", "HEAD", "POST"])
        self.assertEqual([], odd)
        paths = [f"/api/{UNKNOWN}", "/nix", "/api"]
        self.assertEqual([], misses.odd_ones(self.web, paths=paths))
