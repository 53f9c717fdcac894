"""A small world for real VPN clients: a network of its own, entry nodes, and a web to reach.

In it the profiles run as they are served, with their own ports and, for sing-box, their own tunnel
device, and nothing that a client does leaves the machine. Entry nodes are one Xray server with an
inbound per way in. Wherever a client asks it to go, it goes to the Web below: so the Web's token
comes to a client through the tunnel or not at all.
"""

import contextlib
import ctypes
import functools
import hashlib
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import unittest
import uuid

from afar import FAR, Names, Web, name_server
from support import LIMIT, RESPONDER, SIGNPOST, TOP, Process, Registry, fetch, shipped, until
from ways import NAME, TARGET, WAYS, WRONG, clients, stream_settings

WEB_PORT = 8080  # as in nginx-fcgi.conf
PACKAGES = {"ip": "iproute2", "nginx": "nginx", "openssl": "openssl"}
CLONE_NEWNET = 0x40000000
SHORT = 2  # seconds, for what must not come; what comes needs 0.05


@functools.cache
def installed():
    """Where each client is, by name and version, the newest of a name also by the name alone."""
    run = subprocess.run(
        [TOP / "tests" / "clients", "--list"], stdout=subprocess.PIPE, text=True, check=True
    )
    found = {}
    for line in run.stdout.splitlines():
        path = pathlib.Path(line)
        if os.access(path, os.X_OK):
            found[path.parent.name] = path
            found.setdefault(path.name, path)
    return found


def program(name):
    """A client, or the test is skipped."""
    if name not in installed():
        raise unittest.SkipTest(f"needs {name}: tests/clients installs it")
    return installed()[name]


@contextlib.contextmanager
def own_network():
    """The calling thread, and what it starts, in a network that leads to a name server only."""
    libc = ctypes.CDLL(None, use_errno=True)
    with contextlib.ExitStack() as stack:

        def network():
            file = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            stack.callback(os.close, file)
            return file

        stack.callback(libc.setns, network(), CLONE_NEWNET)
        if libc.unshare(CLONE_NEWNET) != 0:
            why = os.strerror(ctypes.get_errno())
            raise unittest.SkipTest(f"needs root, for a network of its own: {why}")
        there, names = network(), start_names(stack, "0.0.0.0")
        libc.unshare(CLONE_NEWNET)
        here = network()
        # Clients look for the device of the default route, and ask by that one.
        ip("link set lo up")
        ip(f"link add out type veth peer name in netns {names.thread.native_id}")
        ip("address add 192.0.2.2/24 dev out")
        ip("link set out up")
        ip("route add default dev out")
        address = name_server()
        libc.setns(there, CLONE_NEWNET)
        ip(f"address add {'192.0.2.1' if address.startswith('127.') else address}/32 dev in")
        ip("link set in up")
        ip("route add 192.0.2.0/24 dev in")
        libc.setns(here, CLONE_NEWNET)
        if address.startswith("127."):
            start_names(stack, address)
        # sing-box 1.9 does not wait until its device's address can be used.
        pathlib.Path("/proc/sys/net/ipv6/ip_nonlocal_bind").write_text("1")
        yield


def start_names(stack, address):
    names = Names((address, 53), None).start()
    stack.callback(names.stop)
    return names


def ip(words):
    subprocess.run(["ip", *words.split()], check=True, timeout=LIMIT)


def certificate(directory, name, alternatives):
    """A self-signed certificate: (its file, its key's file)."""
    files = directory / f"{name}.pem", directory / f"{name}.key"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    subprocess.run(
        [
            *command.split(),
            *("-out", files[0], "-keyout", files[1], "-subj", f"/CN={NAME}"),
            *("-addext", "subjectAltName=" + alternatives),
        ],
        check=True,
        timeout=LIMIT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return files


def pin(file):
    """The SHA-256 of a certificate, in hex."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read_text())).hexdigest()


def xray_says(*command):
    """The lines of one of Xray's makers of keys."""
    run = subprocess.run([program("xray"), *command], stdout=subprocess.PIPE, text=True, check=True)
    return run.stdout.splitlines()


def encryption_pair():
    """(decryption, encryption) of VLESS."""
    words = [line.partition('": "')[2].rstrip('"') for line in xray_says("vlessenc")]
    return [word for word in words if word][:2]


def ech_pair():
    """(the server's keys, the client's configuration) of encrypted client hello."""
    _, config, _, keys = xray_says("tls", "ech", "--serverName", "cover.example.com")
    return keys, config


def pqv_pair():
    """(the server's seed, the client's word) of REALITY's second signature."""
    return [line.partition(": ")[2] for line in xray_says("mldsa65")]


def slug(name):
    """A name as files and groups may have it."""
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in name)


