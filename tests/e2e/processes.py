"""What /proc tells of processes."""

import contextlib
import os
import pathlib
import typing


def processes():
    """The numbers of all. pathlib's glob would fail when one ends while it looks."""
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


class Stat(typing.NamedTuple):
    command: str
    state: str
    parent: int
    session: int


def stat_of(pid):
    """What a process is, or None when it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    command, _, rest = text.partition("(")[2].rpartition(")")
    state, parent, _, session = rest.split()[:4]
    return None if state in "ZX" else Stat(command, state, int(parent), int(session))


def children(pid, name):
    """The processes with a name that a process has started."""
    found = []
    for other in processes():
        stat = stat_of(other)
        if stat and stat.command == name and stat.parent == pid:
            found.append(other)
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
