"""The built programs: hardened, the same from the same source wherever it is built; make dist."""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import tarfile

from support import BUILD, LIMIT, TOP, GitRegistry, TestCase

PROGRAMS = ("signpost", "signpost.fcgi", "signpost-health")
IS_SANITIZED = "asan" in str(BUILD)
VERSION = re.search(r"(?m)^VERSION = (\S+)$", (TOP / "Makefile").read_text())[1]


def said_by(*command, **kwargs):
    run = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, text=True,
                         stdout=subprocess.PIPE, timeout=LIMIT, **kwargs)  # fmt: skip
    return run.stdout


def overrides():
    """What a make that runs this was told on its command line, but for B."""
    words = shlex.split(os.environ.get("MAKEFLAGS", "").partition("-- ")[2])
    return [word.replace("$$", "$") for word in words if not word.startswith("B=")]


def make(directory, *words):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "GIT_"))}
    subprocess.run(["make", "-s", *words], cwd=directory, env=env, check=True, timeout=10 * LIMIT,
                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)  # fmt: skip


class Hardening(TestCase):
    """By readelf, on the files themselves."""

    def setUp(self):
        super().setUp()
        if not shutil.which("readelf"):
            self.skipTest("needs readelf")

    def readelf(self, option, program):
        text = said_by("readelf", "-W", option, BUILD / program)
        self.assertTrue(text, program)
        return text

    def test_anywhere_in_memory(self):
        for program in PROGRAMS:
            self.assertRegex(self.readelf("-h", program), r"Type: +DYN ")
            self.assertRegex(self.readelf("-d", program), r"\(FLAGS_1\) .*\bPIE\b", program)

    def test_nothing_to_overwrite(self):
        """Full RELRO: all is resolved at the start, and what was written for it is read-only."""
        for program in PROGRAMS:
            self.assertRegex(self.readelf("-d", program), r"\(FLAGS\) .*\bBIND_NOW\b", program)
            self.assertIn("GNU_RELRO", self.readelf("-l", program), program)
            self.assertNotIn("TEXTREL", self.readelf("-d", program), program)

    def test_no_memory_that_can_be_written_and_run(self):
        for program in PROGRAMS:
            segments = self.readelf("-l", program)
            (stack,) = re.findall(r"GNU_STACK(?: +0x\w+){5} (.{3})", segments)
            self.assertEqual("RW ", stack, program)
            for flags in re.findall(r"(?m)^ +LOAD(?: +0x\w+){5} (.{3})", segments):
                self.assertNotIn(flags, ("RWE", " WE"), program)

    def test_no_libraries_from_elsewhere(self):
        for program in PROGRAMS:
            self.assertNotRegex(self.readelf("-d", program), r"\((RPATH|RUNPATH)\)", program)

    def test_stacks_and_copies_are_checked(self):
        for program in PROGRAMS:
            symbols = self.readelf("--dyn-syms", program)
            self.assertIn("__stack_chk_fail", symbols, program)
            checked = set(re.findall(r"\b__(\w+)_chk\b", symbols))
            self.assertLessEqual({"fprintf", "memcpy", "snprintf", "vsnprintf"}, checked, program)

    def test_each_object_is_made_for_cet(self):
        """Every object of this project, where the compiler can.

        The linker marks a program only when all that it consists of is marked. Debian 12 compiles
        its archives (libyaml, jansson, b64, cdb, fcgi, seccomp) and the C library's start files
        without it, so that there the programs are not.
        """
        flag = said_by("make", "-s", "-C", TOP, "--eval", "flag: ; @echo $(BRANCHES)", "flag",
                       env={"PATH": os.environ["PATH"]})  # fmt: skip
        if "-fcf-protection" not in flag:
            self.skipTest("this compiler has no -fcf-protection for its target")
        objects = [file for part in ("lib", "cgi", "cli", "health")
                   for file in sorted((BUILD / part).glob("*.o"))]  # fmt: skip
        self.assertGreater(len(objects), 50)
        told = said_by("readelf", "-nW", *objects)
        notes = dict(re.findall(r"(?s)File: (\S+)\n(.*?)(?=\nFile: |\Z)", told))
        unmarked = [name for name, note in notes.items() if "IBT, SHSTK" not in note]
        self.assertEqual((len(objects), []), (len(notes), unmarked))

    def test_no_path_of_this_machine(self):
        for program in PROGRAMS:
            content = (BUILD / program).read_bytes()
            for path in (TOP, BUILD):
                self.assertNotIn(os.fsencode(f"{path}/"), content, program)


