"""An order to cut somebody off is always obeyed, whatever else is wrong and however many it is."""

from last_good import DEVICE, RECORDS, USER, LastGood, LastGoodInGit
from support import CORE, ENTRY, UUID


class Orders:
    """The tests, for a registry of either source."""

    def test_an_order_in_a_bad_record_is_obeyed(self):
        """A status that can be read and is not active counts, whatever else is wrong."""
        words = ["blocked", "inactive", "archived", "activ", "", ["active"], None]
        for (name, (wrong, _)), word in zip(RECORDS.items(), words):
            with self.subTest(name=name, word=word):
                self.change(name, status=word, **wrong)
                self.assertTrue(self.said(check=1))
                self.assertNotEqual(self.good, self.poll())
                self.assertNotIn(name, self.kept())
                # What was obeyed is the version that is kept now.
                self.spoil(name, "syntax")
                self.said(check=1)
                self.assertNotEqual(self.good, self.poll())
                self.change(name)
                self.said(check=0)
                self.assertEqual(self.good, self.poll())

    def test_a_wrong_status_word_fails_closed(self):
        for name in (DEVICE, USER):
            self.change(name, status="actve")
            (line,) = self.said(check=1)
            self.assertIn("'actve'", line)
            self.assertIn("Status: 404 ", self.poll())
            self.change(name)
            self.said(check=0)

    def test_the_deletion_of_a_bad_record_is_obeyed(self):
        for name in (f"routes/entry_{ENTRY}_core_{CORE}.json", USER):
            self.spoil(name, "syntax")
            self.said(check=1)
            self.registry.remove(name)
            self.publish()
            self.signpost("compile", check=0)
            self.assertEqual({}, self.kept(check=0))
            self.assertNotIn("@shop.example.org", self.poll())
        self.assertIn("Status: 404 ", self.poll())

    def test_an_order_in_one_of_two_files(self):
        """Two files for one record are an error; that one says blocked is an order all the same."""
        yaml = "id: 7\nstatus: {}\ncore_nodes: [198.51.100.10]\n"
        for first, second in (("blocked", "blocked"), ("active", "blocked"), ("blocked", "active")):
            with self.subTest(first=first, second=second):
                self.registry.write("users/7.yaml", yaml.format("active"))
                self.said(check=1)
                self.assertEqual(self.good, self.poll())
                self.change(USER, status=first)
                self.registry.write("users/7.yaml", yaml.format(second))
                self.said(check=1)
                cut_off = self.poll()
                self.change(USER)
                self.registry.remove("users/7.yaml")
                self.said(check=0)
                self.assertIn("Status: 404 ", cut_off)

    def test_orders_about_all_are_obeyed(self):
        """Readable changes are no mishap, however many they are."""
        self.settings("max_shrink: 0\n")
        uuids = [f"{UUID[:-2]}{n:02x}" for n in range(100, 130)]
        for order in ({"status": "blocked"}, {"expires": "2020-01-01"}, {"groups": []}):
            with self.subTest(order):
                self.registry.route(groups=["vip"])
                self.registry.endpoint("spare", status="inactive", address="s.example.org")
                for n, uuid in enumerate(uuids, 100):
                    self.registry.user(n, groups=["vip"])
                    self.registry.device(uuid, user_id=n)
                self.said(check=0)
                self.assertIn("vless://", self.poll(uuids[0]))
                for n in range(100, 130):
                    self.registry.user(n, **{"groups": ["vip"], **order})
                self.said(check=0)
                for uuid in uuids[::10]:
                    self.assertIn("Status: 404 ", self.poll(uuid))


class InFiles(Orders, LastGood):
    pass


class InGit(Orders, LastGoodInGit):
    pass
