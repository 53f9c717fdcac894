"""The state file of signpost-health, read and written here as lib/health.h describes it."""

import os
import time
import urllib.parse

MASK = (1 << 64) - 1
KEY = b"signpost health\0"


def rotated(x, n):
    return (x << n | x >> (64 - n)) & MASK


def sip_hash(data, key=KEY):
    """SipHash-1-3 (Aumasson and Bernstein 2012)."""
    k0, k1 = (int.from_bytes(key[i : i + 8], "little") for i in (0, 8))
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D]
    v += [k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def mix():
        v[0] = (v[0] + v[1]) & MASK
        v[2] = (v[2] + v[3]) & MASK
        v[1] = rotated(v[1], 13) ^ v[0]
        v[3] = rotated(v[3], 16) ^ v[2]
        v[0] = rotated(v[0], 32)
        v[2] = (v[2] + v[1]) & MASK
        v[0] = (v[0] + v[3]) & MASK
        v[1] = rotated(v[1], 17) ^ v[2]
        v[3] = rotated(v[3], 21) ^ v[0]
        v[2] = rotated(v[2], 32)

    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for i in range(0, len(padded), 8):
        word = int.from_bytes(padded[i : i + 8], "little")
        v[3] ^= word
        mix()
        v[0] ^= word
    v[2] ^= 0xFF
    for _ in range(3):
        mix()
    return v[0] ^ v[1] ^ v[2] ^ v[3]


class Entry:
    """What a file says of a node; its name begins with "address:port"."""

    def __init__(self, line):
        words = line.split(" ", 8)
        self.key, self.state = words[:2]
        self.since, self.last_success, self.last_try, self.round_trip = map(int, words[2:6])
        self.spoke, self.name = words[6], urllib.parse.unquote(words[7])
        self.reason = words[8] if len(words) > 8 else ""

    def line(self):
        name = urllib.parse.quote(self.name, safe="")
        times = f"{self.since} {self.last_success} {self.last_try} {self.round_trip}"
        tail = " " + self.reason if self.reason else ""
        return f"{self.key} {self.state} {times} {self.spoke} {name}{tail}\n"


class File:
    """A state file: its head, and nodes by "address:port"."""

    def __init__(self, path):
        lines = path.read_text().split("\n")
        words = lines[0].split(" ")
        self.sequence, self.generated, self.ttl = map(int, words[2:5])
        self.vantage = words[5]
        self.nodes = {}
        for entry in map(Entry, lines[1:-2]):
            if self.nodes.setdefault(entry.name.split(" ")[0], entry) is not entry:
                raise ValueError(f"two nodes at one address and port: {entry.name}")

    def states(self):
        return {name: entry.state for name, entry in self.nodes.items()}

    def bytes(self):
        head = f"{self.sequence} {self.generated} {self.ttl} {self.vantage} {len(self.nodes)}"
        entries = sorted(self.nodes.values(), key=lambda entry: entry.key)
        text = f"signpost-health 1 {head}\n" + "".join(entry.line() for entry in entries)
        return f"{text}end {sip_hash(text.encode()):016x}\n".encode()

    def write(self, path):
        """As whoever brings it: to another name, then mv."""
        part = path.with_name(path.name + ".part")
        part.write_bytes(self.bytes())
        os.replace(part, path)

    def say(self, state, *names):
        """Changes what it says of nodes, from now on."""
        for name in names:
            entry = self.nodes[name]
            entry.state, entry.since = state, int(time.time())


def states(path):
    """The states by "address:port"; {} while there is no file."""
    try:
        return File(path).states()
    except FileNotFoundError:
        return {}
