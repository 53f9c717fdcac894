"""What a server is in the words of each core, worked out from its record.

By the cores' own documentation: wiki.metacubex.one config/proxies/vless, sing-box.sagernet.org
configuration/outbound/vless, xtls.github.io config/outbounds/vless. Names are left to the tests.
"""

import re

from test_links import is_ip, plain

EARLY = "Sec-WebSocket-Protocol"


def complete(client):
    """A client with what is understood where its record says nothing."""
    whole = {"port": 443, "type": "grpc", "security": "tls", "encryption": "none", **client}
    whole["address"] = plain(whole["address"])
    if whole["type"] in ("ws", "httpupgrade", "xhttp"):
        whole.setdefault("path", "/")
    if whole["security"] != "none":
        whole.setdefault("fp", "chrome")
    if whole["security"] == "tls":
        if not is_ip(whole["address"]):
            whole.setdefault("sni", whole["address"])
        if whole["type"] == "grpc":
            whole.setdefault("alpn", "h2")
    return whole


def kept(**fields):
    """The fields that have a value, by their names with '-' for '_'."""
    return {key.replace("_", "-"): value for key, value in fields.items() if value}


def early_data(path):
    """(path, bytes) of "/path?ed=2048"."""
    match = re.fullmatch(r"(.*)\?ed=(\d+)", path)
    return (match[1], int(match[2])) if match else (path, 0)


def host_of(client):
    return client.get("host") or client.get("sni")


def in_clash(uuid, record):
    """A proxy of mihomo; httpupgrade is a kind of ws there."""
    client = complete(record)
    transport, host = client["type"], host_of(client)
    proxy = {
        "type": "vless",
        "uuid": uuid,
        "server": client["address"],
        "port": client["port"],
        "udp": True,
        "packet-encoding": "xudp",
        "network": "ws" if transport == "httpupgrade" else transport,
    }
    proxy.update(kept(flow=client.get("flow")))
    if client["encryption"] != "none":
        proxy["encryption"] = client["encryption"]
    if client["security"] != "none":
        alpn = client["alpn"].split(",") if client.get("alpn") else None
        proxy.update(tls=True, servername=client["sni"], alpn=alpn, fingerprint=client.get("pcs"))
        proxy["client-fingerprint"] = client["fp"]
        if client.get("ech"):
            proxy["ech-opts"] = {"enable": True, "config": client["ech"]}
    if client["security"] == "reality":
        proxy["reality-opts"] = kept(public_key=client["pbk"], short_id=client.get("sid"))
    if proxy["network"] == "ws":
        path, most = early_data(client["path"])
        options = kept(path=path, headers=kept(Host=host), max_early_data=most)
        if most:
            options["early-data-header-name"] = EARLY
        if transport == "httpupgrade":
            options["v2ray-http-upgrade"] = True
        proxy["ws-opts"] = options
    if transport == "grpc":
        proxy["grpc-opts"] = {"grpc-service-name": client["serviceName"]}
    if transport == "xhttp":
        proxy["xhttp-opts"] = kept(path=client["path"], host=host, mode=client.get("mode"))
    return {key: value for key, value in proxy.items() if value is not None}


def in_sing_box(uuid, record):
    """An outbound of sing-box; tcp is what remains where no transport is named."""
    client = complete(record)
    host = host_of(client)
    outbound = {
        "type": "vless",
        "uuid": uuid,
        "server": client["address"],
        "server_port": client["port"],
    }
    outbound.update(kept(flow=client.get("flow")))
    if client["security"] != "none":
        tls = {"enabled": True, "server_name": client["sni"]}
        tls["utls"] = {"enabled": True, "fingerprint": client["fp"]}
        if client.get("alpn"):
            tls["alpn"] = client["alpn"].split(",")
        if client.get("ech"):
            pem = ["-----BEGIN ECH CONFIGS-----", client["ech"], "-----END ECH CONFIGS-----"]
            tls["ech"] = {"enabled": True, "config": pem}
        if client["security"] == "reality":
            tls["reality"] = {"enabled": True, "public_key": client["pbk"]}
            if client.get("sid"):
                tls["reality"]["short_id"] = client["sid"]
        outbound["tls"] = tls
    if client["type"] == "ws":
        path, most = early_data(client["path"])
        transport = {"type": "ws", "path": path, **kept(headers=kept(Host=host))}
        if most:
            transport.update(max_early_data=most, early_data_header_name=EARLY)
        outbound["transport"] = transport
    elif client["type"] == "httpupgrade":
        outbound["transport"] = {"type": "httpupgrade", **kept(path=early_data(client["path"])[0], host=host)}
    elif client["type"] == "grpc":
        outbound["transport"] = {"type": "grpc", "service_name": client["serviceName"]}
    return outbound


def in_xray(uuid, record):
    """An outbound of Xray."""
    client = complete(record)
    transport, security = client["type"], client["security"]
    user = {"id": uuid, "encryption": client["encryption"], **kept(flow=client.get("flow"))}
    server = {"address": client["address"], "port": client["port"], "users": [user]}
    stream = {"network": transport, "security": security}
    if security == "tls":
        stream["tlsSettings"] = kept(
            serverName=client["sni"],
            fingerprint=client["fp"],
            alpn=client["alpn"].split(",") if client.get("alpn") else None,
            echConfigList=client.get("ech"),
            pinnedPeerCertSha256=client.get("pcs"),
            verifyPeerCertByName=client.get("vcn"),
        )
    if security == "reality":
        stream["realitySettings"] = kept(
            serverName=client["sni"],
            fingerprint=client["fp"],
            publicKey=client["pbk"],
            shortId=client.get("sid"),
            spiderX=client.get("spx"),
            mldsa65Verify=client.get("pqv"),
        )
    host = client.get("host")
    if transport == "grpc":
        names = kept(serviceName=client["serviceName"], authority=client.get("authority"))
        stream["grpcSettings"] = {**names, **kept(multiMode=client.get("mode") == "multi")}
    elif transport == "xhttp":
        more = kept(mode=client.get("mode"), extra=client.get("extra"))
        stream["xhttpSettings"] = {**kept(path=client["path"], host=host), **more}
    elif transport in ("ws", "httpupgrade"):
        stream[f"{transport}Settings"] = kept(path=client["path"], host=host)
    return {"protocol": "vless", "settings": {"vnext": [server]}, "streamSettings": stream}
