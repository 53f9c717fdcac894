"""What the tests of the page share: a device with every kind of link, and its page through nginx."""

from ports import free_port
from support import UUID, fetch, shipped
from test_nginx import Nginx

PBK = "E59WjnvZcQMu7tR7_BgyhycuEdBS-CtKxfImRCdAvFM"
ADDRESS = f"https://example.org/api/{UUID}"
MIRRORS = [f"https://mirror.example.net/api/{UUID}", f"https://example.com:8443/x/api/{UUID}"]
HOSTILE = "<b>&\"'</title>‮телефон"
QR_MAX = 2953  # bytes in one code

SETTINGS = """
public_urls:
  - https://example.org/api
  - https://mirror.example.net/api
  - https://example.com:8443/x/api
support_url: https://t.me/example_support?a=b&c=d
announce: "On Saturday the Amsterdam entry moves.\\nNothing <i>to do</i>."
"""

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


class Pages(Nginx):
    def setUp(self):
        super().setUp()
        self.fill()
        self.settings(SETTINGS)
        self.compile()
        self.used(3221225472, 34567890123)
        self.responder(socket_path=self.socket)

    def fill(self):
        self.registry.user(expires="2099-12-31", traffic_limit=100 * 2**30)
        self.registry.device(device=HOSTILE)
        reality = {"address": "203.0.113.30", "type": "tcp", "security": "reality", "pbk": PBK,
                   "flow": "xtls-rprx-vision", "sni": "www.example.com", "sid": "0123456789abcdef"}
        ipv6 = {"address": "2001:db8::10", "type": "ws", "security": "tls", "path": "/ws?ed=2048",
                "sni": "cdn.example.com"}
        # About as long as a code can hold, and longer.
        long = {**reality, "pqv": "A" * 2603}
        longer = {**long, "spx": "/" + "a" * 300}
        for name, client in (("Frankfurt 🇩🇪", reality), ("آمستردام", ipv6), ("long", long),
                             ("longer", longer)):
            record = {"status": "active", "name": name, "client": client}
            self.registry.write(f"endpoints/{len(name)}-{client['type']}.json", record)

    def used(self, upload, download):
        """Writes down what the user has used, as a collector does."""
        new = self.state / "usage.new"
        new.write_text(f"7 {upload} {download}\n")
        new.rename(self.state / "usage")

    def links(self):
        return self.fetch(f"/api/{UUID}?format=links").body.decode().split("\n")

    def page(self, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.fetch(f"/api/{UUID}", headers={**BROWSER, **headers})
        self.assertEqual(200, answer.status)
        return answer

    def nginx_on_port(self):
        """nginx where a browser reaches it; returns the port."""
        port = free_port()
        listen = f"listen unix:{self.web}; listen 127.0.0.1:{port};"
        self.nginx(shipped("nginx-fcgi.conf").replace("listen 127.0.0.1:8080;", listen))
        self.assertEqual(404, fetch(port, "/nowhere").status)
        return port
