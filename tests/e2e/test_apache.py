"""Apache by mod_proxy_fcgi, mod_fcgid and plain CGI, with the configurations that INSTALL gives."""

import base64
import contextlib
import os
import pathlib
import shutil
import signal
import socket

import misses
from ports import free_port
from processes import processes
from support import METADATA, MINIMAL_LINK, RESPONDER, UNKNOWN, UUID, TestCase, fetch, until

MODULES = pathlib.Path("/usr/lib/apache2/modules")

# The server, as any installation has it, with Debian's logs. DIR is the test's directory.
SERVER = """
ServerRoot DIR
ServerName example.org
Listen 127.0.0.1:PORT
PidFile DIR/run/apache-PORT.pid
Mutex file:DIR/run default
ErrorLog DIR/run/apache-PORT.log
LogLevel warn
LogFormat '%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"' vhost_combined
CustomLog DIR/run/other_vhosts_access.log vhost_combined
ServerTokens Prod
ServerSignature Off
TraceEnable off
DocumentRoot DIR/site
DirectoryIndex index.html
TypesConfig /etc/mime.types
<Directory />
    AllowOverride None
    Require all denied
</Directory>
<Directory DIR/site>
    Require all granted
</Directory>
"""

# Of the host, so that no log holds an address.
QUIET = """
LogLevel alert
CustomLog /dev/null "-"
"""

# Whatever is no file of the site goes to the responder, so that every miss takes the same way.
# Other methods than GET and HEAD are Apache's own business on every path alike. B=? keeps an
# encoded question mark from being refused by a 403.
CONDITIONS = """
AllowEncodedSlashes NoDecode
RewriteEngine On
RewriteCond "%{REQUEST_METHOD}" "^(GET|HEAD)$"
RewriteCond "%{DOCUMENT_ROOT}%{REQUEST_URI}" !-f
RewriteCond "%{DOCUMENT_ROOT}%{REQUEST_URI}" !-d
"""

PROXY = CONDITIONS + """
RewriteRule "^" "unix:DIR/run/signpost.sock|fcgi://signpost/" [P]
ProxyFCGISetEnvIf "true" PATH_INFO "%{REQUEST_URI}"
# One face for every miss: the responder's 404 becomes Apache's own.
ProxyErrorOverride On 404
<Proxy "fcgi://signpost/">
    # Without retry=0 a restart of the responder is an outage of a minute.
    ProxySet retry=0 connectiontimeout=2 timeout=10
</Proxy>
# An outage: clients keep what they have and come again.
ErrorDocument 503 " "
Header always set Retry-After 60 "expr=%{REQUEST_STATUS} == 503"
"""

FCGID = CONDITIONS + """
RewriteRule "^(/.*)$" "DIR/bin/signpost.fcgi$1" [L,B=?]
<Directory "DIR/bin">
    SetHandler fcgid-script
    Options +ExecCGI
    Require all granted
</Directory>
FcgidInitialEnv SIGNPOST_STATE "DIR/state"
FcgidInitialEnv SIGNPOST_CONFIG "/dev/null"
FcgidMaxRequestsPerProcess 0
"""

# Outside of virtual hosts. It gives a process one request at a time.
FCGID_SERVER = """
FcgidIPCDir DIR/run/fcgid
FcgidProcessTableFile DIR/run/fcgid_shm
FcgidMaxProcessesPerClass 4
FcgidIdleTimeout 0
FcgidProcessLifeTime 0
"""

CGI = CONDITIONS + """
RewriteRule "^(/.*)$" "DIR/bin/signpost.fcgi$1" [L,B=?]
<Directory "DIR/bin">
    SetHandler cgi-script
    Options +ExecCGI
    Require all granted
    # Else the same answer comes now with a length, now in chunks, as the program's end is seen.
    SetOutputFilter BUFFER
</Directory>
SetEnv SIGNPOST_STATE "DIR/state"
SetEnv SIGNPOST_CONFIG "/dev/null"
"""


