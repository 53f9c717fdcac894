"""Ways into entry nodes, right and wrong, for real.py: what both sides must agree on.

A way is an endpoint's `client:` without port. Words in capitals stand for what is made when the
tests run: PIN, ENCRYPTION, ECH, PQV, the first three also as OTHER_…, those of somebody else.
"""

NAME = "www.example.com"  # in the entry nodes' certificate
HOST = "entry.example.com"  # what the name server of the place has an address for
TARGET = 8443  # what REALITY shows to others
# The pair of Xray's own tests.
PRIVATE_KEY = "aGSYystUbf59_9_6LKRxD27rmSW_-2_nyd9YG_Gwbks"
PBK = "E59WjnvZcQMu7tR7_BgyhycuEdBS-CtKxfImRCdAvFM"
OTHER_PBK = "Z84J2IelR9ch3k8VtlVhhs5ycBUlXA7wHBWcBrjqnAw"
SID = "0123456789abcdef"

TLS = {"security": "tls", "sni": NAME}
REALITY = {"security": "reality", "sni": NAME, "pbk": PBK, "sid": SID}
PLAIN = {"security": "none"}
VISION = {"flow": "xtls-rprx-vision"}
TCP = {"type": "tcp"}
GRPC = {"type": "grpc", "serviceName": "api.v2.rpc.0123456789abcdef"}
WS = {"type": "ws", "path": "/ws", "host": NAME}
UPGRADE = {"type": "httpupgrade", "path": "/hu", "host": NAME}
XHTTP = {"type": "xhttp", "path": "/xh"}
EXTRA = {"xPaddingBytes": "100-200", "scMaxEachPostBytes": 100000}

# What people call servers, with what must be quoted in YAML, JSON and links.
ODD_NAME = "Zürich 🇨🇭 «50%», \"a\\b\": {x} [y] #1 & 'z'?"

WAYS = {
    "tcp": {**TCP, **PLAIN},
    "tcp+encryption": {**TCP, **PLAIN, "encryption": "ENCRYPTION"},
    "tcp+tls": {**TCP, **TLS},
    "tcp+tls+vision": {**TCP, **TLS, **VISION},
    "tcp+tls+ech": {**TCP, **TLS, "ech": "ECH"},
    "tcp+tls+pin": {**TCP, **TLS, "pcs": "PIN"},
    "tcp+tls+pins": {**TCP, **TLS, "pcs": "OTHER_PIN,PIN"},
    "tcp+tls+vcn": {**TCP, **TLS, "sni": "other.example.com", "vcn": NAME},
    "tcp+tls by IPv6": {**TCP, **TLS, "address": "::1"},
    "tcp+tls by name": {**TCP, **TLS, "address": HOST},
    ODD_NAME: {**TCP, **TLS, "fp": "firefox"},
    "tcp+reality": {**TCP, **REALITY, "fp": "safari"},
    "tcp+reality+vision": {**TCP, **REALITY, **VISION, "spx": "/"},
    "tcp+reality without sid": {**TCP, **REALITY, "sid": None},
    "tcp+reality+pqv": {**TCP, **REALITY, "pqv": "PQV"},
    "grpc+tls": {**GRPC, **TLS, "alpn": "h2"},
    "grpc+tls+multi": {**GRPC, **TLS, "alpn": "h2", "mode": "multi", "authority": NAME},
    "grpc+tls+path": {**GRPC, **TLS, "alpn": "h2", "serviceName": "/one/two/Three"},
    "grpc+reality": {**GRPC, **REALITY},
    "ws+tls": {**WS, **TLS, "alpn": "http/1.1"},
    "ws+tls+ed": {**WS, **TLS, "path": "/ws?ed=2048"},
    "httpupgrade+tls": {**UPGRADE, **TLS},
    "httpupgrade+tls+ed": {**UPGRADE, **TLS, "path": "/hu?ed=2048"},
    "xhttp+tls": {**XHTTP, **TLS, "alpn": "h2"},
    "xhttp+tls+packet-up": {**XHTTP, **TLS, "alpn": "h2", "mode": "packet-up"},
    "xhttp+tls+stream-up": {**XHTTP, **TLS, "alpn": "h2", "mode": "stream-up"},
    "xhttp+tls+stream-one": {**XHTTP, **TLS, "alpn": "h2", "mode": "stream-one", "host": NAME},
    "xhttp+tls+extra": {**XHTTP, **TLS, "alpn": "h2", "extra": EXTRA},
    "xhttp+reality": {**XHTTP, **REALITY},
}

