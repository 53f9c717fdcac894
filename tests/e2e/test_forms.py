"""One address, several forms: which one is given, and what each answer keeps to (README, Forms)."""

import base64
import json

import fcgi
import misses
from forms import CHROME, FORMATS, HTML, SING_BOX, Forms
from support import MINIMAL_LINK, UNKNOWN, UUID, Registry
from test_nginx import Nginx

V2RAYN, MIHOMO = "v2rayN/7.24.8", "clash.meta/v1.19.28"
BOTS = [
    "TelegramBot (like TwitterBot)",
    "WhatsApp/2.23.20.0 A",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
]
# Near misses of a path suffix.
NO_SUFFIX = [
    "x", "", "clash/", "/clash", "CLASH", "Clash", "clash.yaml", "clash.yml", "json", "singbox",
    "sing-box-1.9", "none", "links ", " links", "links,clash", "..", "../links", "clash/clash",
    "%63lash",
]  # fmt: skip


def form_of(content_type, body):
    """The format of an answer, by its looks."""
    if content_type == "application/json":
        return "xray" if body.startswith(b"[") else "sing-box"
    if content_type.startswith("text/plain"):
        return "links" if body.startswith(b"vless://") else "base64"
    return {"text/yaml; charset=utf-8": "clash", "text/html; charset=utf-8": "page"}[content_type]


class Suffixes(Forms):
    def setUp(self):
        super().setUp()
        self.add_servers(["one", "two"])
        self.serve()

    def test_each_is_as_good_as_the_query(self):
        for name in FORMATS:
            wanted = self.ask(query=f"format={name}").stdout
            self.assertEqual(name, form_of(FORMATS[name], self.get(name)))
            for start in (f"/api/{UUID}", f"/{UUID}", f"/api/{UUID.upper()}"):
                self.assertEqual(wanted, self.ask(f"{start}/{name}").stdout, name)

    def test_the_version_of_sing_box_counts_there_too(self):
        bodies = set()
        for version, agent in SING_BOX.items():
            wanted = self.ask(agent=agent).stdout
            self.assertEqual(wanted, self.ask(f"/{UUID}/sing-box", agent=agent).stdout)
            self.assertEqual(wanted, self.ask(query="format=sing-box", agent=agent).stdout)
            bodies.add(wanted)
        self.assertEqual(len(SING_BOX), len(bodies))

    def test_misses_are_any_miss(self):
        miss = self.ask(f"/{UNKNOWN}").stdout
        self.assertTrue(miss.startswith(b"Status: 404 "))
        for suffix in NO_SUFFIX:
            for query in ("", "format=links"):
                for method in ("GET", "HEAD"):
                    reply = self.ask(f"/api/{UUID}/{suffix}", query, method=method)
                    self.assertEqual(miss, reply.stdout, suffix)
        for name in FORMATS:
            self.assertEqual(miss, self.ask(f"/api/{UNKNOWN}/{name}").stdout)
            self.assertEqual(miss, self.ask(f"/api/{UUID}/{name}", method="POST").stdout)

    def test_an_unknown_format_in_the_query_is_passed_over(self):
        """An app that asks for more than there is must not lose its servers (negotiate.h)."""
        for query in ("format=v2ray", "format=", "format=CLASH", "format=clash%20"):
            for agent in (None, V2RAYN, MIHOMO, *SING_BOX.values()):
                wanted = self.ask(agent=agent).stdout
                self.assertEqual(wanted, self.ask(query=query, agent=agent).stdout, query)

    def test_a_cgi_program_gives_the_same(self):
        for name in FORMATS:
            env = {
                **self.environment,
                "GATEWAY_INTERFACE": "CGI/1.1",
                "REQUEST_METHOD": "GET",
                "PATH_INFO": f"/{UUID}/{name}",
                "HTTP_USER_AGENT": SING_BOX["1.11"],
            }
            wanted = self.ask(f"/{UUID}/{name}", agent=SING_BOX["1.11"]).stdout
            self.assertEqual(wanted.decode(), self.poll(env=env), name)


