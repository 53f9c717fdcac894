"""Entry nodes to probe, right and wrong, for the tests of health/: real servers on loopback.

Everything listens on ports that were free; what is asked for lies behind them, in one web server.
"""

import contextlib
import http.server
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import urllib.parse

import real
from afar import Server
from ports import free_port
from support import BUILD, LIMIT, UUID, Process, until
from ways import GRPC, NAME, PLAIN, TCP, TLS, UPGRADE, WS, stream_settings

PROBE_LINKS = BUILD / "tests" / "probe_links"
ORDER = (
    "type encryption flow host path serviceName mode authority extra security sni fp pbk sid spx "
    "pqv alpn ech pcs vcn"
).split()
# Xray's, by name; v2ray's are tcp and ws without TLS.
WAYS = {
    "tcp": {**TCP, **PLAIN},
    "tcp+tls": {**TCP, **TLS},
    "tcp+tls+h2": {**TCP, **TLS, "alpn": "h2"},
    "tcp+tls by IPv6": {**TCP, **TLS, "address": "::1"},
    "ws": {**WS, **PLAIN},
    "ws+tls": {**WS, **TLS, "alpn": "http/1.1"},
    "ws+tls+ed": {**WS, **TLS, "path": "/ws?ed=2048"},
    "httpupgrade": {**UPGRADE, **PLAIN},
    "httpupgrade+tls": {**UPGRADE, **TLS},
    "httpupgrade+tls+ed": {**UPGRADE, **TLS, "path": "/hu?ed=2048"},
    "grpc": {**GRPC, **PLAIN},
    "grpc+tls": {**GRPC, **TLS, "alpn": "h2"},
    "grpc+tls+multi": {**GRPC, **TLS, "alpn": "h2", "mode": "multi", "authority": NAME},
    "grpc+tls+path": {**GRPC, **TLS, "alpn": "h2", "serviceName": "/one/two/Three"},
}
# One of each transport: what a fault is tried on.
MAIN = ("tcp", "tcp+tls", "ws+tls", "httpupgrade+tls", "grpc+tls")


def link(client, uuid=UUID):
    """The link of a client, as lib/link.c writes it."""
    host = client["address"]
    values = {"encryption": "none", **client}
    query = "&".join(
        f"{name}={urllib.parse.quote(values[name], safe='')}" for name in ORDER if values.get(name)
    )
    return f"vless://{uuid}@{f'[{host}]' if ':' in host else host}:{client['port']}?{query}#"


class Result:
    def __init__(self, line):
        number, self.verdict, ms, self.reason = line.split("\t")
        self.number, self.ms = int(number), int(ms)

    def __repr__(self):
        return f"{self.verdict} after {self.ms} ms: {self.reason}"


def run(links, *options, enter=()):
    """Probes links, in a place that `enter` enters; (what came of each, seconds of CPU)."""
    done = subprocess.run(
        [*enter, PROBE_LINKS, *map(str, options), *links],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT,
        env={"http_proxy": "http://127.0.0.1:1/", "https_proxy": "http://127.0.0.1:1/"},
    )
    assert done.returncode == 0, done.stdout
    *lines, cpu = done.stdout.splitlines()
    return sorted(map(Result, lines), key=lambda result: result.number), float(cpu)


class Target(Server, http.server.ThreadingHTTPServer):
    """A path that is a number is answered with that status; large and stall by 128 KB, or 16."""

    LARGE = 128 * 1024
    request_queue_size = 1024

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            word = self.path.strip("/")
            with contextlib.suppress(OSError):
                if word in ("large", "stall"):
                    self.send_response(200)
                    self.send_header("Content-Length", Target.LARGE)
                    self.end_headers()
                    self.wfile.write(bytes(Target.LARGE if word == "large" else 16 * 1024))
                    self.wfile.flush()
                    if word == "stall":
                        self.server.ended.wait(LIMIT)
                elif word == "hang":
                    self.server.ended.wait(LIMIT)
                else:
                    self.send_response(int(word) if word.isdigit() else 200)
                    self.send_header("Content-Length", 0)
                    self.end_headers()

        def log_message(self, *words):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.ended = threading.Event()
        self.port = self.server_address[1]

    def stop(self):
        self.ended.set()
        super().stop()

    def url(self, path, status):
        return f"http://127.0.0.1:{self.port}/{path}={status}"


