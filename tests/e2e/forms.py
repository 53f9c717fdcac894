"""What the tests of forms share: servers of every kind, and a responder that is asked cheaply."""

import re

import fcgi
from support import UUID, TestCase

PBK = "E59WjnvZcQMu7tR7_BgyhycuEdBS-CtKxfImRCdAvFM"
SUM = "5e" * 32  # of a certificate
FORMATS = {
    "base64": "text/plain; charset=utf-8",
    "links": "text/plain; charset=utf-8",
    "clash": "text/yaml; charset=utf-8",
    "sing-box": "application/json",
    "xray": "application/json",
    "page": "text/html; charset=utf-8",
}
HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
    "Safari/537.36"
)
# Who asks for each version of the sing-box form.
SING_BOX = {
    "1.9": "SFA/1.9.7 (300; sing-box 1.9.7; language en_US)",
    "1.10": "SFI (sing-box 1.10.0; language en_US)",
    "1.11": "SFM (sing-box 1.11.15; language en_US)",
    "1.12": "SFA/1.13.1 (578; sing-box 1.13.1; language en_US)",
}

_TLS = {"sni": "cdn.example.com"}
_REALITY = {"security": "reality", "sni": "www.example.com", "pbk": PBK, "sid": "0123456789abcdef"}
_HTTP = {"path": "/a/b", "host": "front.example.com"}
_EXTRA = {"xPaddingBytes": "100-1000", "noGRPCHeader": False, "xmux": {"maxConcurrency": "16-32"}}

# Every transport by every security that works with it, and what else a server may ask for: each
# with what is written beside the type, and what an app must know that not all of them do.
KINDS = [
    ("tcp", {"security": "none", "address": "10.0.0.1"}, ()),
    ("tcp", {**_TLS, "alpn": "h2,http/1.1"}, ()),
    ("tcp", {**_TLS, "flow": "xtls-rprx-vision", "fp": "firefox"}, ()),
    ("tcp", {**_REALITY, "flow": "xtls-rprx-vision", "address": "2001:db8::10"}, ()),
    ("tcp", {**_REALITY, "spx": "/spider", "pqv": "x-_" * 867 + "yz"}, ()),
    ("tcp", {**_TLS, "ech": "AEn+DQBFKwAgACABWIHUGj4u+PIggYXcR5JF0gYk3dCRioBW8uJq9H4mKA=="}, ()),
    ("tcp", {**_TLS, "pcs": SUM}, ("pin",)),
    ("tcp", {**_TLS, "vcn": "a.example.com,b.example.com"}, ("vcn",)),
    ("tcp", {"security": "none", "encryption": "mlkem768x25519plus.native.0rtt.x-_"}, ("enc",)),
    ("ws", {"security": "none", "address": "10.0.0.2", "path": "/plain"}, ()),
    ("ws", {**_TLS, **_HTTP, "path": "/ws?ed=2048"}, ()),
    ("ws", {**_TLS}, ()),
    ("grpc", {"security": "none", "address": "10.0.0.3", "serviceName": "a.b"}, ()),
    ("grpc", {**_TLS, "serviceName": "a.B_c", "mode": "multi", "authority": "x.example.com"}, ()),
    ("grpc", {**_REALITY, "serviceName": "GunService", "mode": "gun"}, ()),
    ("grpc", {**_TLS, "serviceName": "/a/b/Stream"}, ("path",)),
    ("httpupgrade", {"security": "none", "address": "10.0.0.4"}, ()),
    ("httpupgrade", {**_TLS, **_HTTP}, ()),
    ("xhttp", {"security": "none", "address": "10.0.0.5", "path": "/x"}, ("xhttp",)),
    ("xhttp", {**_TLS, **_HTTP, "mode": "auto"}, ("xhttp",)),
    ("xhttp", {**_TLS, **_HTTP, "extra": _EXTRA}, ("xhttp", "extra")),
    ("xhttp", {**_REALITY, "path": "/x", "mode": "stream-up"}, ("xhttp",)),
]
UNKNOWN_TO = {
    "links": set(),
    "base64": set(),
    "xray": set(),
    "page": set(),
    "clash": {"vcn", "path", "extra"},
    "sing-box": {"pin", "vcn", "enc", "path", "xhttp", "extra"},
}


def client(number, kind=None):
    """(client, what an app must know) of the nth server; the port tells it from all others."""
    transport, fields, needs = KINDS[(number if kind is None else kind) % len(KINDS)]
    address = f"s{number}.example.org"
    return {"address": address, "port": 20000 + number, "type": transport, **fields}, needs


def has_query(client):
    """sing-box escapes the question mark of any but the early data that Signpost splits off."""
    path = client.get("path", "") if client.get("type") in ("ws", "httpupgrade") else ""
    return "?" in path and not re.fullmatch(r"[^?]*\?ed=\d+", path)


class Forms(TestCase):
    """A device and its servers; a responder that tells one form from the other by what asks."""

    def setUp(self):
        super().setUp()
        self.registry.user()
        self.registry.device()

    def add_servers(self, names, **fields):
        """An endpoint of each name, of one kind after the other; returns name -> client, needs."""
        found = {}
        for number, name in enumerate(names):
            found[name] = client(number)
            record = {"status": "active", "name": name, "client": found[name][0], **fields}
            self.registry.write(f"endpoints/{number:03}.json", record)
        return found

    def serve(self, check=0):
        """Compiles, and asks from now on what answers then."""
        self.compile(check)
        self.process = self.responder()
        self.client = fcgi.Client(self.process.path)
        self.addCleanup(self.client.socket.close)
        return self.process

    def ask(self, path=f"/api/{UUID}", query="", agent=None, accept=None, tag=None, **kwargs):
        """A reply on the kept connection."""
        said = {"HTTP_USER_AGENT": agent, "HTTP_ACCEPT": accept, "HTTP_IF_NONE_MATCH": tag}
        kwargs.update((name, value) for name, value in said.items() if value is not None)
        return self.client.ask(path, query=query, **kwargs)

    def get(self, form, **kwargs):
        """The body of a form that must be there: a format's name, or a version of sing-box."""
        if form in SING_BOX:
            kwargs["agent"] = SING_BOX[form]
        else:
            kwargs["query"] = f"format={form}"
        reply = self.ask(**kwargs)
        self.assertEqual(200, reply.status, form)
        wanted = FORMATS["sing-box" if form in SING_BOX else form]
        self.assertEqual(wanted, reply.headers["content-type"], form)
        return reply.body

    def usable(self, found, form):
        """The names of those servers that can be said in the form."""
        unknown = UNKNOWN_TO["sing-box" if form in SING_BOX else form]
        names = [name for name, (_, needs) in found.items() if not unknown & set(needs)]
        if form in SING_BOX:
            names = [name for name in names if not has_query(found[name][0])]
        return sorted(names)
