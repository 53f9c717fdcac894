"""The main job by the shortest way: registry, compile, responder, links."""

import base64

import fcgi
from support import MINIMAL_LINK, UNKNOWN, UUID, TestCase


class Basics(TestCase):
    def test_a_device_gets_its_link(self):
        self.registry.minimal()
        self.compile()
        path = self.responder().path
        for address in (f"/{UUID}", f"/api/{UUID}", f"/api/{UUID.upper()}"):
            reply = fcgi.ask(path, address)
            self.assertEqual(200, reply.status)
            self.assertEqual(MINIMAL_LINK.encode(), base64.b64decode(reply.body, validate=True))
        self.assertEqual(MINIMAL_LINK.encode(), fcgi.ask(path, f"/{UUID}", query="format=links").body)
        self.assertEqual(404, fcgi.ask(path, f"/api/{UNKNOWN}").status)
