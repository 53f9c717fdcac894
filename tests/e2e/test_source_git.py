"""Registries in git checkouts: the setting `source`, and every form that a repository takes."""

import os
import re
import shutil
import subprocess

from checkout import Case
from support import SIGNPOST, UUID, GitRegistry, Registry


class Setting(Case):
    def test_auto_takes_the_commit_at_the_top_of_a_checkout(self):
        self.registry.device(device="edited")
        for text, name in (
            ("", "phone"),
            ("source: files\n", "edited"),
            ("source: git\n", "phone"),
            ("source: files\n", "edited"),
            ("source: auto\n", "phone"),
        ):
            self.settings(text)
            self.compile_and_serve(name)

    def test_a_wrong_word(self):
        for word in ("svn", "Git", "[git]", "1"):
            file = self.settings(f"source: {word}\n")
            for command in ("check", "compile", "status"):
                run = self.signpost(command, check=2)
                self.assertIn(f"{file}:1:1: source: ", run.stderr)

    def test_plain_files(self):
        plain = Registry(self.dir / "plain").minimal()
        self.look_at(plain.path)
        self.compile_and_serve("phone")
        self.settings("source: git\n")
        self.assert_refused(f"{plain.path}: in no git checkout", "`source: files`", serves="phone")
        self.assertIn("in no git checkout", self.status()["source"]["problem"])

    def test_the_directory_itself_as_a_symlink(self):
        link = self.dir / "link"
        link.symlink_to(self.registry.path)
        self.look_at(link)
        self.registry.device(device="edited")
        self.compile_and_serve("phone")

    def test_a_subdirectory(self):
        path = self.dir / "whole thing" / "some data" / "registry"
        registry = GitRegistry(path, self.dir / "whole thing").init()
        registry.minimal()
        registry.commit()
        self.look_at(path)
        registry.device(device="edited")
        Registry(registry.top).device(device="elsewhere")
        self.compile_and_serve("edited")  # plain files, though a checkout holds them
        self.settings("source: git\n")
        self.compile_and_serve("phone")
        self.assertEqual(1, self.status()["source"]["uncommitted"])
        registry.commit()
        self.compile_and_serve("edited")
        # The other file of a record is read again, which has not changed itself.
        other = registry.write(f"devices/{UUID}.yaml", "{user_id: 7, device: x, status: active}")
        registry.commit()
        self.compile_and_serve("edited", check=1)
        other.unlink()
        registry.commit()
        self.compile_and_serve("edited")
        self.assert_same_as_anew()
        # The subdirectory is moved away.
        registry.git("mv", "some data", "moved")
        registry.commit()
        (path / "users").mkdir(parents=True)
        self.assert_refused(str(path), serves="edited")


class Refs(Case):
    def test_a_worktree(self):
        path = self.dir / "tree"
        self.registry.git("worktree", "add", "-q", "-b", "other", path)
        tree = GitRegistry(path)
        self.assertTrue((path / ".git").is_file())
        self.look_at(path)
        self.compile_and_serve("phone")
        self.change("main")
        self.registry.git("merge", "--no-commit", "--no-ff", "-s", "ours", "other", check=False)
        self.compile_and_serve("phone")
        self.change("tree", tree)
        self.compile_and_serve("tree")
        tree.git("pack-refs", "--all")
        tree.git("checkout", "-q", "--detach", self.first)
        self.compile_and_serve("phone")
        self.registry.path.rename(self.dir / "away")
        self.assert_refused(str(path), serves="phone")

    def test_detached_packed_and_symbolic_refs(self):
        self.change("second")
        self.registry.git("checkout", "-q", "--detach", self.first)
        self.compile_and_serve("phone")
        self.registry.git("checkout", "-q", "main")
        self.registry.git("pack-refs", "--all")
        self.assertFalse((self.registry.path / ".git/refs/heads/main").exists())
        self.compile_and_serve("second")
        self.change("loose over packed")
        self.compile_and_serve("loose%20over%20packed")
        self.registry.git("branch", "main-old", self.first)  # its name begins like another's
        self.registry.git("pack-refs", "--all")
        self.registry.git("symbolic-ref", "refs/heads/alias", "refs/heads/main-old")
        self.registry.git("symbolic-ref", "HEAD", "refs/heads/alias")
        self.compile_and_serve("phone")

    def test_a_branch_in_a_directory(self):
        self.registry.git("checkout", "-q", "-b", "deploy/eu/west")
        self.change("west")
        self.compile_and_serve("west")
        self.registry.git("pack-refs", "--all")
        self.compile_and_serve("west")

    def test_a_tag_and_a_moved_tag(self):
        self.change("second")
        self.registry.git("tag", "-a", "-m", "tag", "v1", self.first)
        self.registry.git("checkout", "-q", "v1")
        self.compile_and_serve("phone")

    def test_a_spelling_of_head_that_only_git_understands(self):
        (self.registry.path / ".git/HEAD").write_text("ref:\trefs/heads/main\n")
        self.assertEqual(self.first, self.registry.head())
        self.compile_and_serve("phone")
        self.change("second")
        self.compile_and_serve("second")

    def test_no_commit_yet(self):
        registry = GitRegistry(self.dir / "unborn").init()
        registry.minimal()
        self.look_at(registry.path)
        self.assert_refused(f"{registry.path}", "no commit yet")
        registry.commit()
        self.compile_and_serve("phone")
        registry.git("checkout", "-q", "--orphan", "other")
        self.assert_refused("no commit yet", serves="phone")

    def test_what_is_no_repository(self):
        self.compile_and_serve("phone")
        git = self.registry.path / ".git"
        git.rename(self.dir / "away")
        for make in (
            lambda: git.write_text("nonsense\n"),
            lambda: git.write_text("gitdir: ../nowhere\n"),
            lambda: git.write_bytes(b"gitdir: " + b"x" * 100000),
            lambda: git.symlink_to("/nonexistent"),
            git.mkdir,
        ):
            make()
            self.assert_refused(str(self.registry.path), serves="phone")
            shutil.rmtree(git) if git.is_dir() else git.unlink()
        (self.dir / "away").rename(git)
        self.compile_and_serve("phone")


