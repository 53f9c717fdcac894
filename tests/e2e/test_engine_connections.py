"""A probe by the engine tells whether a client gets in now: it makes a connection of its own."""

import contextlib
import socket
import socketserver
import threading

from afar import Server
from engines import ONE, EngineTest
from support import LIMIT, until

NATIVE = ("tcp", "ws+tls", "grpc+tls")


class Relay(Server, socketserver.ThreadingTCPServer):
    """Leads to a port, and counts who comes; what has been let in stays."""

    def __init__(self, port):
        super().__init__(("127.0.0.1", 0), None)
        self.to, self.port = port, self.server_address[1]
        self.seen, self.is_shut = 0, False
        self.open = []

    def finish_request(self, request, client_address):
        self.seen += 1
        if self.is_shut:
            return
        with contextlib.suppress(OSError):
            there = socket.create_connection(("127.0.0.1", self.to), LIMIT)
            self.open += [request, there]
            back = threading.Thread(target=self.carry, args=(there, request))
            back.start()
            self.carry(request, there)
            back.join()

    @staticmethod
    def carry(here, there):
        with contextlib.suppress(OSError):
            while data := here.recv(65536):
                there.sendall(data)
        for end in (here, there):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def stop(self):
        for end in self.open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        super().stop()


class Connections(EngineTest):
    def watched(self, *names):
        """Starts signpost-health on these ways in, each by a relay, and on native ones."""
        _, ways = self.place.entry(*names)
        _, native = self.place.entry(*NATIVE)
        relays = {name: Relay(client["port"]).start() for name, client in ways.items()}
        for relay in relays.values():
            self.addCleanup(relay.stop)
        clients = {name: {**ways[name], "port": relay.port} for name, relay in relays.items()}
        self.register({**clients, **native})
        self.health()
        until(lambda: self.states() == {"alive"}, "all to be alive")
        return relays

    def states(self):
        return {state for state, _, _ in self.nodes().values()}

    def test_each_probe_makes_its_own(self):
        """Who lets in whom it knows, and nobody else, is of no use to a client that comes."""
        relays = self.watched(ONE, "grpc+reality", "xhttp+tls", "xhttp+reality")
        for relay in relays.values():
            relay.is_shut = True
        until(lambda: relays[ONE].seen >= 10, "some rounds")
        for name in relays:
            until(lambda name=name: self.nodes()[name][0] in ("down", "dead"), f"the end of {name}")


del EngineTest
