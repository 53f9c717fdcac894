"""How client apps take a body apart, each in its own way and with its own faults.

Small re-implementations of what the apps' code does between the bytes of an answer and their list
of servers: v2rayN 7.24 (ConfigHandler, BaseFmt, V2rayFmt), v2rayNG 2.3 (AngConfigManager, FmtBase),
Hiddify 4.1 (its core and ray2sing) and Throne (RawUpdater). None of it comes from Signpost.
"""

import base64
import dataclasses
import json
import re
from urllib.parse import unquote, unquote_plus


@dataclasses.dataclass
class Server:
    """One entry of a list, as the app holds it; fields are the link's parameters."""

    uuid: str
    host: str
    port: int
    fields: dict
    remark: str


@dataclasses.dataclass
class Reading:
    """What an app makes of a body: in which form, and the servers or the names of profiles."""

    form: str  # links, xray, sing-box, clash, or nothing
    servers: list = dataclasses.field(default_factory=list)
    names: list = dataclasses.field(default_factory=list)


NOTHING = Reading("nothing")


def as_json(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


# v2rayN: .NET.


def dotnet_base64(text):
    """Convert.FromBase64String: white space is passed over; None where it throws."""
    text = re.sub(r"[ \t\r\n]", "", text)
    try:
        return base64.b64decode(text, validate=True).decode(errors="replace")
    except ValueError:
        return None


def lenient_base64(text):
    """Utils.Base64Decode: both alphabets, any length."""
    text = text.strip().replace("_", "/").replace("-", "+").replace(" ", "")
    return dotnet_base64(text + "=" * (-len(re.sub(r"\s", "", text)) % 4)) or ""


def v2rayn_pairs(query):
    """Utils.ParseQueryString: pairs with exactly one '=', the first of a name counts, + stays."""
    pairs = {}
    for part in query.split("&"):
        words = part.split("=")
        if len(words) == 2:
            pairs.setdefault(unquote(words[0]), unquote(words[1]))
    return pairs


URI = re.compile(
    r"vless://([^@/?#]*)@(\[[0-9A-Fa-f:.]+\]|[^][:/?#@ ]+):(\d+)/?\?([^#]*)(?:#(.*))?"
)


def v2rayn_link(line):
    """VLESSFmt.Resolve: what is decoded already is decoded again, but for three fields."""
    match = URI.fullmatch(line.strip())
    if not match or int(match[3]) > 65535:
        return None
    once = ("sni", "security", "encryption", "type")
    fields = {k: v if k in once else unquote(v) for k, v in v2rayn_pairs(match[4]).items()}
    remark = unquote(match[5] or "")
    return Server(unquote(match[1]), match[2].strip("[]"), int(match[3]), fields, remark)


def v2rayn_links(text):
    """AddBatchServersCommon: equal lines count once."""
    lines = dict.fromkeys(line for line in re.split("[\r\n]", text) if line)
    found = [v2rayn_link(line) for line in lines if line.strip().startswith("vless://")]
    return [server for server in found if server]


def is_outbound(outbound, kind, others, least):
    """V2rayFmt and SingboxFmt count how many of an outbound's usual fields are there."""
    if not isinstance(outbound, dict) or not outbound.get(kind):
        return False
    return 1 + sum(outbound.get(key) not in (None, "") for key in others) >= least


def v2rayn_full(tree):
    """(form, name) of a whole configuration."""
    if not isinstance(tree, dict) or tree.get("inbounds") is None:
        return None
    outbounds = tree.get("outbounds")
    if not isinstance(outbounds, list):
        return None
    xray = ("settings", "streamSettings", "tag", "mux")
    if any(is_outbound(o, "protocol", xray, 3) for o in outbounds):
        return "xray", tree.get("remarks", "v2ray_custom")
    if any(is_outbound(o, "type", ("tag", "server", "server_port", "tls"), 2) for o in outbounds):
        return "sing-box", "singbox_custom"
    return None


def v2rayn(body):
    """AddBatchServers. Whatever it finds, the servers of before are gone already."""
    text = body.decode()
    for decode in (dotnet_base64, str, lenient_base64):
        servers = v2rayn_links(decode(text) or "")
        if servers:
            return Reading("links", servers)
    tree = as_json(text)
    full = [v2rayn_full(one) for one in (tree if isinstance(tree, list) else [tree])]
    full = [one for one in full if one]
    if full:
        return Reading(full[0][0], names=[name for _, name in full])
    lower = text.lower()
    if all(word in lower for word in ("<html", "<!doctype html", "<head")):
        return NOTHING
    if all(word in lower for word in ("rules", "-port", "proxies")):
        return Reading("clash", names=["clash_custom"])
    return NOTHING


# v2rayNG: Java on Android.


def android_base64(text):
    """android.util.Base64 passes over what is not of the alphabet; None where it throws."""
    text = re.sub(r"[^A-Za-z0-9+/=]", "", text)
    head, _, tail = text.partition("=")
    if len(head) % 4 == 1 or tail.strip("=") or (tail and len(text) % 4):
        return None
    return base64.b64decode(head + "=" * (-len(head) % 4)).decode(errors="replace")


# java.net.URI (RFC 2396): anything else is an exception, and the link is dropped.
JAVA = re.compile(
    r"vless://([0-9a-f-]{36})"
    r"@(\[[0-9a-f:.]+\]|(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z][a-z0-9-]*"
    r"|\d+\.\d+\.\d+\.\d+):(\d+)\?((?:[A-Za-z0-9_.!~*'();/?:@&=+$,\[\]-]|%[0-9A-Fa-f]{2})*)"
    r"#((?:[A-Za-z0-9_.!~*'();/?:@&=+$,\[\]-]|%[0-9A-Fa-f]{2})*)"
)


def java_decode(text):
    """Utils.decodeURIComponent: as it is where a '%' has no two digits behind it."""
    return text if re.search("%(?![0-9A-Fa-f]{2})", text) else unquote(text)


def v2rayng_pairs(query):
    """FmtBase.getQueryParam: the first two pieces of each pair, + is a plus; ValueError without."""
    pairs = {}
    for pair in query.split("&"):
        key, value, *_ = pair.split("=")
        pairs[key] = java_decode(value)
    return pairs


def v2rayng_link(line):
    """VlessFmt.parse; the fragment is decoded by java.net.URI, and then once more."""
    match = JAVA.fullmatch(line.replace(" ", "%20").replace("|", "%7C"))
    if not match or not match[4]:
        return None
    try:
        fields = v2rayng_pairs(match[4])
    except ValueError:
        return None
    remark = java_decode(unquote(match[5])) or "none"
    return Server(match[1], match[2].strip("[]"), int(match[3]), fields, remark)


def v2rayng_links(text):
    lines = dict.fromkeys(re.split("\r\n|\r|\n", text))
    found = [v2rayng_link(line) for line in lines if line.startswith("vless://")]
    return [server for server in found if server]


def v2rayng(body):
    """parseConfigViaSub. Where it finds nothing, the servers of before stay."""
    text = body.decode()
    for decode in (android_base64, str):
        servers = v2rayng_links(decode(text) or "")
        if servers:
            return Reading("links", servers)
    if all(word in text for word in ("inbounds", "outbounds", "routing")):
        tree = as_json(text)
        full = tree if isinstance(tree, list) else [tree]
        if full and all(isinstance(one, dict) for one in full):
            return Reading("xray", names=[one.get("remarks") for one in full])
    return NOTHING


# Hiddify: Go.


def go_base64(text):
    """ray2sing decodeBase64IfNeeded: padded by its length, line breaks and all; else as it is."""
    padded = text + "=" * (-len(text) % 4)
    plain = padded.replace("\r", "").replace("\n", "")
    if len(plain) % 4:
        return text
    try:
        return base64.b64decode(plain, validate=True).decode(errors="replace")
    except ValueError:
        return text


def hiddify_link(line):
    """ParseUrl: net/url, parameters' names in lower case and without '_', + is a space."""
    match = URI.fullmatch(line)
    if not match or re.search(r"[\x00-\x20\x7f]|%(?![0-9A-Fa-f]{2})", line):
        return None
    fields = {}
    for pair in match[4].split("&"):
        key, _, value = pair.partition("=")
        if pair and ";" not in pair:
            key = unquote_plus(key).lower().replace("_", "")
            fields.setdefault(key, []).append(unquote_plus(value))
    fields = {key: ",".join(values) for key, values in fields.items()}
    remark = unquote(match[5] or "") or "vless"
    return Server(unquote(match[1]), match[2].strip("[]"), int(match[3]), fields, remark)


def hiddify(body):
    """The core's parseConfigContent; a server's tag is its name with its number."""
    text = body.decode()
    tree = as_json(text)
    if isinstance(tree, list):
        return NOTHING
    if isinstance(tree, dict):
        if not (tree.get("outbounds") or tree.get("endpoints")):
            return NOTHING
        if not all("type" in outbound for outbound in tree.get("outbounds", [])):
            return NOTHING
        return Reading("sing-box", names=[outbound.get("tag") for outbound in tree["outbounds"]])
    servers = []
    for line in re.split("[\r\n]", go_base64(text)):
        if len(line) < 5 or line[0] in "#/":
            continue
        for part in re.split("&&detour=| -> ", line):
            server = hiddify_link(go_base64(part))
            if server:
                server.remark += f" § {len(servers)}"
                servers.append(server)
    if servers:
        return Reading("links", servers)
    return Reading("clash") if re.search("^proxies:", text, re.M) else NOTHING


def hiddify_userinfo(value):
    """The app's parser of subscription-userinfo; whatever it throws fails the whole update."""
    pairs = [part.strip().split("=") for part in value.split(";")]
    numbers = {pair[0]: int(pair[1]) for pair in pairs}
    if max(numbers.values()) >= 2**63:
        raise ValueError("Dart's int has 64 bits")
    return {key: numbers[key] for key in ("upload", "download", "total", "expire")}


# Throne: Qt.


def throne(body):
    """RawUpdater::update up to single links. Where it finds none, those of before are gone."""
    text = body.decode()
    try:
        return throne(base64.b64decode(text, validate=True))
    except ValueError:
        pass
    if "proxies:" in text:
        return Reading("clash")
    if "outbounds" in text or "endpoints" in text:
        return Reading("sing-box")
    if "[Interface]" in text and "[Peer]" in text:
        return Reading("wireguard")
    if "version" in text and "servers" in text:
        return Reading("SIP008")
    lines = [line.strip() for line in text.split("\n")]
    return Reading("links", [v2rayn_link(line) for line in lines if line.startswith("vless://")])