class World:
    """Entry nodes, the web behind them, and Signpost that tells of them.

    Each way in, right or wrong, has a user of its own, with one device, who gets only this; "all"
    gets every right one, and "wrong" every wrong one; "stranger" gets the right ones, but no entry
    node knows him.
    """

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="signpost-clients-"))
        self.stack = contextlib.ExitStack()
        self.registry = Registry(self.dir / "registry")
        self.started = 0
        self.environment = dict(
            os.environ,
            SIGNPOST_STATE=str(self.dir / "state"),
            SIGNPOST_CONFIG=str(self.dir / "signpost.yaml"),
        )
        self.devices = {}
        self.ways = {}

    def __enter__(self):
        with self.stack:
            self.stack.callback(shutil.rmtree, self.dir, ignore_errors=True)
            program("xray")
            for command, package in PACKAGES.items():
                if not shutil.which(command):
                    raise unittest.SkipTest(f"needs the package {package}")
            self.stack.enter_context(own_network())
            self.prepare()
            self.start_nginx()
            self.start_entry_nodes()
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *error):
        self.stack.close()

    def start(self, *command, name, ready=None, **kwargs):
        """Starts a program, ready when this returns; it ends with the world at the latest."""
        self.started += 1
        env = kwargs.pop("env", self.environment)
        process = Process(
            command, self.dir / f"{name}-{self.started}.log", cwd=self.dir, env=env, **kwargs
        )
        self.stack.callback(process.stop)
        if ready:
            until(lambda: ready() or not process.is_alive(), name)
            if not process.is_alive():
                raise AssertionError(f"{name} has ended:\n{process.said()}")
        return process

    def prepare(self):
        """Certificates, and who may go which way."""
        names = f"DNS:{NAME},DNS:*.gstatic.com,DNS:cp.cloudflare.com,IP:1.1.1.1,IP:8.8.8.8"
        self.trusted = certificate(self.dir, "trusted", names)
        self.pinned = certificate(self.dir, "pinned", f"DNS:{NAME}")
        # There must be room for the second signature where the target's certificate is.
        large = ",".join(f"DNS:host-{n}.of-a-large-certificate.{NAME}" for n in range(90))
        self.target = certificate(self.dir, "target", f"DNS:{NAME},{large}")
        self.web = Web(*self.trusted).start()
        self.stack.callback(self.web.stop)
        decryption, encryption = encryption_pair()
        ech_keys, ech = ech_pair()
        seed, pqv = pqv_pair()
        self.keys = {"decryption": decryption, "echServerKeys": ech_keys, "mldsa65Seed": seed}
        words = {
            **{"PIN": pin(self.pinned[0]), "OTHER_PIN": "00" * 32, "PQV": pqv},
            **{"ENCRYPTION": encryption, "OTHER_ENCRYPTION": encryption_pair()[1]},
            **{"ECH": ech, "OTHER_ECH": ech_pair()[1]},
        }
        self.ways, wrong = clients(words)
        for name, client in self.ways.items():
            self.write_endpoint(name, client, [slug(name), "all", "stranger"])
        for name, client in wrong.items():
            self.write_endpoint(name, client, [slug(name), "wrong"])
        for number, name in enumerate([*WAYS, *WRONG, "all", "stranger", "wrong"]):
            self.devices[name] = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
            self.registry.user(number + 1, username=name, groups=[slug(name)], core_nodes=None)
            self.registry.device(self.devices[name], user_id=number + 1)

    def write_endpoint(self, name, client, groups):
        record = {"status": "active", "name": name, "groups": groups, "client": client}
        # Without escapes, JSON is YAML as well.
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        self.registry.write(f"endpoints/{slug(name)}.yaml", text)

    def start_nginx(self):
        """The shipped configuration, and the server behind whose face REALITY hides."""
        (self.dir / "run").mkdir()
        (self.dir / "site").mkdir()
        target = f"""server {{
            listen 127.0.0.1:{TARGET} ssl http2;
            access_log off;
            ssl_protocols TLSv1.3;
            ssl_certificate {self.target[0]};
            ssl_certificate_key {self.target[1]};
            location / {{ return 200 "REALITY's target"; }}
        }}
        upstream signpost {{"""
        conf = shipped("nginx-fcgi.conf")
        (self.dir / "nginx.conf").write_text(conf.replace("upstream signpost {", target, 1))
        (self.dir / "signpost.yaml").write_text(
            f"data: {self.registry.path}\nremark: '{{label}}'\norder: name\nrefresh: off\n"
        )
        self.compile()
        sock = self.dir / "run" / "signpost.sock"
        responder = self.start(RESPONDER, "-s", sock, name="responder", ready=sock.exists)
        self.stack.callback(self.assert_clean_end, responder)
        words = ["nginx", "-e", "stderr", "-p", self.dir, "-c", "nginx.conf", "-g", "user root;"]
        self.start(*words, name="nginx", ready=lambda: listens(WEB_PORT))

    def compile(self):
        run = subprocess.run(
            [SIGNPOST, "compile"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
        )
        assert run.returncode == 0, run.stdout

    @staticmethod
    def assert_clean_end(responder):
        assert responder.stop() == 0, responder.said()

    def inbound(self, name, way):
        # An email is what the log calls a user by.
        users = [
            {
                "id": self.devices[user],
                "email": f"{self.devices[user]} {slug(name)}",
                "flow": way.get("flow", ""),
            }
            for user in self.devices
            if user != "stranger"
        ]
        decryption = self.keys["decryption"] if "encryption" in way else "none"
        return {
            "listen": "::1" if way["address"] == "::1" else "127.0.0.1",
            "port": way["port"],
            "protocol": "vless",
            "settings": {"clients": users, "decryption": decryption},
            "streamSettings": stream_settings(
                way, self.pinned if "pcs" in way else self.trusted, self.keys
            ),
        }

    def start_entry_nodes(self):
        config = {
            "log": {"loglevel": "warning", "access": str(self.dir / "access.log")},
            "inbounds": [self.inbound(name, way) for name, way in self.ways.items()],
            "outbounds": [
                {
                    "protocol": "freedom",
                    "settings": {
                        "redirect": f"127.0.0.1:{self.web.port}",
                        "finalRules": [{"action": "allow"}],
                    },
                }
            ],
        }
        file = self.dir / "server.json"
        file.write_text(json.dumps(config, indent=2))
        places = [(config["listen"], config["port"]) for config in config["inbounds"]]
        self.start(
            *(program("xray"), "run", "-c", file),
            name="server",
            ready=lambda: all(listens(port, host) for host, port in places),
        )

    def entered(self, user):
        """The ways by which the entry nodes have let this user through to afar."""
        log = (self.dir / "access.log").read_text()
        return set(re.findall(rf"accepted tcp:{FAR}:80 email: {self.devices[user]} (.*)", log))

    def path(self, name, form=None):
        """Where this user's device asks, for what it gets by its name or for this form."""
        return f"/api/{self.devices[name]}" + (f"?format={form}" if form else "")

    def url(self, name, form=None):
        return f"http://127.0.0.1:{WEB_PORT}{self.path(name, form)}"

    def profile(self, name, form=None, agent=None):
        """What Signpost answers, through nginx; it must be something."""
        headers = {"User-Agent": agent} if agent else {}
        answer = fetch(WEB_PORT, self.path(name, form), headers=headers)
        assert answer.status == 200, f"{name} in {form}: {answer.status}"
        return answer.body

    def trusting(self):
        """The environment of a client that knows the entry nodes' certificate."""
        return dict(os.environ, SSL_CERT_FILE=str(self.trusted[0]), SSL_CERT_DIR="/nonexistent")


def listens(port, host="127.0.0.1"):
    with contextlib.suppress(OSError), socket.create_connection((host, port)):
        return True
    return False


def through_proxy(port, timeout=LIMIT):
    """What comes by an HTTP proxy on loopback, or the error."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    # Asked for a plain page, not for a tunnel, Xray may close a WebSocket before the answer.
    connection.set_tunnel(FAR, 80)
    return page(connection)


def directly(timeout=LIMIT):
    """What comes by the system's routes, or the error."""
    return page(http.client.HTTPConnection(FAR, timeout=timeout))


def page(connection):
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/")
            return connection.getresponse().read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            return error


class TestCase(unittest.TestCase):
    """Tests in one world; each client that one of them starts has ended when the next begins."""

    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(World())

    def assert_goes_through(self, got, client, user, way=None):
        """The token has come, and by this way in, as the entry node says too; None: by any."""
        if got != self.world.web.token:
            self.fail(f"{user} by {way}: {got!r}\n{client.process.said()[-2000:]}")
        ways = {slug(way)} if way else {slug(name) for name in self.world.ways}
        until(lambda: ways & self.world.entered(user), f"{user}'s coming by {way}")

    def assert_stays_out(self, got, user):
        self.assertNotEqual(self.world.web.token, got, user)
        self.assertEqual(set(), self.world.entered(user), user)