class Apache(TestCase):
    """A registry with every kind of miss, a decoy, and Apache, which cannot listen on a path."""

    QUIET = QUIET

    def setUp(self):
        super().setUp()
        if not shutil.which("apache2"):
            self.skipTest("needs the package apache2")
        if not (MODULES / "mod_fcgid.so").exists():
            self.skipTest("needs the package libapache2-mod-fcgid")
        misses.fill(self.registry)
        misses.fill_site(self.dir / "site")
        self.compile()
        (self.dir / "run").mkdir()
        (self.dir / "bin").mkdir()
        shutil.copy(RESPONDER, self.dir / "bin")
        # Started by root, Apache works as somebody else.
        if os.geteuid() == 0:
            self.dir.chmod(0o755)
            self.state.chmod(0o755)
            for file in self.state.iterdir():
                file.chmod(0o644)
            (self.dir / "run").chmod(0o777)

    def apache(self, text="", modules=(), mpm="event", server=""):
        """Starts Apache with a virtual host of this text; returns its (host, port), ready."""
        loaded = [f"mpm_{mpm}", "authz_core", "dir", "mime", "rewrite", *modules]
        lines = [f"LoadModule {name}_module {MODULES}/mod_{name}.so\n" for name in loaded]
        if os.geteuid() == 0:
            lines.append("User nobody\nGroup nogroup\n")
        port = free_port()
        host = f"<VirtualHost *:PORT>\n{self.QUIET}{text}</VirtualHost>\n"
        conf = "".join(lines) + (SERVER + server + host).replace("PORT", str(port))
        file = self.dir / f"apache-{port}.conf"
        file.write_text(conf.replace("DIR/", f"{self.dir}/").replace(" DIR\n", f" {self.dir}\n"))
        process = self.start(
            "apache2",
            "-DFOREGROUND",
            "-d",
            self.dir,
            "-f",
            file,
            name="apache",
            start_new_session=True,  # it ends with its process group
        )
        until(lambda: self.answers(port) or not process.is_alive(), "apache2")
        self.assertTrue(process.is_alive(), process.said())
        return "127.0.0.1", port

    @staticmethod
    def answers(port):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    def proxy(self):
        self.socket = self.dir / "run" / "signpost.sock"
        responder = self.start_proxied()
        return responder, self.apache(PROXY, ["proxy", "proxy_fcgi", "headers"])

    def start_proxied(self):
        responder = self.responder(socket_path=self.socket)
        if os.geteuid() == 0:
            self.socket.chmod(0o666)
        return responder

    def fcgid(self):
        return self.apache(FCGID, ["fcgid"], server=FCGID_SERVER)

    def cgi(self, flavour="cgid", mpm="event"):
        server = f"ScriptSock {self.dir}/run/cgid\n" if flavour == "cgid" else ""
        address = self.apache(CGI, [flavour, "env", "buffer"], mpm, server)
        if flavour == "cgid":
            # Apache serves before the process does that starts programs for it: that is a 503, too.
            until(lambda: any((self.dir / "run").glob("cgid*")), "cgid")
        return address

    def assert_hits(self, address):
        """Links in both forms and formats, HEAD, ETag and 304, the decoy."""
        _, port = address
        body = base64.b64encode(MINIMAL_LINK.encode())
        for path in (f"/api/{UUID}", f"/{UUID}", f"/api/{UUID.upper()}"):
            answer = fetch(port, path)
            self.assertEqual((200, body), (answer.status, answer.body))
            answer = fetch(port, path + "?format=links")
            self.assertEqual((200, MINIMAL_LINK.encode()), (answer.status, answer.body))
            self.assertEqual((200, b""), (fetch(port, path, "HEAD").status, b""))
        answer = fetch(port, f"/api/{UUID}", headers={"Range": "bytes=0-3"})
        if answer.status == 206:  # Apache cuts a range out of any answer whose length it knows
            self.assertEqual(body[:4], answer.body)
            answer = fetch(port, f"/api/{UUID}")
        self.assertEqual((200, body), (answer.status, answer.body))
        headers = {name.lower() for name, _ in answer.headers}
        framing = {"content-length", "transfer-encoding"}
        self.assertEqual(
            {"date", "server", "etag", "cache-control", "vary", "content-type", *METADATA},
            headers - framing,
        )
        self.assertEqual("text/plain; charset=utf-8", answer.header("Content-Type"))
        self.assertEqual("private, no-cache", answer.header("Cache-Control"))
        etag = answer.header("ETag")
        for tags in (etag, "W/" + etag, f'"x", {etag}', "*"):
            answer = fetch(port, f"/api/{UUID}", headers={"If-None-Match": tags})
            self.assertEqual((304, b"", etag), (answer.status, answer.body, answer.header("ETag")))
        self.assertEqual(200, fetch(port, f"/{UUID}", headers={"If-None-Match": '"x"'}).status)
        for path, page in (("/", "index.html"), ("/about/", "about/index.html")):
            wanted = (self.dir / "site" / page).read_bytes()
            self.assertEqual(wanted, fetch(port, path).body)

    # What directories are, and names that no file system takes, is Apache's own business.
    PATHS = [
        p for p in misses.PATHS if len(p) < 4000 and not p.startswith(("/img", "/index.html/"))
    ]

    def assert_misses(self, address, **kwargs):
        kwargs = {"paths": self.PATHS, **kwargs}
        self.assertEqual([], misses.odd_ones(address, **kwargs))


