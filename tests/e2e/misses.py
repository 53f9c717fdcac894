"""Misses, as a probe would try them: paths, methods and headers, compared byte by byte.

Nobody who does not hold a live UUID may learn that something other than an ordinary web site runs
here: whatever is asked for that is not there must be answered by the very same bytes.
"""

import re
import socket

from support import CORE, LIMIT, UNKNOWN, UUID

BLOCKED = "8f3c5d1e-6324-4d53-ad4f-8cda48b30801"
OF_EXPIRED = "8f3c5d1e-6324-4d53-ad4f-8cda48b30802"
OF_BLOCKED = "8f3c5d1e-6324-4d53-ad4f-8cda48b30803"
OF_NOBODY = "8f3c5d1e-6324-4d53-ad4f-8cda48b30804"
WITHOUT_CORE = "8f3c5d1e-6324-4d53-ad4f-8cda48b30805"
BY_TOKEN = "8f3c5d1e-6324-4d53-ad4f-8cda48b30806"
TOKEN, ENDED = "AbCdEfGhIjKlMnOpQrSt_-", "Ended00000000000000_-x"
OF_BLOCKED_TOKEN = "Blocked000000000000_-x"

PLAIN = "/there-is-no-such-page"


def fill(registry):
    """The minimal registry, and a device for every way to be refused."""
    registry.minimal()
    registry.device(BLOCKED, status="blocked", tokens=[OF_BLOCKED_TOKEN])
    tokens = [TOKEN, {"token": ENDED, "until": "2020-01-31"}]
    registry.device(BY_TOKEN, uuid_addresses="off", tokens=tokens)
    registry.user(8, expires="2020-01-31")
    registry.device(OF_EXPIRED, user_id=8)
    registry.user(9, status="blocked")
    registry.device(OF_BLOCKED, user_id=9)
    registry.device(OF_NOBODY, user_id=10)
    registry.user(11, core_nodes=[])
    registry.device(WITHOUT_CORE, user_id=11)
    registry.node(CORE, location="Amsterdam")


def fill_site(site):
    """A decoy with a page in a directory and a directory without one."""
    (site / "about").mkdir(parents=True)
    (site / "img").mkdir()
    (site / "index.html").write_text("<title>Bakery</title>\n")
    (site / "about" / "index.html").write_text("<title>About</title>\n")
    (site / "img" / "logo.svg").write_text("<svg/>\n")


REFUSED = [
    form + uuid
    for form in ("/api/", "/")
    for uuid in (UNKNOWN, BLOCKED, OF_EXPIRED, OF_BLOCKED, OF_NOBODY, WITHOUT_CORE, BY_TOKEN,
                 ENDED, OF_BLOCKED_TOKEN, TOKEN.lower(), TOKEN[1:], TOKEN + "x" * 200)
]

# Near misses of a UUID that has links.
MALFORMED = [
    f"/api/{UUID[:-1]}",
    f"/api/{UUID}0",
    f"/api/{UUID}/",
    f"/{UUID}/",
    f"/api/{UUID}/x",
    f"/api/{UUID}.json",
    f"/api/{UUID}%20",
    f"/api/{UUID.replace('-', '')}",
    f"/api/%7B{UUID}%7D",
    f"/api/urn:uuid:{UUID}",
    f"/api/{UUID[:-1]}g",
    f"/api/{UUID},{UUID}",
    f"/api/{UUID};v=1",
    f"/API/{UUID}",
    f"/v1/api/{UUID}",
    f"/api/api/{UUID}",
    f"/api%3F/{UUID}",
    f"/api?{UUID}",
    f"/api/?uuid={UUID}",
]

