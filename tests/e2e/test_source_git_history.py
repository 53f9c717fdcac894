"""How HEAD may move: merges, reverts, resets, unrelated branches, commits that are gone."""

from checkout import DEVICE, Changes


class History(Changes):
    def test_merge_and_revert(self):
        git = self.registry.git
        git("checkout", "-q", "-b", "side")
        self.change("side")
        git("checkout", "-q", "main")
        self.endpoint("more", "more.example.org")
        self.committed()
        git("merge", "-q", "-m", "merge", "side")
        self.compile()
        self.assertEqual({"shop.example.org", "more.example.org"}, self.addresses())
        self.assertIn("#side", self.served()[0])
        self.assert_same_as_anew()
        git("revert", "--no-edit", "-m", "1", "HEAD")
        git("revert", "--no-edit", "HEAD~2")
        self.compile_and_serve("phone")
        self.assert_same_as_anew()

    def test_back_and_forth(self):
        second = self.change("second")
        self.registry.user(status="blocked")
        self.committed()
        third = self.registry.head()
        self.assertEqual([], self.served())
        for commit, name in ((self.first, "phone"), (second, "second"), (third, None)) * 2:
            self.registry.git("reset", "-q", "--hard", commit)
            self.compile()
            self.assert_serves(name) if name else self.assertEqual([], self.served())
            self.assert_same_as_anew()

    def test_unrelated_histories(self):
        git = self.registry.git
        git("checkout", "-q", "--orphan", "other")
        self.endpoint("other", "other.example.org")
        self.change("other")
        self.compile()
        self.assertEqual({"shop.example.org", "other.example.org"}, self.addresses())
        git("checkout", "-q", "main")
        self.compile_and_serve("phone")
        self.assert_same_as_anew()

    def test_the_old_commit_is_there_no_more(self):
        git = self.registry.git
        git("checkout", "-q", "--orphan", "other")
        self.change("new")
        git("branch", "-q", "-D", "main")
        git("reflog", "expire", "--expire=now", "--all")
        git("gc", "-q", "--prune=now")
        self.assertIn("fatal", git("cat-file", "-e", f"{self.first}^{{commit}}", check=False))
        self.compile_and_serve("new")
        self.assert_same_as_anew()

    def test_what_is_kept_back_outlives_the_old_commit(self):
        git = self.registry.git
        self.registry.write(DEVICE, "{")
        self.committed(check=1)
        git("checkout", "-q", "--orphan", "other")
        self.endpoint("other", "other.example.org")
        self.registry.commit()
        git("branch", "-q", "-D", "main")
        git("reflog", "expire", "--expire=now", "--all")
        git("gc", "-q", "--prune=now")
        self.compile(1)
        self.assertEqual({"shop.example.org", "other.example.org"}, self.addresses())
        self.assertEqual(1, self.status()["last_compile"]["kept_back"])

    def test_replaced_objects_do_not_count(self):
        blob = self.registry.git("rev-parse", f"HEAD:{DEVICE}")
        text = (self.registry.path / DEVICE).read_text().replace("phone", "replaced")
        new = self.registry.git("hash-object", "-w", "--stdin", input=text)
        self.registry.git("replace", blob, new)
        self.assertIn("replaced", self.registry.git("show", f"HEAD:{DEVICE}"))
        self.assert_same_as_anew()