class Proxy(Apache):
    def test_hits(self):
        _, address = self.proxy()
        self.assert_hits(address)

    def test_misses(self):
        _, address = self.proxy()
        self.assert_misses(address)

    def test_misses_are_those_of_a_server_without_signpost(self):
        _, address = self.proxy()
        stock = self.apache()
        # An encoded slash is a 404 in stock Apache, whatever the method.
        self.assert_misses(address, other=stock, paths=[p for p in self.PATHS if "%2F" not in p])

    def test_long_paths(self):
        _, address = self.proxy()
        paths = ["/" + "a" * n for n in (5000, 6000, 7000, 8000)] + ["/nix?" + "a" * 8000]
        few = {"methods": ["GET", "HEAD"], "shapes": misses.SHAPES[:1]}
        self.assert_misses(address, paths=paths, **few)

    def test_the_responder_goes_and_comes_back(self):
        responder, address = self.proxy()
        for path in (f"/api/{UUID}", f"/api/{misses.TOKEN}"):
            self.assertEqual(200, fetch(address[1], path).status)
        responder.stop()
        for path in (f"/api/{UUID}", f"/api/{misses.TOKEN}", "/nix"):
            # Apache quotes where a request comes from, too.
            answer = fetch(address[1], path, headers={"Referer": "https://example.org" + path})
            self.assertEqual((503, b"", "60"), self.outage_of(answer))
        self.assertEqual(200, fetch(address[1], "/").status)
        self.start_proxied()
        self.assertEqual(200, fetch(address[1], f"/api/{UUID}").status)
        self.assertEqual(404, fetch(address[1], "/nix").status)
        for log in (self.dir / "run").glob("*.log"):
            self.assertNotRegex(log.read_text(), f"{UUID[:8]}|{misses.TOKEN}")

    def test_no_snapshot(self):
        for file in self.state.glob("*.cdb"):
            file.unlink()
        _, address = self.proxy()
        answer = fetch(address[1], f"/api/{UUID}")
        self.assertEqual((503, b"", "60"), self.outage_of(answer))

    @staticmethod
    def outage_of(answer):
        return answer.status, answer.body.strip(), answer.header("Retry-After")


class Fcgid(Apache):
    def test_hits(self):
        self.assert_hits(self.fcgid())

    def test_misses(self):
        """They have no body: mod_fcgid cannot put the server's own page."""
        self.assert_misses(self.fcgid())

    def test_a_killed_responder_is_started_again(self):
        _, port = self.fcgid()
        self.assertEqual(200, fetch(port, f"/api/{UUID}").status)
        program = str(self.dir / "bin" / "signpost.fcgi")
        killed = []
        for pid in processes():
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/exe") == program:
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
        self.assertTrue(killed)
        until(lambda: fetch(port, f"/api/{UUID}").status == 200, "the links")

    def test_no_snapshot(self):
        for file in self.state.glob("*.cdb"):
            file.unlink()
        _, port = self.fcgid()
        answer = fetch(port, f"/api/{UUID}")
        self.assertEqual((503, b"", "60"), Proxy.outage_of(answer))


class Cgi(Apache):
    """Every request starts a process: a few of each kind."""

    FEW = [f"/api/{UNKNOWN}", "/nix", "/api", f"/api/{UUID}/", "/img/x"]

    def test_hits(self):
        address = self.cgi()
        self.assert_hits(address)
        for query in ("--help", "-s+/tmp/x", "-c+/dev/null", "a+b"):  # the program's arguments
            self.assertEqual([MINIMAL_LINK], fetch(address[1], f"/{UUID}?{query}").links())

    def test_misses(self):
        address = self.cgi()
        self.assert_misses(address, methods=["GET"], shapes=misses.SHAPES[:1])
        shapes = [shape for shape in misses.SHAPES if "body" not in shape[0]]
        self.assert_misses(address, paths=self.FEW, shapes=shapes)

    def test_misses_by_mod_cgi(self):
        address = self.cgi("cgi", "prefork")
        few = {"paths": self.FEW, "shapes": misses.SHAPES[:2]}
        self.assert_misses(address, methods=["GET", "HEAD", "POST"], **few)

    def test_a_body_that_comes_with_a_poll(self):
        """By mod_cgid the program's input is a socket: what it leaves there resets the answer."""
        address = self.cgi()
        for size in (100, 500_000):
            request = misses.request("GET", f"/api/{UUID}", body=b"x" * size)
            for _ in range(10):
                answer = misses.talk(address, request)
                self.assertEqual(200, misses.status(answer), size)
                self.assertIn(base64.b64encode(MINIMAL_LINK.encode()), answer)

    def test_no_snapshot(self):
        for file in self.state.glob("*.cdb"):
            file.unlink()
        _, port = self.cgi()
        self.assertEqual((503, b"", "60"), Proxy.outage_of(fetch(port, f"/api/{UUID}")))
