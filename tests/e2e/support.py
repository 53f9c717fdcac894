"""What the end-to-end tests share: registries, processes, and waiting for what must come.

Nothing here sleeps a fixed time: `until` asks a condition again until it holds. The one limit, far
beyond what any step needs, only keeps a broken program from hanging the run.
"""

import base64
import http.client
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from processes import is_ready

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SIGNPOST_BUILD", TOP / "build"))
SIGNPOST = BUILD / "signpost"
RESPONDER = BUILD / "signpost.fcgi"
VALGRIND = bool(os.environ.get("SIGNPOST_VALGRIND"))
LIMIT = 60  # seconds; a program that needs this long is broken

UUID = "8f3c5d1e-6324-4d53-ad4f-8cda48b30811"
UNKNOWN = "8f3c5d1e-6324-4d53-ad4f-8cda48b30812"
ENTRY, CORE = "203.0.113.21", "198.51.100.10"
SERVICE = "api.v2.rpc.0123456789abcdef"

# What apps are told of the device "phone" beside its servers, by the settings' defaults.
METADATA = {
    "profile-title": "base64:cGhvbmU=",
    "profile-update-interval": "12",
    "subscription-userinfo": "upload=0; download=0; total=0; expire=0",
    "content-disposition": "attachment; filename=\"phone\"; filename*=UTF-8''phone",
}

os.environ["PATH"] += os.pathsep + "/usr/sbin"
for name in list(os.environ):
    if name.startswith("SIGNPOST_") and name[9:] not in ("BUILD", "VALGRIND", "TORTURE", "RESTARTS"):
        del os.environ[name]


def shipped(name, limits=False):
    """A server's file as it is shipped; without its limits on requests but where they are tested."""
    text = (TOP / name).read_text()
    return text if limits else re.sub(r"(?m)^ *limit_req zone=.*\n", "", text)


def until(condition, what="it"):
    """Asks until the condition gives something true, and returns that."""
    end = time.monotonic() + LIMIT
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come about")
        select.select([], [], [], 0.002)


# A token as a record may hold it.
TOKEN = re.compile(r"[A-Za-z0-9_-]{8,128}")

# A UUID with or without its dashes.
SECRET = re.compile(
    r"(?i)(?<![0-9a-f])[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}(?![0-9a-f])"
)


def logs(directory):
    """The logs in a directory: what programs said, and what servers wrote themselves."""
    if not directory.is_dir():
        return []
    return [f for f in sorted(directory.rglob("*")) if f.suffix in LOGS and f.is_file()]


LOGS = (".log", ".memcheck", ".err", ".stderr")


class Registry:
    """A registry on disk, written record by record; `fields` of None leave a field out.

    `tokens` are all that its devices have ever been given as trees.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.tokens = set()

    def write(self, name, content):
        """Writes a record's file whole, as jq and mv do: content is a tree, or the text itself."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, (str, bytes)):
            content = {k: v for k, v in content.items() if v is not None}
            for token in content.get("tokens", ()):
                token = token.get("token", "") if isinstance(token, dict) else token
                if isinstance(token, str) and TOKEN.fullmatch(token):
                    self.tokens.add(token)
            content = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        if isinstance(content, str):
            content = content.encode()
        new = file.with_name(file.name + ".new")
        new.write_bytes(content)
        new.rename(file)
        return file

    def remove(self, name):
        (self.path / name).unlink()

    def user(self, id=7, **fields):
        record = {"id": id, "username": "Ivan", "status": "active", "core_nodes": [CORE]}
        self.write(f"users/{id}.json", {**record, **fields})

    def device(self, uuid=UUID, **fields):
        record = {"uuid": uuid, "user_id": 7, "device": "phone", "status": "active"}
        self.write(f"devices/{uuid}.json", {**record, **fields})

    def node(self, ip, **fields):
        self.write(f"nodes/{ip}.json", {"ip": ip, "status": "active", **fields})

    def role(self, kind, ip, **fields):
        self.write(f"roles/{kind}_{ip}.json", {"node_ip": ip, "status": "active", **fields})

    def route(self, entry=ENTRY, core=CORE, **fields):
        record = {
            "entry_ip": entry,
            "core_ip": core,
            "status": "active",
            "client_service_name": SERVICE,
            "core_service_name": "api.v2.rpc.fedcba9876543210",
        }
        self.write(f"routes/entry_{entry}_core_{core}.json", {**record, **fields})

    def domain(self, domain="shop.example.org", node_ip=ENTRY, **fields):
        record = {"domain": domain, "node_ip": node_ip, "status": "active"}
        self.write(f"domains/{domain}.json", {**record, **fields})

    def endpoint(self, name, **fields):
        self.write(f"endpoints/{name}.json", {"status": "active", **fields})

    def minimal(self):
        """One active user with one device, one route, one domain: one link."""
        self.user()
        self.device()
        self.route()
        self.domain()
        return self


