"""The replaced service's way in FastAPI: every request reads the registry's JSON files.

    REGISTRY=DIRECTORY uvicorn --workers 2 --uds PATH fastapi_app:app
"""

import base64
import json
import os
import pathlib
import uuid
from urllib.parse import quote

from fastapi import FastAPI, HTTPException
from fastapi.responses import PlainTextResponse

REGISTRY = pathlib.Path(os.environ["REGISTRY"])
app = FastAPI(openapi_url=None)


def read(kind, name):
    return json.loads((REGISTRY / kind / f"{name}.json").read_bytes())


def read_active(kind, part=""):
    """The active records of a kind whose names hold a part, in the order of their names."""
    names = sorted(name for name in os.listdir(REGISTRY / kind) if part in name)
    records = (json.loads((REGISTRY / kind / name).read_bytes()) for name in names)
    return [record for record in records if record["status"] == "active"]


def link(device, route, domain):
    return (
        f"vless://{device['uuid']}@{domain}:443?type=grpc&encryption=none"
        f"&serviceName={quote(route['client_service_name'], safe='')}"
        f"&security=tls&sni={domain}&fp=chrome&alpn=h2"
        f"#{quote(device['device'] + ' ' + domain, safe='')}"
    )


# As FastAPI's manual advises where a request reads files: `def`, which runs in a thread.
@app.get("/api/{device_id}")
def subscription(device_id: uuid.UUID):
    return answer(device_id)


# Such short reads cost less than handing them to a thread, if nobody minds that they block.
@app.get("/async/api/{device_id}")
async def subscription_in_the_loop(device_id: uuid.UUID):
    return answer(device_id)


def answer(device_id):
    try:
        device = read("devices", device_id)
        user = read("users", device["user_id"])
    except FileNotFoundError:
        raise HTTPException(404)
    if device["status"] != "active" or user["status"] != "active":
        raise HTTPException(404)
    domains = {}
    for record in read_active("domains"):
        domains.setdefault(record["node_ip"], record["domain"])
    links = [
        link(device, route, domains[route["entry_ip"]])
        for core in user["core_nodes"]
        for route in read_active("routes", f"_core_{core}.json")
        if route["entry_ip"] in domains
    ]
    if not links:
        raise HTTPException(404)
    return PlainTextResponse(base64.b64encode("\n".join(links).encode()))