ONE = "tcp+reality+vision"  # for profiles of one server
# What must not let in: the way that it is made from, and what is wrong in it.
WRONG = {
    "wrong encryption": ("tcp+encryption", {"encryption": "OTHER_ENCRYPTION"}),
    "no flow": ("tcp+tls+vision", {"flow": None}),
    "wrong sni": ("tcp+tls", {"sni": "other.example.com"}),
    "wrong ech": ("tcp+tls+ech", {"ech": "OTHER_ECH"}),
    "wrong pin": ("tcp+tls+pin", {"pcs": "OTHER_PIN"}),
    "no pin": ("tcp+tls+pin", {"pcs": None}),
    "wrong vcn": ("tcp+tls+vcn", {"vcn": "other.example.org"}),
    "wrong pbk": ("tcp+reality+vision", {"pbk": OTHER_PBK}),
    "wrong sid": ("tcp+reality+vision", {"sid": "fedcba9876543210"}),
    "wrong sid of grpc": ("grpc+reality", {"sid": "fedcba9876543210"}),
    "wrong serviceName": ("grpc+tls", {"serviceName": "api.v2.rpc.ffffffffffffffff"}),
    "wrong path of ws": ("ws+tls", {"path": "/wx"}),
    "wrong path of httpupgrade": ("httpupgrade+tls", {"path": "/hx"}),
    "wrong path of xhttp": ("xhttp+tls", {"path": "/xx"}),
}


def complete(client, words):
    """A client: with the words that stand for something replaced, without what is None."""
    told = {}
    for key, value in client.items():
        if isinstance(value, str):
            value = ",".join(words.get(part, part) for part in value.split(","))
        if value is not None:
            told[key] = value
    return told


def clients(words):
    """Every `client:` with address and port, by name: (the right ones, the wrong ones)."""
    right = {}
    for number, (name, way) in enumerate(WAYS.items()):
        right[name] = complete({"address": "127.0.0.1", "port": 2000 + number, **way}, words)
    wrong = {
        name: complete({**right[of], **change}, words) for name, (of, change) in WRONG.items()
    }
    return right, wrong


def stream_settings(client, certificate, keys, target=TARGET):
    """The streamSettings of Xray's inbound that a right client fits.

    keys: its own, by setting; target: the port of what REALITY shows.
    """
    kind, path = client["type"], client.get("path", "").partition("?")[0]
    settings = {"network": kind, "security": client["security"]}
    if kind == "grpc":
        settings["grpcSettings"] = {"serviceName": client["serviceName"]}
    elif kind != "tcp":
        settings[f"{kind}Settings"] = {"path": path}
    if client["security"] == "tls":
        file, key = map(str, certificate)
        settings["tlsSettings"] = {"certificates": [{"certificateFile": file, "keyFile": key}]}
        if "ech" in client:
            settings["tlsSettings"]["echServerKeys"] = keys["echServerKeys"]
    elif client["security"] == "reality":
        settings["realitySettings"] = {
            "target": f"127.0.0.1:{target}",
            "serverNames": [NAME],
            "privateKey": PRIVATE_KEY,
            "shortIds": [client.get("sid", "")],
            # Without it only Xray itself is let in.
            "minClientVer": "1.8.0",
        }
        if "pqv" in client:
            settings["realitySettings"]["mldsa65Seed"] = keys["mldsa65Seed"]
    return settings