class GitRegistry(Registry):
    """A registry in a git checkout: path is its directory, top the checkout's (default: path)."""

    def __init__(self, path, top=None):
        super().__init__(path)
        self.top = pathlib.Path(top or path)

    def git(self, *args, check=True, cwd=None, **kwargs):
        """Runs git, with nobody's settings and no clock; returns what it says, whole lines."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        env.update(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null", GIT_EDITOR="true")
        for who in ("AUTHOR", "COMMITTER"):
            env[f"GIT_{who}_NAME"], env[f"GIT_{who}_EMAIL"] = "Test", "test@example.org"
            env[f"GIT_{who}_DATE"] = "2026-01-01T00:00:00Z"
        words = ["init.defaultBranch=main", "gc.auto=0", "protocol.file.allow=always"]
        command = ["git", *[w for word in words for w in ("-c", word)], "-C", cwd or self.top]
        run = subprocess.run(
            [str(word) for word in [*command, *args]],
            env=env,
            stdin=kwargs.pop("stdin", subprocess.DEVNULL if "input" not in kwargs else None),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT,
            text=True,
            **kwargs,
        )
        if check and run.returncode != 0:
            raise AssertionError(f"git {args} ends with {run.returncode}: {run.stdout}")
        return run.stdout.strip()

    def init(self, *args):
        self.top.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", *args)
        return self

    def commit(self, message="change"):
        """Commits all that there is, even if nothing has changed; returns the commit's name."""
        if not (self.top / ".git").exists():
            self.init()
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head()

    def head(self):
        return self.git("rev-parse", "HEAD")


MINIMAL_LINK = (
    f"vless://{UUID}@shop.example.org:443?type=grpc&encryption=none&serviceName={SERVICE}"
    "&security=tls&sni=shop.example.org&fp=chrome&alpn=h2#phone"
)


class Process:
    """A program that a test started; what it says goes to a file."""

    def __init__(self, command, log, valgrind=False, **kwargs):
        self.log = log
        self.memcheck = None
        if valgrind and VALGRIND:
            self.memcheck = log.with_suffix(".memcheck")
            command = [
                "valgrind",
                "-q",
                "--error-exitcode=99",
                "--leak-check=full",
                f"--log-file={self.memcheck}",
                *command,
            ]
        with open(log, "wb") as out:
            self.popen = subprocess.Popen(
                [str(word) for word in command],
                stdin=kwargs.pop("stdin", subprocess.DEVNULL),
                stdout=out,
                stderr=subprocess.STDOUT,
                **kwargs,
            )
        self.pid = self.popen.pid

    def said(self):
        text = self.log.read_text(errors="replace")
        # valgrind could not work in the sandbox.
        return re.sub(r".*the sandbox is off.*\n", "", text) if VALGRIND else text

    def is_alive(self):
        return self.popen.poll() is None

    def stop(self, number=signal.SIGTERM):
        """Ends it and returns its exit status (negative: by which signal)."""
        if self.is_alive():
            self.popen.send_signal(number)
        try:
            return self.popen.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise AssertionError(f"it did not end on signal {number}:\n{self.said()}") from None