class Repositories(Case):
    def test_sha256(self):
        registry = GitRegistry(self.dir / "sha256").init("--object-format=sha256")
        registry.minimal()
        self.look_at(registry.path)
        self.assertEqual(64, len(registry.commit()))
        self.compile_and_serve("phone")
        head = self.change("second", registry)
        self.compile_and_serve("second")
        self.assertEqual(head, self.status()["source"]["head"])
        self.assertEqual(head, self.status()["snapshot"]["version"])
        self.assert_same_as_anew()

    def test_of_another_user(self):
        """git refuses to work in a repository of somebody else (safe.directory)."""
        if os.geteuid() != 0:
            self.skipTest("needs the right to change a file's owner")
        (self.dir / "home").mkdir()
        self.environment.update(HOME=str(self.dir / "home"))
        self.environment.pop("XDG_CONFIG_HOME", None)
        self.state.mkdir()
        self.state.chmod(0o777)
        command = shutil.copy(SIGNPOST, self.dir)
        nobody = self.as_nobody()
        for owner, who in ((1, nobody), (65534, {})):
            subprocess.run(["chown", "-R", str(owner), self.registry.path], check=True)
            self.registry.device(device=f"of {owner}")
            self.registry.git("-c", "safe.directory=*", "add", "-A")
            self.registry.git("-c", "safe.directory=*", "commit", "-q", "-m", "x")
            subprocess.run(["chown", "-R", str(owner), self.registry.path], check=True)
            self.registry.device(device="edited")
            self.signpost("compile", check=0, command=command, **who)
            run = self.signpost("status", "--json", check=0, command=command, **who)
            self.assertIn('"uncommitted": 1', run.stdout)
            self.assert_serves(f"of%20{owner}")
            shutil.rmtree(self.state)
            self.state.mkdir()
            self.state.chmod(0o777)

    def clone(self, *args):
        path = self.dir / "clone"
        self.registry.git("config", "uploadpack.allowFilter", "true")
        self.registry.git("clone", "-q", *args, f"file://{self.registry.path}", path)
        self.look_at(path)
        return GitRegistry(path)

    def test_shallow(self):
        self.change("second")
        clone = self.clone("--depth", "1")
        self.compile_and_serve("second")
        for name in ("third", "fourth"):
            old = clone.head()
            self.change(name)
            clone.git("fetch", "-q", "--depth", "1")
            clone.git("reset", "-q", "--hard", "origin/main")
            clone.git("reflog", "expire", "--expire=now", "--all")
            (clone.path / ".git/FETCH_HEAD").unlink()
            (clone.path / ".git/ORIG_HEAD").unlink()
            clone.git("gc", "-q", "--prune=now")
            self.assertIn("fatal", clone.git("cat-file", "-e", f"{old}^{{commit}}", check=False))
            self.compile_and_serve(name)
            self.assert_same_as_anew()

    def test_objects_in_another_repository(self):
        path = self.dir / "clone"
        self.registry.git("clone", "-q", "--shared", self.registry.path, path)
        self.look_at(path)
        self.compile_and_serve("phone")

    def test_a_repository_elsewhere(self):
        git = self.registry.path / ".git"
        self.registry.git("init", "-q", "--separate-git-dir", self.dir / "elsewhere")
        self.assertTrue(git.is_file())
        self.change("file")
        self.compile_and_serve("file")
        git.unlink()
        git.symlink_to("../elsewhere")
        self.change("symlink")
        self.compile_and_serve("symlink")

    def test_sparse(self):
        """Records that are not checked out are served, and nobody has removed them."""
        self.registry.git("sparse-checkout", "set", "nodes")
        self.assertFalse((self.registry.path / "devices").exists())
        self.compile_and_serve("phone")
        self.assertEqual(0, self.status()["source"]["uncommitted"])

    def test_partial(self):
        evil, ran = self.dir / "evil", self.dir / "ran"
        evil.write_text(f'#!/bin/sh\ntouch {ran}\nexec git-upload-pack "$@"\n')
        evil.chmod(0o755)
        clone = self.clone("--filter=blob:none", "--no-checkout")
        clone.git("config", "protocol.file.allow", "always")
        clone.git("config", "protocol.allow", "always")
        clone.git("config", "remote.origin.uploadpack", evil)
        remedy = "git fetch --refetch --no-filter"
        before = clone.git("count-objects", "-v")
        self.assert_refused(str(clone.path), "partial clone", remedy)
        self.assertEqual((before, False), (clone.git("count-objects", "-v"), ran.exists()))
        clone.git("config", "--unset", "remote.origin.uploadpack")
        clone.git(*remedy.split()[1:])
        self.compile_and_serve("phone")
        # What comes later is filtered again.
        self.change("second")
        clone.git("fetch", "-q")
        clone.git("update-ref", "HEAD", "origin/main")
        clone.git("config", "remote.origin.uploadpack", evil)
        self.assert_refused(str(clone.path), "partial clone", remedy, serves="phone")
        self.signpost("status")
        self.assertFalse(ran.exists())

    def test_a_lost_object(self):
        """It is no record that vanished, even beside a submodule, whose objects are never there."""
        self.compile_and_serve("phone")
        git = self.registry.git
        git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},devices/sub")
        self.registry.user(9)
        git("add", "users")
        git("commit", "-q", "-m", "x")
        blob = git("rev-parse", "HEAD:users/9.json")
        (self.registry.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
        self.assert_refused(str(self.registry.path), "users/9.json", serves="phone")
        self.state = self.dir / "other"
        self.environment["SIGNPOST_STATE"] = str(self.state)
        self.assert_refused(str(self.registry.path), "users/9.json")

    def test_without_the_git_program(self):
        (self.dir / "bin").mkdir()
        for path in ("/nonexistent", str(self.dir / "bin")):
            environment = dict(self.environment, PATH=path)
            self.assert_refused("git cannot be started", "`source: files`", env=environment)
        self.compile_and_serve("phone")
        self.change("second")
        self.assert_refused("git cannot be started", env=environment, serves="phone")
        self.compile_and_serve("second")

    def test_a_commit_without_a_registry(self):
        registry = GitRegistry(self.dir / "empty").init()
        registry.write("README", "x\n")
        registry.commit()
        self.look_at(registry.path)
        self.assert_refused(str(registry.path), "no registry in commit")

    def test_a_commit_that_takes_the_whole_registry_away(self):
        """As a first look at it says: this is no registry, not one without records."""
        self.compile_and_serve("phone")
        self.registry.git("rm", "-q", "-r", ".")
        self.registry.commit()
        self.assert_refused(str(self.registry.path), "no registry in commit", serves="phone")

    def test_from_anywhere_in_the_checkout(self):
        """A submodule's repository names its work tree: git would take paths from there."""
        self.registry.git("config", "core.worktree", self.registry.path)
        for number, place in enumerate((".", "users", "/")):
            place = self.registry.path / place
            self.change(f"c{number}")
            self.signpost("compile", cwd=place, check=0)
            self.assert_serves(f"c{number}")
        self.state = self.dir / "other"
        self.environment["SIGNPOST_STATE"] = str(self.state)
        self.signpost("compile", cwd=self.registry.path / "users", check=0)
        self.assert_serves(f"c{number}")
        self.registry.device(device="edited")
        run = self.signpost("status", cwd=self.registry.path / "users", check=0)
        self.assertTrue(re.search(r"uncommitted +1 ", run.stdout), run.stdout)
