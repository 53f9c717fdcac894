"""What the measurements share: programs behind a private nginx, a load on them, medians."""

import contextlib
import json
import os
import pathlib
import platform
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[1]
UUID = "8f3c5d1e-6324-4d53-ad4f-8cda48b30811"
CONNECTIONS = 64
os.environ["PATH"] += os.pathsep + "/usr/sbin"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(family, address):
    with socket.socket(family) as s:
        return s.connect_ex(address) == 0


def shipped_conf(path, keep=True, limits=False):
    """The shipped nginx file in front of a FastCGI socket, with its limits or without."""
    conf = (TOP / "nginx-fcgi.conf").read_text()
    conf = conf.replace("unix:run/signpost.sock", f"unix:{path}")
    if not limits:
        conf = re.sub(r"^ *limit_req zone=.*\n", "", conf, flags=re.M)
    if not keep:
        conf = conf.replace("fastcgi_keep_conn on;", "").replace("keepalive 128;", "")
    return conf


class Bench:
    def __init__(self, build, directory, env):
        self.build = build
        self.dir = directory
        self.processes = []
        self.env = env

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()
        self.processes = []

    @contextlib.contextmanager
    def private(self):
        """A directory of its own for what is started; all of it ends with the block."""
        directory, self.dir = self.dir, pathlib.Path(tempfile.mkdtemp(dir=self.dir))
        try:
            yield
        finally:
            self.stop()
            shutil.rmtree(self.dir)
            self.dir = directory

    @contextlib.contextmanager
    def serving(self, name, program):
        """Starts a program behind nginx; gives the port and the program's first process."""
        command, count, keep = program
        with self.private():
            path, processes = self.fastcgi(name, command, count)
            yield self.nginx(f"nginx-{name}", shipped_conf(path, keep)), processes[0]

    def start(self, command, **kwargs):
        process = subprocess.Popen(
            [str(c) for c in command], cwd=self.dir, stdin=kwargs.pop("stdin", subprocess.DEVNULL),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.env, **kwargs
        )
        self.processes.append(process)
        return process

    def wait_for(self, family, address):
        """Until the process that was started last listens there."""
        while not answers(family, address):
            assert self.processes[-1].poll() is None, f"{self.processes[-1].args} has ended"
            time.sleep(0.005)

    def fastcgi(self, name, command, count=1):
        """Starts processes on one listening socket; returns its path."""
        path = self.dir / f"{name}.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen(4096)
            return path, [self.start(command, stdin=listener.fileno()) for _ in range(count)]

    def nginx(self, name, conf):
        """A private nginx with this configuration, on a free port; returns that."""
        port = free_port()
        prefix = self.dir / name
        (prefix / "run").mkdir(parents=True)
        shutil.copytree(TOP / "site", prefix / "site")
        conf = conf.replace("listen 127.0.0.1:8080;", f"listen 127.0.0.1:{port};")
        conf = conf.replace("access_log off;", "access_log off; keepalive_requests 1000000000;")
        (prefix / "nginx.conf").write_text(conf)
        user = ["-g", "user root;"] if os.geteuid() == 0 else []
        self.start(["nginx", "-e", "stderr", "-p", prefix, "-c", "nginx.conf", *user])
        self.wait_for(socket.AF_INET, ("127.0.0.1", port))
        return port

    def load(self, port, seconds, rate=0, connections=CONNECTIONS, path=f"/api/{UUID}"):
        output = subprocess.run(
            [self.build / "bench/load", str(port), str(connections), str(seconds), str(rate), path],
            stdout=subprocess.PIPE, check=True,
        ).stdout
        result = json.loads(output)
        assert result["other"] == 0, result
        return result


def memory_kb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def machine():
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    nginx = subprocess.run(["nginx", "-v"], stderr=subprocess.PIPE, text=True).stderr.strip()
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, {nginx.split()[-1]}"


def ratio(rates, a, b):
    return statistics.median(x / y for x, y in zip(rates[a], rates[b]))
