"""What /proc tells of processes."""

import contextlib
import os
import pathlib


def stat_of(pid):
    """(command, state, parent) of a process, or None when it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    command, _, rest = text.partition("(")[2].rpartition(")")
    state, parent = rest.split()[:2]
    return None if state in "ZX" else (command, state, int(parent))


def children(pid, name):
    found = []
    for entry in os.listdir("/proc"):
        fact = stat_of(entry) if entry.isdigit() else None
        if fact and fact[0] == name and fact[2] == pid:
            found.append(int(entry))
    return sorted(found)


def descriptors(pid):
    """What a process holds open, by number; nothing when it is gone."""
    found = {}
    try:
        for entry in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                found[int(entry)] = os.readlink(f"/proc/{pid}/fd/{entry}")
    except OSError:
        pass
    return found


def sockets(pid):
    return {what for what in descriptors(pid).values() if what.startswith("socket:")}


def is_ready(pid):
    """Whether a responder has come to wait for events."""
    return any("eventpoll" in what for what in descriptors(pid).values())
