"""What users have used: a file in the state directory that a collector replaces at any time.

What it says is told at the next poll, whatever else the poll is answered with. What it says wrongly
is told to the operator, and costs nobody anything.
"""

import os

import oracles
from forms import Forms
from support import UUID, until

ZERO = {"upload": 0, "download": 0, "total": 0, "expire": 0}
OTHERS = {id: f"00000000-0000-4000-8000-{id:012}" for id in (1, 10, 500, 99999)}

# What is no line of three numbers, or not in its place.
MALFORMED = [
    b"7 1 2", b"7 1\n", b"7\n", b"7 1 2 3\n", b"7 1 2 \n", b" 7 1 2\n", b"7  1 2\n", b"7\t1\t2\n",
    b"7 1 2\r\n", b"7 -1 2\n", b"7 +1 2\n", b"7 1.5 2\n", b"7 0x1 2\n", b"seven 1 2\n", b"7 1 2;\n",
    b"7 99999999999999999999999 2\n", b"99999999999999999999 1 2\n", b"-7 1 2\n", b"\n", b"\n\n\n",
    b"\0", b"\0" * 5000, b"\xff\xfe7\x00 1 2\n", b"7 1 2\0\n", b"# comment\n", b"x" * 100000,
    b'{"7": [1, 2]}\n', b"7,1,2\n",
]  # fmt: skip


class Usage(Forms):
    def setUp(self):
        super().setUp()
        self.registry.endpoint("one", client={"address": "one.example.org", "type": "ws"})
        for id, uuid in OTHERS.items():
            self.registry.user(id)
            self.registry.device(uuid, user_id=id)

    def write(self, content):
        """As a collector does: another file, renamed."""
        new = self.state / "usage.new"
        new.write_bytes(content)
        new.rename(self.state / "usage")

    def told(self, uuid=UUID, **kwargs):
        """What an app reads, from the responder that runs; its status is the second."""
        reply = self.ask(f"/{uuid}", **kwargs)
        return oracles.hiddify_userinfo(reply.headers["subscription-userinfo"])

    def told_at_once(self, uuid=UUID):
        """The same from a program that looks anew."""
        head, _, body = self.poll(uuid).partition("\r\n\r\n")
        self.assertTrue(head.startswith("Status: 200 "), head)
        self.assertTrue(body.startswith(f"vless://{uuid}@"), body)
        (value,) = [line[23:] for line in head.split("\r\n") if line.startswith("subscription-u")]
        return oracles.hiddify_userinfo(value)

    def until_told(self, upload, download, **kwargs):
        wanted = (upload, download)
        until(lambda: tuple(self.told(**kwargs).values())[:2] == wanted, f"{wanted}")


