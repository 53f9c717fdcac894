"""One face for every miss: whoever is refused, at any spelling, by any request, gets the same bytes.

Beside misses.py, whose table is of paths: here each kind of miss is asked by each request, and all
that comes back on the connection is compared, the answer to a request behind it as well.
"""

import misses
from misses import BLOCKED, OF_BLOCKED, OF_EXPIRED, OF_NOBODY, WITHOUT_CORE, masked, talk
from support import UNKNOWN, UUID

# What the kinds of misses are called, and what stands behind the host.
KINDS = {
    "unknown UUID": f"/api/{UNKNOWN}",
    "blocked device": f"/api/{BLOCKED}",
    "expired user": f"/api/{OF_EXPIRED}",
    "blocked user": f"/api/{OF_BLOCKED}",
    "device of nobody": f"/api/{OF_NOBODY}",
    "device without servers": f"/api/{WITHOUT_CORE}",
    "unknown UUID without /api": f"/{UNKNOWN}",
    "malformed UUID": f"/api/{UUID[:-1]}g",
    "UUID too short": f"/api/{UUID[:-1]}",
    "wrong path under /api/": "/api/there-is-no-such-page",
    "wrong path": misses.PLAIN,
}
LIVE = {"live device": f"/api/{UUID}", "live device without /api": f"/{UUID}"}


def encoded_slashes(path):
    return "/" + path[1:].replace("/", "%2F")


SPELLINGS = {
    "as it is": lambda path: path,
    "trailing slash": lambda path: path + "/",
    "two trailing slashes": lambda path: path + "//",
    "encoded trailing slash": lambda path: path + "%2f",
    "encoded slash": encoded_slashes,
    "//": lambda path: "/" + path.replace("/", "//"),
    "dot segment": lambda path: "/." + path,
    "dot segment at the end": lambda path: path + "/.",
    "two dots": lambda path: "/nix/.." + path,
    "encoded dots": lambda path: "/nix/%2E%2e" + path,
    "encoded letters": lambda path: "".join(f"%{ord(c):02x}" if c != "/" else c for c in path),
    "query": lambda path: path + "?format=links",
    "a format behind it": lambda path: path + "/clash",
    "no format behind it": lambda path: path + "/nix",
    "semicolon": lambda path: path + ";v=1",
    "absolute": lambda path: "http://example.org" + path,
}
# What of these leads to the links where the path does.
LEADS_ON = ("as it is", "encoded slash", "//", "dot segment", "two dots", "encoded dots")
LEADS_ON += ("encoded letters", "query", "a format behind it", "absolute")

METHODS = [*misses.METHODS, "TRACE", "MKCOL"]
TOKENS = "If-None-Match: \"x\", W/\"y\""
TIME = "Sat, 01 Jan 2050 00:00:00 GMT"

# What comes with a request: name, protocol version, header lines, body.
SHAPES = [
    ("plain", "1.1", [], b""),
    ("HTTP/1.0", "1.0", [], b""),
    ("HTTP/1.0, kept", "1.0", ["Connection: keep-alive"], b""),
    ("HTTP/1.0, gzip", "1.0", ["Accept-Encoding: gzip"], b""),
    ("Range", "1.1", ["Range: bytes=0-3"], b""),
    ("Range of the end", "1.1", ["Range: bytes=-1"], b""),
    ("ranges", "1.1", ["Range: bytes=0-0,2-3,-1"], b""),
    ("Range beyond", "1.1", ["Range: bytes=99999-"], b""),
    ("no Range", "1.1", ["Range: bytes=x"], b""),
    ("If-Range", "1.1", ["Range: bytes=0-3", 'If-Range: "x"'], b""),
    ("If-None-Match", "1.1", [TOKENS], b""),
    ("If-None-Match *", "1.1", ["If-None-Match: *"], b""),
    ("If-Match", "1.1", ['If-Match: "x"'], b""),
    ("If-Modified-Since", "1.1", [f"If-Modified-Since: {TIME}"], b""),
    ("If-Unmodified-Since", "1.1", ["If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT"], b""),
    ("gzip", "1.1", ["Accept-Encoding: gzip, deflate, br, zstd"], b""),
    ("a browser", "1.1", ["Accept: text/html", "Accept-Language: ru", "User-Agent: Mozilla"], b""),
    ("an app", "1.1", ["User-Agent: ClashMeta/1.19"], b""),
    ("a preview", "1.1", ["User-Agent: TelegramBot (like TwitterBot)"], b""),
    ("body", "1.1", ["Content-Type: text/plain"], b"x" * 100),
    ("Expect", "1.1", ["Expect: 100-continue"], b"x" * 100),
    ("Upgrade", "1.1", ["Connection: Upgrade", "Upgrade: websocket"], b""),
]

LARGE_BODY = b"x" * (2 << 20)
HEADERS_16K = {
    "one of 16 KB": ["X-Filler: " + "x" * 16384],
    "two of 8 KB": [f"X-Filler-{i}: " + "x" * 8192 for i in range(2)],
    "three of 5 KB": [f"X-Filler-{i}: " + "x" * 5400 for i in range(3)],
    "16 of 1 KB": [f"X-Filler-{i}: " + "x" * 1010 for i in range(16)],
    "400 of 40 bytes": [f"X-Filler-{i:03}: " + "x" * 26 for i in range(400)],
    "a known one of 7 KB": ["User-Agent: " + "x" * 7000, "Accept: " + "y" * 7000],
    "cookies": ["Cookie: a=" + "b" * 4000] * 4,
}


def exchange(address, method, path, version="1.1", lines=(), body=b""):
    """All that comes back to a request and to a GET behind it, on one connection.

    Where the server closes after the first, there is no second answer.
    """
    first = misses.request(method, path, version, lines, body, close=False)
    return masked(talk(address, first + misses.request("GET", misses.PLAIN)))


def chunked(method, path, body):
    """The bytes of a request whose body comes in chunks."""
    head = misses.request(method, path, lines=["Transfer-Encoding: chunked"], close=False)
    pieces = [body[i : i + 65000] for i in range(0, len(body), 65000)]
    return head + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


def kinds(method, spelling):
    """(name, path) of everything that must be a miss by this method and in this spelling."""
    is_hit = method in ("GET", "HEAD") and spelling in LEADS_ON
    paths = {**KINDS, **({} if is_hit else LIVE)}
    return [(name, SPELLINGS[spelling](path)) for name, path in paths.items()]


def every_request(methods=METHODS, shapes=SHAPES, spellings=SPELLINGS):
    """(words, [(name, path)], method, shape) of each group whose answers must be the same."""
    for method in methods:
        for name, *shape in shapes:
            for spelling in spellings:
                yield f"{method} ({name}) {spelling}", kinds(method, spelling), method, shape


def first_odd(group, ask):
    """None, or which of a group (name, path) is answered otherwise than the last, and how."""
    wanted = ask(group[-1][1])
    if not wanted:
        return "no answer at all", group[-1][1][:80], b"", b""
    for name, path in group[:-1]:
        got = ask(path)
        if got != wanted:
            return name, path[:80], got[:400], wanted[:400]
    return None