class Filter(Forms):
    """What an app or a form cannot use is left out for it, and nobody else notices."""

    def fill(self):
        for name, transport, priority in (("X", "xhttp", 1), ("W", "ws", 2), ("V", "ws", 3)):
            client = {"address": f"{name.lower()}.example.org", "type": transport}
            record = {"status": "active", "name": name, "priority": priority, "client": client}
            self.registry.write(f"endpoints/{name}.json", record)

    def names(self, **kwargs):
        reply = self.ask(**kwargs)
        tree = json.loads(reply.body)
        return [o["tag"] for o in tree["outbounds"] if o["type"] == "vless"]

    def remarks(self, **kwargs):
        return [link.partition("#")[2] for link in
                base64.b64decode(self.ask(**kwargs).body).decode().split("\n")]  # fmt: skip

    def test_names_stay(self):
        """Apps remember a server by its name: it does not hang on who else asks."""
        self.fill()
        self.registry.remove("endpoints/V.json")
        self.serve()
        self.assertEqual(["phone%20X", "phone%20W"], self.remarks(agent=V2RAYN))
        self.assertEqual(["phone%20W"], self.remarks(agent="NekoBox/Android/1.4.2"))
        self.assertEqual(["phone W"], self.names(agent=SING_BOX["1.12"]))

    def test_another_one_moves_up(self):
        self.fill()
        self.settings("max_links: 2\n")
        self.serve()
        self.assertEqual(["phone%20X", "phone%20W"], self.remarks(agent=V2RAYN))
        self.assertEqual(["phone W", "phone V"], self.names(agent=SING_BOX["1.12"]))

    def test_with_nothing_left_it_is_a_miss(self):
        self.fill()
        self.registry.remove("endpoints/V.json")
        self.registry.remove("endpoints/W.json")
        self.serve()
        miss = self.ask(f"/{UNKNOWN}").stdout
        self.assertEqual(["phone"], self.remarks(agent=V2RAYN))
        self.assertEqual(miss, self.ask(agent="NekoBox/Android/1.4.2").stdout)
        for agent in SING_BOX.values():
            self.assertEqual(miss, self.ask(agent=agent, tag="*").stdout)
        for kwargs in ({"query": "format=sing-box"}, {"path": f"/{UUID}/sing-box"}):
            self.assertEqual(miss, self.ask(agent=V2RAYN, **kwargs).stdout)
            self.assertEqual(miss, self.ask(agent=V2RAYN, method="HEAD", **kwargs).stdout)
        self.assertEqual(200, self.ask(agent=CHROME, accept=HTML).status)