class TestCase(unittest.TestCase):
    """A test with a directory of its own, whose processes end with it."""

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="signpost-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.addCleanup(self.assert_no_secret_is_logged)
        self.registry = Registry(self.dir / "registry")
        self.state = self.dir / "state"
        self.environment = dict(
            os.environ,
            SIGNPOST_DATA=str(self.registry.path),
            SIGNPOST_STATE=str(self.state),
            SIGNPOST_CONFIG="/dev/null",
        )
        if VALGRIND:
            self.environment["SIGNPOST_SANDBOX"] = "off"
        self.started = 0
        self.complaints = []  # (whose, what it said), of each command that was run

    def settings(self, text):
        """Writes a settings file and makes every program read it."""
        file = self.dir / "signpost.yaml"
        file.write_text(text)
        self.environment["SIGNPOST_CONFIG"] = str(file)
        return file

    def signpost(self, *args, check=None, command=SIGNPOST, **kwargs):
        """Runs the command; check is the exit status that it must have."""
        if "user" in kwargs:
            command = self.within_reach(command)
        run = subprocess.run(
            [str(command), *[str(arg) for arg in args]],
            env=kwargs.pop("env", self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",  # names of files need not be UTF-8
            timeout=LIMIT,
            **kwargs,
        )
        if args[:1] not in (("explain",), ("token",), ("rekey",)):  # they tell of whom they are asked
            self.complaints.append((f"standard error of signpost {args[:1]}", run.stderr))
        if check is not None:
            self.assertEqual(check, run.returncode, run.stdout + run.stderr)
        return run

    def compile(self, check=0):
        return self.signpost("compile", check=check)

    def poll(self, uuid=UUID, **kwargs):
        """All that plain CGI says to a poll, from the snapshot as it is; it compiles nothing."""
        request = {"REQUEST_METHOD": "GET", "PATH_INFO": f"/{uuid}", "QUERY_STRING": "format=links"}
        env = {**self.environment, **request, "GATEWAY_INTERFACE": "CGI/1.1"}
        env.pop("SIGNPOST_DATA", None)
        command = [str(kwargs.pop("program", RESPONDER))]
        kwargs = {"env": env, "stdin": subprocess.DEVNULL, "timeout": LIMIT, **kwargs}
        run = subprocess.run(command, capture_output=True, check=True, **kwargs)
        return run.stdout.decode()

    def status(self, check=0):
        """What `signpost status --json` says."""
        return json.loads(self.signpost("status", "--json", check=check).stdout)

    def served(self, uuid=UUID, env=None):
        """The links that a plain CGI responder gives now; [] for a 404."""
        env = dict(
            env or self.environment,
            REQUEST_METHOD="GET",
            PATH_INFO=f"/{uuid}",
            QUERY_STRING="format=links",
            GATEWAY_INTERFACE="CGI/1.1",
        )
        env.pop("SIGNPOST_DATA", None)
        run = subprocess.run(
            [RESPONDER], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=LIMIT
        )
        self.assertEqual(0, run.returncode)
        head, _, body = run.stdout.decode().partition("\r\n\r\n")
        if head.startswith("Status: 404 "):
            return []
        self.assertTrue(head.startswith("Status: 200 "), head)
        return body.split("\n")

    def start(self, *command, name="process", **kwargs):
        """Starts a program that is stopped at the end of the test at the latest."""
        self.started += 1
        log = self.dir / f"{name}-{self.started}.log"
        kwargs.setdefault("env", self.environment)
        kwargs.setdefault("cwd", self.dir)
        if "user" in kwargs:
            command = (self.within_reach(command[0]), *command[1:])
        process = Process(command, log, **kwargs)
        self.addCleanup(process.stop)
        return process

    def responder(self, refresh=False, socket_path=None, **kwargs):
        """Starts the responder on a socket, ready when this returns; its end must be clean."""
        path = pathlib.Path(socket_path or self.dir / "fcgi.sock")
        process = self.start_responder("-s", path, refresh=refresh, **kwargs)
        process.path = path
        until(lambda: self.can_connect(path) or not process.is_alive(), "the responder")
        self.assertTrue(process.is_alive(), process.said())
        return process

    def heir(self, listener, refresh=False, **kwargs):
        """As responder, on a listening socket that it inherits as its standard input."""
        process = self.start_responder(refresh=refresh, stdin=listener, **kwargs)
        until(lambda: is_ready(process.pid) or not process.is_alive(), "the responder")
        self.assertTrue(process.is_alive(), process.said())
        return process

    def start_responder(self, *args, refresh=False, program=RESPONDER, **kwargs):
        env = dict(kwargs.pop("env", self.environment))
        if not refresh:
            env.pop("SIGNPOST_DATA", None)
        kwargs.setdefault("valgrind", True)
        process = self.start(program, *args, name="responder", env=env, **kwargs)
        self.addCleanup(self.assert_clean_end, process)
        return process

    def listen(self, path=None, backlog=1024):
        """A listening socket as a supervisor makes it."""
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(path or self.dir / "fcgi.sock"))
        listener.listen(backlog)
        return listener

    def within_reach(self, program):
        """A copy for another user, who may be unable to reach the build."""
        copy = self.dir / pathlib.Path(program).name
        return copy if copy.exists() else shutil.copy(program, copy)

    def as_nobody(self):
        """How to start a program as someone without rights but in the test's directory."""
        if os.geteuid() != 0:
            return {}
        self.dir.chmod(0o777)
        return {"user": 65534, "group": 65534, "extra_groups": []}

    # Addresses that the test makes use of beside UUIDs and what it gives to devices.
    tokens = ()

    # The starts of the names of logs that may: of programs of others, not told to be quiet.
    prints_secrets = ()

    def assert_no_secret_is_logged(self):
        """When all has ended: no log of any program that the test ran holds a whole UUID or token.

        Not only those that the test used: nothing that looks like one.
        """
        leaks = []
        tokens = {*self.tokens, *self.registry.tokens}
        said = {log.relative_to(self.dir): log.read_text(errors="replace") for log in logs(self.dir)}
        for log, text in [*said.items(), *self.complaints]:
            if SECRET.search(text) and not str(log).startswith(self.prints_secrets):
                leaks += [f"{log}: {line[:300]}" for line in text.splitlines() if SECRET.search(line)]
            leaks += [f"{log}: the token {t[:4]}..." for t in tokens if t in text]
        self.assertEqual([], leaks[:10], "what is logged")

    def assert_clean_end(self, process):
        """The responder ends with 0 on SIGTERM; sanitizers and valgrind have found nothing."""
        status = process.stop()
        found = process.memcheck.read_text() if process.memcheck else ""
        self.assertEqual((0, ""), (status, found), process.said())

    @staticmethod
    def can_connect(path):
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(str(path))
                return True
            except OSError:
                return False


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a UNIX socket, where web servers of tests listen."""

    def __init__(self, path):
        super().__init__("localhost", timeout=LIMIT)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    """An HTTP answer: status, headers (a list of pairs as sent), body."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.getheaders()
        self.body = response.read()

    def header(self, name):
        values = [v for k, v in self.headers if k.lower() == name.lower()]
        return values[0] if values else None

    def links(self):
        """The links of a base64 body, decoded strictly."""
        return base64.b64decode(self.body, validate=True).decode().split("\n")


def fetch(connection, path, method="GET", headers=None, body=None):
    """One request on a connection (a path of a UNIX socket, a TCP port, or an open connection)."""
    if isinstance(connection, int):
        connection = http.client.HTTPConnection("127.0.0.1", connection, timeout=LIMIT)
    elif isinstance(connection, (str, pathlib.Path)):
        connection = UnixConnection(connection)
    connection.request(method, path, body=body, headers=headers or {})
    return Answer(connection.getresponse())


def exchange(path, request):
    """Sends raw bytes to a UNIX socket and returns all that comes back until the end."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(LIMIT)
        s.connect(str(path))
        s.sendall(request)
        s.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: s.recv(65536), b""))