OTHER = [
    "/nix",
    "/api",
    "/api/",
    "/api/x",
    "/api/x/",
    "/api//",
    "//nix",
    "/api%2F",
    f"/api%2F{UNKNOWN}",
    f"/api/%2e%2e/{UNKNOWN}",
    f"/x/../api/{UNKNOWN}",
    f"/./api/./{UNKNOWN}",
    f"/api/{UNKNOWN}?format=links",
    "/nix?a=b&c",
    "/nix?",
    "/api?x=1",
    "/img",
    "/img/",
    "/index.html/",
    "/index.html/api/x",
    "/index.php",
    "/.env",
    "/.git/HEAD",
    "/cgi-bin/signpost.fcgi",
    "/signpost.fcgi",
    "/site/index.html",
    "/n%C3%AFx/%F0%9F%9A%80",
    "/a" * 100,
    "/" + "a" * 4000,
]

PATHS = REFUSED + MALFORMED + OTHER
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "FOO"]

# What comes with a request: name, protocol version, header lines, body.
SHAPES = [
    ("plain", "1.1", [], b""),
    ("HTTP/1.0", "1.0", [], b""),
    ("Range", "1.1", ["Range: bytes=0-3"], b""),
    ("If-None-Match", "1.1", ['If-None-Match: "x", W/"y", *'], b""),
    ("gzip", "1.1", ["Accept-Encoding: gzip, br", "Accept: text/html"], b""),
    ("body", "1.1", ["Content-Type: text/plain"], b"x" * 100),
    ("large body", "1.1", ["Content-Type: text/plain"], b"x" * 500_000),
]


def request(method, path, version="1.1", lines=(), body=b"", close=True):
    """The bytes of a request."""
    head = [f"{method} {path} HTTP/{version}", "Host: example.org", *lines]
    if body:
        head.append(f"Content-Length: {len(body)}")
    if close and version == "1.1":
        head.append("Connection: close")
    return "\r\n".join([*head, "", ""]).encode() + body


def talk(address, data):
    """Sends bytes to a UNIX socket or a (host, port); returns all that comes back until the end.

    The sending side stays open, since servers take its end for the client's going away. One that
    closes before it has read everything may have answered all the same.
    """
    family = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
    with socket.socket(family) as s:
        s.settimeout(LIMIT)
        s.connect(address if isinstance(address, tuple) else str(address))
        answer = b""
        try:
            s.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            while piece := s.recv(1 << 16):
                answer += piece
        except ConnectionResetError:
            pass
        return answer


def masked(answer):
    """An answer without its date; Apache shuffles the methods of Allow anew at each start."""
    answer = re.sub(rb"\r\nDate: [^\r]+", b"\r\nDate: -", answer, flags=re.I)
    return re.sub(rb"(?<=\r\nAllow: )[^\r]+", lambda m: b",".join(sorted(m[0].split(b","))), answer)


def status(answer):
    """The status of raw bytes; 0 when they are no answer."""
    match = re.match(rb"HTTP/1\.[01] (\d+) ", answer)
    return int(match[1]) if match else 0


def table(paths=PATHS, methods=METHODS, shapes=SHAPES):
    """Every miss: (words for it, method, path, shape). A live address is one for other methods."""
    for method in methods:
        live = [] if method in ("GET", "HEAD") else [f"/api/{UUID}", f"/{UUID}?format=links"]
        for name, *shape in shapes:
            for path in [*paths, *live]:
                yield f"{method} {path[:80]} ({name})", method, path, shape


def odd_ones(address, other=None, **kwargs):
    """The misses that do not look like a page that is not there: words for each, and both answers.

    With another address, each is compared with what the server there says to the same request.
    The first few are enough to know.
    """
    odd, plain = [], {}
    for words, method, path, shape in table(**kwargs):
        if other is not None:
            wanted = masked(talk(other, request(method, path, *shape)))
        else:
            key = (method, str(shape[:2]), len(shape[2]))
            if key not in plain:
                plain[key] = masked(talk(address, request(method, PLAIN, *shape)))
            wanted = plain[key]
        got = masked(talk(address, request(method, path, *shape)))
        if got != wanted:
            odd.append((words, got[:300], wanted[:300]))
            if len(odd) == 5:
                break
    return odd
