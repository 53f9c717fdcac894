"""Programs whose calls fail, are interrupted, or see a wrong clock (faults.c, preloaded)."""

import errno
import mmap
import struct
import subprocess

from support import BUILD, LIMIT, RESPONDER, VALGRIND

LIBRARY = BUILD / "tests" / "faults.so"
KINDS = ("alloc", "open", "read", "write", "fsync", "rename", "mmap", "accept")
FIELDS = ("kind", "first", "times", "code", "failed", "clock", "caught", *KINDS)
ALWAYS = 1 << 60


def where_preloading_works(case):
    """A test case, or nothing where the program brings its own malloc."""
    is_sanitized = b"__asan_init" in RESPONDER.read_bytes()
    return None if is_sanitized or VALGRIND else case


class Faults:
    """What goes wrong in programs that are started with `environment`; may change as they run."""

    def __init__(self, file):
        self.file = file
        file.write_bytes(bytes(4096))
        with open(file, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 4096)

    def close(self):
        self.map.close()

    def environment(self, program, storm=0):
        """For a program of this name alone (the clock: for all that it starts as well)."""
        found = {"LD_PRELOAD": str(LIBRARY), "FAULTS_FILE": str(self.file)}
        found["FAULTS_PROGRAM"] = program
        if storm:
            found["FAULTS_STORM"] = str(storm)
        return found

    def __getitem__(self, field):
        return struct.unpack_from("q", self.map, 8 * FIELDS.index(field))[0]

    def __setitem__(self, field, value):
        struct.pack_into("q", self.map, 8 * FIELDS.index(field), value)

    def fail(self, kind, first=1, times=1, code=errno.ENOMEM):
        """From now on, the first-th call of a kind fails, and the next ones, so many in all."""
        self.stop()
        self["kind"], self["times"], self["code"] = KINDS.index(kind), times, code
        self["first"] = first

    def stop(self):
        """Nothing fails; counting begins anew."""
        self["first"] = self["failed"] = 0
        for kind in KINDS:
            self[kind] = 0


def end_of(words, environment, out=subprocess.DEVNULL, **kwargs):
    """Runs a program; (exit status, stdout, stderr)."""
    kwargs = {"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE, **kwargs}
    run = subprocess.run(
        [str(word) for word in words], env=environment, stdout=out, timeout=LIMIT, **kwargs
    )
    return run.returncode, run.stdout, run.stderr.decode(errors="replace")