class Answers(Forms):
    """Tags, heads and sameness, for every form and for each version of sing-box."""

    def setUp(self):
        super().setUp()
        self.settings("public_urls: [https://example.org/api]\nannounce: Hello\n")
        self.found = self.add_servers([f"name {i}" for i in range(24)])
        self.serve()

    def shapes(self):
        """Every form: what to ask for it by."""
        for name in FORMATS:
            yield name, {"query": f"format={name}"}
        for version, agent in SING_BOX.items():
            if version != "1.12":  # which is what the query alone gives
                yield version, {"agent": agent}

    def test_tags_tell_forms_apart(self):
        tags = {name: self.ask(**kwargs).headers["etag"] for name, kwargs in self.shapes()}
        self.assertEqual(len(tags), len(set(tags.values())), tags)
        for tag in tags.values():
            self.assertRegex(tag, '^"[0-9a-f]{16,}"$')
        for name, kwargs in self.shapes():
            for other, tag in tags.items():
                wanted = 304 if name == other else 200
                self.assertEqual(wanted, self.ask(tag=tag, **kwargs).status, (name, other))
            others = ", ".join(tag for other, tag in tags.items() if other != name)
            self.assertEqual(200, self.ask(tag=others, **kwargs).status, name)

    def test_tags_are_the_bodies(self):
        """Whatever asks: the same tag if and only if it gets the same form of the same bytes."""
        agents = [None, V2RAYN, MIHOMO, "HiddifyNext/4.1.2", "clash-verge/v2.5", CHROME]
        seen = {}
        for agent in [*agents, *SING_BOX.values()]:
            for kwargs in ({}, *({"path": f"/{UUID}/{name}"} for name in FORMATS)):
                reply = self.ask(agent=agent, **kwargs)
                thing = reply.headers["content-type"], reply.body
                if reply.headers["content-type"].startswith("text/plain"):
                    thing = form_of(*thing), reply.body
                self.assertEqual(thing, seen.setdefault(reply.headers["etag"], thing))
        self.assertEqual(len(seen), len(set(seen.values())))
        self.assertGreater(len(seen), 10)

    def test_a_change_changes_each_tag(self):
        before = {name: self.ask(**kwargs).headers["etag"] for name, kwargs in self.shapes()}
        self.registry.device(device="tablet")
        self.process.stop()
        self.serve()
        for name, kwargs in self.shapes():
            self.assertNotEqual(before[name], self.ask(**kwargs).headers["etag"], name)

    def test_head_is_get_without_the_body(self):
        for name, kwargs in self.shapes():
            get, head = self.ask(**kwargs), self.ask(method="HEAD", **kwargs)
            self.assertEqual((get.headers, b""), (head.headers, head.body), name)
            self.assertEqual(str(len(get.body)), head.headers["content-length"])

    def test_304_carries_the_fields(self):
        for name, kwargs in self.shapes():
            get = self.ask(**kwargs).headers
            wanted = {**get, "status": "304 Not Modified"}
            del wanted["content-type"], wanted["content-length"]
            for method in ("GET", "HEAD"):
                reply = self.ask(method=method, tag=get["etag"], **kwargs)
                self.assertEqual((wanted, b""), (reply.headers, reply.body), name)
            if name != "page":
                self.assertLess({"profile-title", "subscription-userinfo", "announce"}, set(wanted))

    def test_what_the_answer_hangs_on_is_said(self):
        """For caches: the User-Agent and Accept; for the page the language too."""
        for name, kwargs in self.shapes():
            varies = self.ask(**kwargs).headers["vary"]
            more = ", Accept-Language" if name == "page" else ""
            self.assertEqual("User-Agent, Accept" + more, varies, name)

    def requests(self):
        return [fcgi.request(f"/{UUID}", query=kwargs.get("query", ""),
                             HTTP_USER_AGENT=kwargs.get("agent", ""))
                for _, kwargs in self.shapes()]  # fmt: skip

    def test_the_same_bytes_from_many_connections_at_once(self):
        """Each asks for all forms, beginning with another one, and none waits for another."""
        requests = self.requests()
        wanted = []
        for request in requests:
            self.client.send(request)
            wanted.append(self.client.reply().stdout)
        clients = [fcgi.Client(self.process.path) for _ in requests]
        for client in clients:
            self.addCleanup(client.socket.close)
        count = len(requests)
        for turn in range(count):
            for number, client in enumerate(clients):
                client.send(requests[(number + turn) % count])
            for number, client in reversed(list(enumerate(clients))):
                self.assertEqual(wanted[(number + turn) % count], client.reply().stdout)

    def everything(self):
        found = []
        for request in self.requests():
            self.client.send(request)
            found.append(self.client.reply().stdout)
        return found

    def test_the_same_bytes_from_the_same_records(self):
        """Compiled again after a change and back, and elsewhere from files made in other order."""
        before = self.everything()
        self.registry.device(device="tablet")
        self.compile()
        self.registry.device()
        self.process.stop()
        self.serve()
        self.assertEqual(before, self.everything())
        files = [file for file in self.registry.path.rglob("*") if file.is_file()]
        other = Registry(self.dir / "other")
        for file in reversed(files):
            other.write(file.relative_to(self.registry.path), file.read_bytes())
        self.environment["SIGNPOST_DATA"] = str(other.path)
        self.environment["SIGNPOST_STATE"] = str(self.dir / "elsewhere")
        self.process.stop()
        self.serve()
        self.assertEqual(before, self.everything())