class Changes(Usage):
    def test_a_poll_tells_what_the_file_says_then(self):
        self.serve()
        self.assertEqual(ZERO, self.told())
        self.write(b"7 100 200\n")
        self.until_told(100, 200)
        self.write(b"1 1 1\n7 3221225472 34567890123\n10 5 5\n")
        self.until_told(3221225472, 34567890123)
        self.assertEqual({**ZERO, "upload": 5, "download": 5}, self.told(OTHERS[10]))
        self.assertEqual(ZERO, self.told(OTHERS[500]))
        self.write(b"1 2 3\n")
        self.until_told(0, 0)
        self.write(b"7 8 9\n")
        self.until_told(8, 9)
        (self.state / "usage").unlink()
        self.until_told(0, 0)

    def test_a_file_of_the_same_size_and_time(self):
        self.serve()
        self.write(b"7 100 200\n")
        self.until_told(100, 200)
        st = (self.state / "usage").stat()
        (self.state / "usage.new").write_bytes(b"7 300 400\n")
        os.utime(self.state / "usage.new", ns=(st.st_atime_ns, st.st_mtime_ns))
        (self.state / "usage.new").rename(self.state / "usage")
        self.until_told(300, 400)

    def test_who_has_the_links_already_is_told_too(self):
        self.serve()
        for query in ("", "format=clash"):
            self.write(b"7 0 0\n")
            self.until_told(0, 0, query=query)
            tag = self.ask(query=query).headers["etag"]
            self.write(b"7 11 22\n")
            self.until_told(11, 22, query=query, tag=tag)
            self.assertEqual(304, self.ask(query=query, tag=tag).status)

    def test_limit_and_expiry_are_the_users(self):
        self.registry.user(traffic_limit=100 * 2**30, expires="2099-12-31")
        self.registry.user(10, traffic_limit=1, expires="2099-12-31T12:00:00+03:00")
        self.serve()
        wanted = {**ZERO, "total": 100 * 2**30, "expire": 4102444799}
        self.assertEqual(wanted, self.told())
        wanted = {**ZERO, "total": 1, "expire": 4102390800}
        self.assertEqual(wanted, self.told(OTHERS[10]))
        # More than the limit is told as it is: the servers, not the addresses, are what ends.
        self.write(b"7 1 1\n10 1000 1000\n")
        self.until_told(1, 1)
        wanted.update(upload=1000, download=1000)
        self.assertEqual(wanted, self.told(OTHERS[10]))

    def test_everybody_is_found_wherever_the_line_stands(self):
        self.serve()
        ids = [1, 7, 10, 500, 99999]
        for more in ([], range(2, 7), range(11, 3000), range(200000, 203000), range(501, 90000, 7)):
            lines = sorted({*ids, *more})
            self.write("".join(f"{id} {id + 1} {id * 1000}\n" for id in lines).encode())
            for id in ids:
                told = self.told_at_once(UUID if id == 7 else OTHERS[id])
                self.assertEqual({**ZERO, "upload": id + 1, "download": id * 1000}, told)

    def test_numbers_are_such_as_apps_can_read(self):
        """Hiddify's and Go's integers have 63 bits: one more and the update fails as a whole."""
        self.compile()
        for up in (2**63 - 1, 2**63, 2**64 - 1):
            self.write(f"7 {up} {up}\n".encode())
            self.assertIn(self.told_at_once()["upload"], (0, 2**63 - 1))


class Malformed(Usage):
    def test_it_costs_nobody_the_answer(self):
        self.compile()
        for content in MALFORMED:
            self.write(content)
            self.assertEqual(ZERO, self.told_at_once(), content[:40])
        self.write(b"7 1 2\n")
        self.assertEqual({**ZERO, "upload": 1, "download": 2}, self.told_at_once())

    def test_a_bad_line_gives_nobody_elses_numbers(self):
        self.compile()
        for bad in (b"x\n", b"7\n", b"7 9 9 9\n", b"\n", b"8 9 9"):
            self.write(b"1 11 111\n" + bad + b"10 22 222\n500 33 333\n")
            for id, wanted in ((1, (11, 111)), (10, (22, 222)), (500, (33, 333)), (7, (0, 0))):
                told = self.told_at_once(UUID if id == 7 else OTHERS[id])
                self.assertIn((told["upload"], told["download"]), (wanted, (0, 0)), bad)

    def test_what_is_no_file(self):
        self.compile()
        usage = self.state / "usage"
        usage.mkdir()
        self.assertEqual(ZERO, self.told_at_once())
        usage.rmdir()
        os.mkfifo(usage)
        self.assertEqual(ZERO, self.told_at_once())
        usage.unlink()
        usage.symlink_to("nowhere")
        self.assertEqual(ZERO, self.told_at_once())

    def test_it_is_cut_short_in_place_while_it_is_in_use(self):
        """Nobody should; who does has answers with zeros, and the file when it is whole again."""
        self.serve()
        lines = b"".join(b"%d 1 2\n" % id for id in range(1, 60000))
        for _ in range(3):
            self.write(lines)
            self.until_told(1, 2)
            os.truncate(self.state / "usage", 0)
            for _ in range(20):
                told = self.told()
                self.assertIn((told["upload"], told["download"]), ((0, 0), (1, 2)))
            self.until_told(0, 0)

    def test_the_operator_is_told(self):
        """The file, the line and what belongs there, by a command or in the log."""
        self.serve()
        self.write(b"7 1 2\n")
        self.until_told(1, 2)
        self.write(b"1 1 1\n7 one two\n")
        self.until_told(0, 0)
        said = self.process.said()
        for command in ("check", "compile", "status"):
            run = self.signpost(command)
            said += run.stdout + run.stderr
        self.assertRegex(said, r"usage:2\b.*<user id> <bytes up> <bytes down>")