def openssl(directory, words):
    subprocess.run(
        ["openssl", *words.split()],
        cwd=directory,
        check=True,
        timeout=LIMIT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def signed(directory, name, how, chain=""):
    """A certificate for NAME, made by `how`, and its key: (its file, its key's file)."""
    openssl(
        directory,
        f"req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key"
        f" -out {name}.csr -subj /CN={NAME} -addext subjectAltName=DNS:{NAME}",
    )
    openssl(
        directory, f"x509 -req -in {name}.csr -copy_extensions copy -out {name}.pem " + how
    )
    file = directory / f"{name}.pem"
    if chain:
        file = directory / f"{name}-chain.pem"
        parts = directory / f"{name}.pem", directory / chain
        file.write_text("".join(part.read_text() for part in parts))
    return file, directory / f"{name}.key"


class Place:
    """Servers and certificates, from `with` until its end."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        self.started = 0

    def __enter__(self):
        with self.stack:
            self.dir = pathlib.Path(tempfile.mkdtemp(prefix="signpost-probe-"))
            self.stack.callback(shutil.rmtree, self.dir, ignore_errors=True)
            self.target = Target().start()
            self.stack.callback(self.target.stop)
            self.make_certificates()
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *error):
        self.stack.close()

    def make_certificates(self):
        self.trusted = real.certificate(self.dir, "trusted", f"DNS:{NAME}")
        self.stranger = real.certificate(self.dir, "stranger", f"DNS:{NAME}")
        self.other = real.certificate(self.dir, "other", "DNS:other.example.com")
        self.expired = signed(self.dir, "expired", "-signkey expired.key -days -1")
        real.certificate(self.dir, "ca", "DNS:ca.example.com")
        authority = "-CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
        self.by_ca = signed(self.dir, "by-ca", authority, "ca.pem")
        # The other one's CA is nobody's; what is expired is trusted but for that.
        self.roots = self.dir / "roots.pem"
        trusted = [self.trusted, self.other, self.expired]
        self.roots.write_text("".join(file.read_text() for file, _ in trusted))

    def start(self, *command, name, ready):
        self.started += 1
        log = self.dir / f"{name}-{self.started}.log"
        process = Process(command, log, cwd=self.dir)
        self.stack.callback(process.stop)
        until(lambda: ready() or not process.is_alive(), name)
        assert process.is_alive(), process.said()
        return process

    def serve(
        self, program, ways, certificate=None, outbound=None, settings=None, keys=None, target=None
    ):
        """Starts one server with an inbound for each way: (the process, the clients by name).

        keys: its own, by setting; target: the port of what REALITY shows.
        """
        clients, inbounds, keys = {}, [], keys or {}
        for name, way in ways.items():
            clients[name] = {"address": "127.0.0.1", "port": free_port(), **way}
            address = clients[name]["address"]
            stream = stream_settings(way, certificate or self.trusted, keys, target)
            inbound = {"listen": address, "port": clients[name]["port"], "protocol": "vless"}
            inbound["settings"] = {
                "clients": [{"id": UUID, "flow": way.get("flow", "")}],
                "decryption": keys["decryption"] if "encryption" in way else "none",
                **(settings or {}),
            }
            inbounds.append({**inbound, "streamSettings": stream})
        free = {"protocol": "freedom", "settings": {"finalRules": [{"action": "allow"}]}}
        config = {
            "log": {"loglevel": "warning"},
            "inbounds": inbounds,
            "outbounds": [outbound or free],
        }
        file = self.dir / f"server-{self.started}.json"
        file.write_text(json.dumps(config))
        command = [program, *(["run"] if program.name == "xray" else []), "-config", file]
        process = self.start(
            *command,
            name=program.name,
            ready=lambda: all(real.listens(c["port"], c["address"]) for c in clients.values()),
        )
        return process, clients

    def xray(self, names=MAIN, **kwargs):
        return self.serve(real.program("xray"), {name: WAYS[name] for name in names}, **kwargs)

    def web(self, answer="return 200 ok;"):
        """nginx that says 200 to anything: (the port without TLS, the port with TLS and HTTP/2)."""
        plain, tls = free_port(), free_port()
        (self.dir / "web.conf").write_text(f"""
            daemon off; pid web.pid; error_log stderr; events {{}}
            http {{
                access_log off;
                server {{
                    listen 127.0.0.1:{plain};
                    listen 127.0.0.1:{tls} ssl http2;
                    ssl_certificate {self.trusted[0]}; ssl_certificate_key {self.trusted[1]};
                    ssl_protocols TLSv1.2 TLSv1.3; # REALITY shows only the latter
                    location / {{ {answer} }}
                }}
            }}""")
        words = ["nginx", "-e", "stderr", "-p", self.dir, "-c", "web.conf"]
        self.start(*words, name="nginx", ready=lambda: real.listens(plain) and real.listens(tls))
        return plain, tls

    def silence(self):
        """A port that takes connections and never says anything."""
        listener = socket.socket()
        self.stack.callback(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        return listener.getsockname()[1]