class Macros(TestCase):
    def test_nothing_says_when(self):
        """No macro that makes every build another one."""
        told = {
            file: word
            for folder in ("lib", "cgi", "cli", "health")
            for file in sorted((TOP / folder).glob("*.[ch]"))
            for word in re.findall(r"__DATE__|__TIME__|__TIMESTAMP__", file.read_text())
        }
        self.assertEqual({}, told)


class Source(TestCase):
    """What make dist packs of the files that are here, committed or not, unpacked elsewhere."""

    def setUp(self):
        super().setUp()
        self.copy = self.dir / "copy"
        for name in self.files():
            (self.copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TOP / name, self.copy / name, follow_symlinks=False)
        self.git = GitRegistry(self.copy)
        self.git.commit()

    @staticmethod
    def files():
        """What is tracked or would be; without git, what is here but for what is made."""
        if (TOP / ".git").exists():
            listed = said_by("git", "ls-files", "-co", "--exclude-standard", cwd=TOP).splitlines()
            return [name for name in listed if os.path.lexists(TOP / name)]
        made = re.compile(r"build/|run/[^.]|.*__pycache__/")
        found = (str(file.relative_to(TOP)) for file in TOP.rglob("*") if not file.is_dir())
        return [name for name in found if not made.match(name)]

    def dist(self, directory):
        make(directory, "dist")
        return directory / f"build/signpost-{VERSION}.tar.gz"

    def test_what_is_packed(self):
        packed = self.dist(self.copy)
        first = packed.read_bytes()
        with tarfile.open(packed) as tar:
            members = tar.getmembers()
        top = f"signpost-{VERSION}"
        files = [m.name.removeprefix(f"{top}/") for m in members if not m.isdir()]
        self.assertEqual(sorted(self.git.git("ls-files").splitlines()), sorted(files))
        self.assertEqual({top}, {m.name.partition("/")[0] for m in members})
        owners = {(m.uid, m.gid, m.uname, m.gname) for m in members}
        self.assertEqual({(0, 0, "root", "root")}, owners)
        self.assertEqual({1767225600}, {m.mtime for m in members})  # of the commit
        self.assertEqual(0, int.from_bytes(first[4:8], "little"))  # gzip's own time
        self.assertEqual({0o755, 0o644}, {m.mode & 0o777 for m in members if not m.issym()})
        # Of the same commit, by somebody else, at another place: the same bytes.
        other = self.dir / "other"
        self.git.git("clone", "-q", self.copy, other)
        self.git.git("config", "tar.umask", "077", cwd=other)
        (other / "left-over").write_text("by somebody\n")
        self.assertEqual(first, self.dist(other).read_bytes())

    def test_unpacked_it_is_built_to_the_same_bytes(self):
        """At another place, to another place, without git, by make all."""
        with tarfile.open(self.dist(self.copy)) as tar:
            tar.extractall(self.dir / "unpacked")
        shutil.rmtree(self.copy)
        source = self.dir / "unpacked" / f"signpost-{VERSION}"
        make(source, "-j2", f"B={self.dir}/made", *overrides(), "all")
        for program in PROGRAMS:
            here, there = (
                hashlib.sha256((place / program).read_bytes()).hexdigest()
                for place in (BUILD, self.dir / "made")
            )
            self.assertEqual(here, there, program)
        self.assertIn(VERSION, said_by(self.dir / "made" / "signpost", "--version"))
        # What it packs again holds the same files.
        names = []
        for packed in (self.dist(source), self.dist(source)):
            with tarfile.open(packed) as tar:
                names.append(sorted(m.name for m in tar.getmembers() if not m.isdir()))
        unpacked = [file.relative_to(source) for file in source.rglob("*") if not file.is_dir()]
        wanted = sorted(f"{source.name}/{f}" for f in unpacked if f.parts[0] != "build")
        self.assertEqual([wanted] * 2, names)


if IS_SANITIZED:
    # Sanitizers come without hardening, and nobody installs what is built with them.
    del Hardening, Source