class Previews(Forms):
    """What a chat shows below an address must not hold a credential."""

    def test_they_get_the_miss_in_every_form(self):
        self.add_servers(["one"])
        self.serve()
        miss = self.ask(f"/{UNKNOWN}").stdout
        for agent in BOTS:
            for name in FORMATS:
                for kwargs in ({"query": f"format={name}"}, {"path": f"/{UUID}/{name}"}):
                    for method in ("GET", "HEAD"):
                        reply = self.ask(agent=agent, method=method, **kwargs)
                        self.assertEqual(miss, reply.stdout, agent)
            self.assertEqual(miss, self.ask(agent=agent, accept=HTML, tag="*").stdout)


class ThroughNginx(Nginx):
    def setUp(self):
        super().setUp()
        self.serve()

    def given(self, path=f"/api/{UUID}", agent=None, accept=None):
        """The form of the answer; http.client sends no User-Agent and no Accept by itself."""
        headers = {"User-Agent": agent, "Accept": accept}
        headers = {name: value for name, value in headers.items() if value is not None}
        answer = self.fetch(path, headers=headers)
        self.assertEqual(200, answer.status, path)
        return form_of(answer.header("Content-Type"), answer.body)

    def test_the_query_then_the_path_then_the_app_then_what_it_accepts(self):
        app, browser = {"agent": SING_BOX["1.12"], "accept": HTML}, {"accept": HTML}
        for wanted, path, kwargs in (
            ("clash", f"/api/{UUID}/xray?format=clash", app),
            ("links", f"/api/{UUID}/page?a=b&format=links", browser),
            ("xray", f"/api/{UUID}/xray", app),
            ("xray", f"/{UUID}/xray?format=nonsense", app),
            ("base64", f"/api/{UUID}/base64", browser),
            ("sing-box", f"/api/{UUID}", app),
            ("clash", f"/api/{UUID}?format=nonsense", {"agent": MIHOMO, "accept": HTML}),
            ("base64", f"/api/{UUID}", {"agent": V2RAYN, "accept": HTML}),
            ("page", f"/api/{UUID}", {"agent": CHROME, **browser}),
            ("page", f"/api/{UUID}?format=nonsense", browser),
            ("base64", f"/api/{UUID}", {"agent": CHROME, "accept": "*/*"}),
            ("base64", f"/api/{UUID}", {}),
        ):
            self.assertEqual(wanted, self.given(path, **kwargs), (path, kwargs))

    def test_heads_and_304_of_each_form(self):
        for name in FORMATS:
            path = f"/api/{UUID}/{name}"
            get, head = self.fetch(path), self.fetch(path, "HEAD")
            fields = [(k, v) for k, v in get.headers if k != "Date"]
            self.assertEqual(fields, [(k, v) for k, v in head.headers if k != "Date"])
            same = self.fetch(path, headers={"If-None-Match": get.header("ETag")})
            self.assertEqual((304, b""), (same.status, same.body))
            wanted = {k: v for k, v in fields if k not in ("Content-Type", "Content-Length")}
            self.assertEqual(wanted, {k: v for k, v in same.headers if k != "Date"}, name)
        self.assertEqual(MINIMAL_LINK.encode(), self.fetch(f"/api/{UUID}/links").body)

    def test_misses_look_like_a_page_that_is_not_there(self):
        suffixes = ("x", "CLASH", "clash/", "clash.yaml", "none", "clash%20", "sing-box-1.9")
        for agent, paths in (
            (V2RAYN, [f"/api/{UUID}/{suffix}" for suffix in suffixes]),
            (BOTS[0], [f"/api/{UUID}", f"/{UUID}?format=links", f"/api/{UUID}/page"]),
        ):
            lines = [f"User-Agent: {agent}", f"Accept: {HTML}"]
            wanted = misses.talk(self.web, misses.request("GET", misses.PLAIN, lines=lines))
            self.assertEqual(404, misses.status(wanted))
            for path in paths:
                got = misses.talk(self.web, misses.request("GET", path, lines=lines))
                self.assertEqual(misses.masked(wanted), misses.masked(got), path)
