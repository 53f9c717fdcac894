"""What measurements at size share: registries compiled for them, times, and rounds."""

import contextlib
import functools
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time

from registry import Registry, Repository

SMALL = 1000  # devices
PATHS = 100000  # addresses that a load asks for


class Site:
    """A registry, the directory where it is compiled to, and the settings that say so."""

    def __init__(self, bench, name, data):
        self.bench, self.data = bench, data
        self.state = bench.dir / f"{name}-state"
        self.settings = bench.dir / f"{name}.yaml"
        self.settings.write_text(
            f'data: "{data}"\nstate: "{self.state}"\nrefresh: off\n'
            'remark: "{device} {domain}"\n'
        )
        self.compiler = [bench.build / "signpost", "compile", "-c", self.settings]
        self.responder = [bench.build / "signpost.fcgi", "-c", self.settings]

    def compile(self):
        """Seconds, and the peak resident memory of the compiler itself, in MiB."""
        return timed([str(word) for word in self.compiler], self.bench.env)

    def snapshot(self):
        return next(self.state.glob("snapshot-*.cdb"))

    def path_file(self, registry):
        file = self.settings.with_suffix(".paths")
        file.write_text("\n".join(registry.paths(PATHS)) + "\n")
        return f"@{file}"


def timed(command, env):
    start = time.perf_counter()
    process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    peak = [0]

    def watch():
        # Of this process only: what wait4 tells counts its children (git) too.
        with contextlib.suppress(OSError, TypeError):
            while True:
                status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
                peak[0] = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024
                time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    said = process.communicate()[1]
    seconds = time.perf_counter() - start
    watcher.join()
    assert process.returncode == 0, said
    return seconds, peak[0]


def seconds_of(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def in_turn(actions, rounds):
    """Results by name, each round in another order."""
    results = {name: [] for name in actions}
    names = list(actions)
    for i in range(rounds):
        for name in names:
            results[name].append(actions[name](i))
        names = names[1:] + names[:1]
    return results


class World:
    """What is measured, made when it is first wanted."""

    def __init__(self, bench, args, keep):
        self.bench, self.args, self.keep = bench, args, keep
        self.rounds = args.rounds

    @functools.cached_property
    def registry(self):
        return Registry(self.args.devices)

    def made(self, name, make):
        """A directory that is made at most once, in the place that is kept."""
        path = self.keep / str(self.args.devices) / name
        if not path.exists():
            print(f"making {name} of {self.args.devices:,} devices …", file=sys.stderr)
            new = path.with_name(f"{name}.new")
            shutil.rmtree(new, ignore_errors=True)
            make(new)
            new.rename(path)
        return path

    @functools.cached_property
    def repository(self):
        path = self.made("git", lambda new: Repository(new).make(self.registry))
        Repository(path).go(0)
        return Repository(path)

    @functools.cached_property
    def big(self):
        site = Site(self.bench, "big", self.repository.directory)
        site.compile()
        return site

    def small(self, name, *shape):
        registry = Registry(SMALL, *shape)
        registry.write(self.bench.dir / name)
        site = Site(self.bench, name, self.bench.dir / name)
        site.compile()
        return site, registry
