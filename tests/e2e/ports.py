"""Ports to listen on that nobody else takes, whatever tests run beside this one."""

import contextlib
import errno
import random
import socket

# Below the ports that the kernel gives to connections and to who asks for any.
FIRST, LAST = 10000, 32767
held = []  # what tells other tests which are taken, until this process ends


def is_taken_here(port):
    """Whether another test, or this one before, was given it: a name of a socket tells."""
    mark = socket.socket(socket.AF_UNIX)
    try:
        mark.bind(f"\0signpost-test-port-{port}")
    except OSError as error:
        mark.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return True
    held.append(mark)
    return False


def is_in_use(port):
    with contextlib.suppress(OSError), socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("", port))
        return False
    return True


def free_port():
    """A port of this process alone, on every address.

    A port that was bound and let go is not enough: the next to ask may get the same one, and Xray
    shares it without a word (SO_REUSEPORT).
    """
    for _ in range(1000):
        port = random.randint(FIRST, LAST)
        if not is_taken_here(port) and not is_in_use(port):
            return port
    raise AssertionError(f"no free port from {FIRST} to {LAST}")
