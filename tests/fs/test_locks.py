#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""locks/: what each command does, row by row of the table in the manual, and what the hidden helpers say."""

import json
import os
import re
import sqlite3
import subprocess

import agents
import harness


class Table(agents.Case):
    """One row a test: free, mine, somebody else's, their stale one."""

    def setUp(self):
        super().setUp()
        self.m, self.clock = self.mount_clock()
        self.a, self.b = self.agent("CLI-1"), self.agent("Desktop-2")

    def stale(self):
        self.clock.move(passed_s=901)

    def test_touch(self):
        self.a.ok("touch Chapter_03")
        self.assertEqual(self.held(self.m), ["Chapter_03"])
        self.assertEqual(self.fields(self.m, "Chapter_03")["instance"], "CLI-1")
        before = os.stat(self.m.path("locks/Chapter_03"))
        self.clock.move(passed_s=60)
        self.a.ok("touch Chapter_03")
        after = os.stat(self.m.path("locks/Chapter_03"))
        self.assertEqual(after.st_ino, before.st_ino, "a renewal keeps the token")
        self.assertGreaterEqual(after.st_mtime, before.st_mtime + 59)
        self.assertEqual(after.st_ctime, before.st_ctime)
        self.b.fails("touch Chapter_03", "busy")
        self.stale()
        self.assertEqual(self.fields(self.m, "Chapter_03")["state"], "stale")
        self.b.fails("touch Chapter_03", "busy")

    def test_redirect(self):
        self.a.ok("> Chapter_03")
        self.a.ok("> Chapter_03")
        self.b.fails("> Chapter_03", "busy")
        self.b.fails(": >> Chapter_04; : > Chapter_03", "busy")
        self.stale()
        self.b.fails("> Chapter_03", "busy")

    def test_write_a_name(self):
        free = self.agent()
        free.ok("echo CLI-12345 > Chapter_03")
        f = self.fields(self.m, "Chapter_03")
        self.assertEqual((f["instance"], f["pid"].split()[0]), ("CLI-12345", str(free.pid)))
        free.ok("echo 'CLI-777 ttl=60 reason=\"Prompt 3\"' > Chapter_03")
        f = self.fields(self.m, "Chapter_03")
        self.assertEqual((f["instance"], f["ttl"], f["reason"]), ("CLI-777", "60", "Prompt 3"))
        self.a.fails("echo CLI-1 > Chapter_03", "busy")
        self.clock.move(passed_s=61)
        self.a.fails("echo CLI-1 > Chapter_03", "busy")

    def test_a_name_in_use(self):
        self.a.ok("touch Chapter_03")
        other = self.agent()
        other.fails("echo CLI-1 > Chapter_04", "exists")
        self.assertIn(str(self.a.pid), other.ok("cat .why"))
        self.assertEqual(self.held(self.m), ["Chapter_03"], "what failed has taken nothing")

    def test_append_attaches_again(self):
        self.a.ok("echo CLI-1 >> Chapter_03")
        self.clock.move(passed_s=60)
        other = self.agent()
        before = os.stat(self.m.path("locks/Chapter_03")).st_mtime
        other.ok("echo CLI-1 >> Chapter_03")
        self.assertGreater(os.stat(self.m.path("locks/Chapter_03")).st_mtime, before + 50)
        self.b.fails("echo Desktop-2 >> Chapter_03", "busy")
        self.b.fails("echo 'ttl=5' >> Chapter_03", "busy")
        self.stale()
        self.b.fails("echo Desktop-2 >> Chapter_03", "busy")

    def test_noclobber(self):
        self.a.ok("set -C; > Chapter_03")
        self.a.fails("set -C; > Chapter_03")
        self.b.fails("set -C; > Chapter_03")
        self.stale()
        self.b.fails("set -C; > Chapter_03")
        fd = os.open(self.m.path("locks/Chapter_09"), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.close(fd)
        with self.errno(17):
            os.open(self.m.path("locks/Chapter_09"), os.O_WRONLY | os.O_CREAT | os.O_EXCL)

    def test_remove(self):
        self.a.fails("rm Chapter_03", "No such file")
        self.a.ok("touch Chapter_03")
        self.b.fails("rm -f Chapter_03", "busy")
        self.a.ok("rm Chapter_03")
        self.assertEqual(self.held(self.m), [])
        self.a.ok("touch Chapter_03")
        self.stale()
        self.b.ok("rm Chapter_03")
        self.assertEqual(self.held(self.m), [])
        self.assertIn("overridden Chapter_03 CLI-1", self.m.read("locks/.log"))
        self.a.fails("rm Chapter_03", "No such file")

    def test_sets(self):
        self.a.ok("touch Chapter_03+ImageRegistry")
        self.assertEqual(self.held(self.m), ["Chapter_03", "ImageRegistry"])
        self.a.ok("touch Chapter_03+ImageRegistry")
        self.b.fails("touch Chapter_04+ImageRegistry", "busy")
        self.assertEqual(self.held(self.m), ["Chapter_03", "ImageRegistry"], "nothing taken")
        self.a.fails("set -C; > Chapter_03+ImageRegistry")
        self.b.fails("rm Chapter_03+ImageRegistry", "busy")
        self.assertIn("instance: CLI-1", self.m.read("locks/Chapter_03+ImageRegistry"))
        self.stale()
        self.b.fails("touch Chapter_04+ImageRegistry", "busy")
        self.a.ok("rm ImageRegistry+Chapter_03")
        self.assertEqual(self.held(self.m), [])
        self.a.fails("touch Chapter_03+Chapter_3", "Invalid")
        self.assertEqual(self.held(self.m), [])

    def test_two_sets_the_other_way_round(self):
        """Two agents that want {A,B} and {B,A}: no deadlock, one at a time."""
        for i in range(20):
            first, second = (self.a, self.b) if i % 2 else (self.b, self.a)
            first.ok("touch Chapter_01+Chapter_02")
            second.fails("touch Chapter_02+Chapter_01", "busy")
            first.ok("rm Chapter_02+Chapter_01")
            second.ok("touch Chapter_02+Chapter_01 && rm Chapter_01+Chapter_02")

    def test_ttl(self):
        self.a.ok("touch -d '+2 hours' Chapter_03")
        self.assertIn(int(self.fields(self.m, "Chapter_03")["ttl"]), range(7100, 7201))
        self.a.ok("touch -d '+10 minutes' Chapter_03")
        ttl = self.fields(self.m, "Chapter_03")["ttl"]
        self.assertIn(int(ttl), range(500, 601))
        self.b.fails("touch -d '+2 hours' Chapter_03", "busy")
        self.a.ok("touch Chapter_03")
        self.assertEqual(self.fields(self.m, "Chapter_03")["ttl"], ttl)
        self.a.fails("touch -d @9223372036854775 Chapter_03", "Invalid argument")
        self.a.fails("touch -d @9223372036854775807 Chapter_03", "Invalid argument")
        self.assertEqual(self.fields(self.m, "Chapter_03")["ttl"], ttl)

    def test_remove_all(self):
        self.a.ok("touch Chapter_01 Chapter_02")
        self.b.ok("touch Chapter_03")
        said = self.b.fails("rm -f *", "busy")
        self.assertEqual(said.count("busy"), 2, said)
        self.assertEqual(self.held(self.m), ["Chapter_01", "Chapter_02"])
        self.stale()
        self.b.ok("rm -f *")
        self.assertEqual(self.held(self.m), [])

    def test_other_names(self):
        for command in ("mkdir x", "ln -s a b", "mknod p p", "rmdir .all", "mv Chapter_03 Chapter_04",
                        "ln Chapter_03 Chapter_05"):
            self.a.run("touch Chapter_03")
            self.a.fails(command, "not permitted")
            self.assertIn("touch locks/RESOURCE", self.a.ok("cat .why"))
        for name in ("Chapter_3", "chapter_03", "Chapter_100", "StyleSytem", "tmp", "Chapter_00"):
            self.a.fails("touch " + name, "Invalid")
        self.a.fails("touch StyleSytem", "Invalid")
        self.assertIn("StyleSystem", self.a.ok("cat .why"))
        self.a.fails("chmod 600 Chapter_03", "not permitted")

    def test_text_that_is_none(self):
        for text in ("two words", "a/b", "pid=x", "ttl=0", "reason=\"", "a=b", "x" * 64, "CLI-1 CLI-2"):
            status, said = self.a.run("printf '%s' '" + text + "' > Chapter_05")
            self.assertNotEqual(status, 0, text)
            self.assertEqual(self.held(self.m), [], text)

    def test_after_an_override(self):
        """The old holder's late write is ESTALE."""
        self.a.ok("exec 7>> Chapter_03; echo CLI-1 >&7")
        self.stale()
        self.b.ok("rm Chapter_03")
        self.a.fails("echo CLI-1 >&7", "Stale")
        self.b.ok("touch Chapter_03")
        self.a.fails("echo CLI-1 >&7", "usy")
        self.assertEqual(self.fields(self.m, "Chapter_03")["instance"], "Desktop-2")

    def test_holder_is_killed(self):
        self.a.ok("touch Chapter_03")
        self.a.kill()
        harness.wait_for(lambda: not self.held(self.m), what="the lock to be free")
        self.b.ok("set -C; > Chapter_03")

    def test_a_suspend_has_a_grace(self):
        self.a.ok("touch Chapter_03")
        self.clock.move(slept_s=3600)
        self.b.fails("rm -f Chapter_03", "busy")
        self.a.ok("touch Chapter_03")
        self.clock.move(slept_s=3600)
        self.b.fails("rm -f Chapter_03", "busy")
        self.clock.move(passed_s=120)
        self.b.ok("rm Chapter_03")


class Looking(agents.Case):
    def setUp(self):
        super().setUp()
        self.m = self.mount()
        self.a = self.agent("CLI-1")

    def test_stat(self):
        self.a.ok("echo 'reason=\"for stat\"' > Chapter_03")
        st = os.stat(self.m.path("locks/Chapter_03"))
        f = self.fields(self.m, "Chapter_03")
        self.assertEqual(st.st_ino, int(f["token"]))
        self.assertEqual(st.st_size, len(self.m.read("locks/Chapter_03")))
        self.assertEqual(st.st_uid, os.getuid())
        self.assertEqual(list(f), ["resource", "instance", "token", "state", "pid", "acquired", "renewed", "ttl",
                                   "reason"])
        self.assertRegex(f["acquired"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(self.m.read("locks/Chapter_03"), self.m.read("locks/Chapter_03"))
        self.assertEqual(os.listdir(self.m.path("locks")), ["Chapter_03"])
        self.assertEqual(self.a.ok("find . -type f -mmin -1"), "./Chapter_03")

    def test_helpers(self):
        self.assertIn("nothing is locked", self.m.read("locks/.table"))
        self.a.ok("touch Chapter_03 StyleSystem")
        self.assertIn("Chapter_03      CLI-1 ", self.m.read("locks/.table"))
        table = json.loads(self.m.read("locks/.table.json"))
        self.assertEqual({(k["resource"], k["instance"], k["state"]) for k in table["locks"]},
                         {("Chapter_03", "CLI-1", "held"), ("StyleSystem", "CLI-1", "held")})
        self.assertRegex(self.m.read("locks/.dashboard.md"),
                         r"\| Chapter_03 \| CLI-1 \| \S+ \| \d+ s \| \U0001F512 Active \|")
        resources = self.m.read("locks/.resources").split("\n")
        self.assertIn("ImageRegistry", resources)
        self.assertIn("Chapter_06\t6 Chapter 6", resources)
        self.assertIn("Chapter_99", resources)
        self.assertNotIn("Chapter_100", resources)
        self.assertEqual(self.a.ok("cat .me").splitlines()[:3],
                         ["instance: CLI-1", "uid: 0", "rule: 2, BOOKFS_INSTANCE in your environment"])
        self.assertIn("clear all seq=N", self.m.read("locks/.ctl"))
        for name in (".table", ".table.json", ".dashboard.md", ".resources", ".log", ".me", ".why"):
            self.assertEqual(os.stat(self.m.path("locks", name)).st_size, len(self.m.read("locks", name).encode()),
                             name)
            self.a.fails("echo x > " + name, "not permitted")
        self.a.fails(": > .wait/Chapter_03", "not permitted")
        self.assertIn(".all", self.a.ok("ls -d .all/.. .all"))
        self.assertIn("Chapter_03", os.listdir(self.m.path("locks/.all")))

    def test_why(self):
        b = self.agent("Desktop-2")
        self.assertIn("nothing of yours", b.ok("cat .why"))
        self.a.ok("echo 'reason=\"Prompt 3\"' > Chapter_03")
        b.fails("touch Chapter_03")
        said = b.ok("cat .why")
        for word in ("CLI-1", str(self.a.pid), "since", "Prompt 3", "locks/.wait/Chapter_03", "break Chapter_03 token="):
            self.assertIn(word, said)
        self.assertIn("locks/Chapter_03", b.ok("cat ../.bookfs/why"))
        override = re.search(r"override: (.*)", said).group(1)
        b.ok(override)
        self.assertEqual(self.held(self.m), [])
        self.assertIn("broken Chapter_03 CLI-1", self.m.read("locks/.log"))

    def test_whose_is_a_path(self):
        """locks/.for/PATH, of what the mount shows and of what it does not."""
        for path, resource in (("chapters/3/concepts.json", "Chapter_03"), ("chapters/3/.for", "Chapter_03"),
                               ("chapters/3/images/new/x.png", "Chapter_03"), ("images/new.png", "ImageRegistry"),
                               ("style.md", "StyleSystem"), ("book.json", "none"), ("no/such/thing.txt", "none"),
                               (".for", "none")):
            self.assertEqual(self.m.read("locks/.for", path).splitlines()[0], "resource: " + resource, path)
        free = self.m.read("locks/.for/chapters/3/title")
        self.assertEqual(free.splitlines()[1:], ["held by: nobody", "take: touch " + self.m.path("locks/Chapter_03")])
        self.a.ok(free.splitlines()[2].split(": ", 1)[1])
        self.assertIn("held by: you, as CLI-1, token ", self.a.ok("cat .for/chapters/3/title"))
        b = self.agent("Desktop-2")
        said = b.ok("cat .for/chapters/3/title")
        self.assertRegex(said, r"Chapter_03 is held by CLI-1 \(pid \d+\) since ")
        self.assertEqual(said, b.ok("cat ../.locks/.for/chapters/3/title"))
        self.assertEqual(os.listdir(self.m.path("locks/.for/chapters")), [])
        self.a.fails("echo x > .for/chapters/3/title", "not permitted")
        self.a.fails("cat .for/chapters/3", "Is a directory")
        for n in range(300):        # more than are remembered
            self.m.read("locks/.for", "a%d/b.md" % n)
        self.a.ok("cd .for/chapters/3; for n in $(seq 300); do cat ../$n/title; done >/dev/null; cat title; cd ../../..")

    def test_chapter_lock(self):
        self.assertEqual(os.readlink(self.m.path("chapters/3/lock")), "../../locks/Chapter_03")
        self.assertNotIn("lock", os.listdir(self.m.path("chapters/3")))
        self.a.ok("touch ../chapters/3/lock")
        self.assertEqual(self.held(self.m), ["Chapter_03"])
        self.assertIn("instance: CLI-1", self.m.read("chapters/3/lock"))

    def test_log_grows(self):
        tail = subprocess.Popen(["tail", "-n", "+1", "-f", self.m.path("locks/.log")], stdout=subprocess.PIPE, text=True)
        try:
            self.a.ok("touch Chapter_03; rm Chapter_03")
            lines = []
            while not any("released Chapter_03" in line for line in lines):
                lines.append(harness.Background(tail.stdout.readline).result())
            self.assertTrue(any("acquired Chapter_03 CLI-1" in line for line in lines), lines)
        finally:
            tail.kill()
            tail.wait()
            tail.stdout.close()

    def test_whole_tree_can_be_read(self):
        self.a.ok("touch Chapter_03 ImageRegistry")
        out = os.path.join(self.tmp, "out")
        for command in (["tar", "cf", out + ".tar", "--exclude=concepts.json", "--exclude=elements.json", "."],
                        ["cp", "-r", "locks", ".locks", "book.json", out], ["grep", "-rq", "CLI-1", "locks", ".locks"],
                        ["find", ".", "-ls"]):
            os.makedirs(out, exist_ok=True)
            done = subprocess.run(command, cwd=self.m.dir, capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, (command, done.stderr))


class Unreadable(agents.Case):
    """Nobody is told that nothing is locked where that cannot be known."""

    LOOKS = ("ls .", "stat Chapter_03", "cat .table", "cat .table.json", "cat .dashboard.md", "cat ../.locks/locks.json",
             "cat .wait/Chapter_03", "cat .all/Chapter_03", "touch Chapter_03", "rm Chapter_03")

    def unreadable(self, m):
        a = self.agent("CLI-1", m.path("locks"))
        for command in self.LOOKS:
            a.fails(command, "No locks available")
        a.ok("cat ../book.json ../chapters/1/text.md > /dev/null")
        return a.ok("cat .why")

    def test_at_the_start(self):
        with open(self.book + ".bookfs-locks", "wb") as f:
            f.write(os.urandom(20000))
        self.assertIn("damaged", self.unreadable(self.mount()))

    def test_while_it_is_mounted(self):
        m = self.mount()
        self.agent("CLI-2").ok("touch Chapter_03")
        db = sqlite3.connect(self.book + ".bookfs-locks")
        db.execute("DROP TABLE lock")
        db.commit()
        db.close()
        self.unreadable(m)


class Commands(agents.Case):
    """locks/.ctl: the errno of write(2) is the answer."""

    def setUp(self):
        super().setUp()
        self.m, self.clock = self.mount_clock()
        self.a, self.b = self.agent("CLI-1"), self.agent("Desktop-2")

    def test_acquire(self):
        self.a.ok("echo 'acquire ttl=60 reason=\"x y\" Chapter_01 Chapter_02' > .ctl")
        self.assertEqual(self.held(self.m), ["Chapter_01", "Chapter_02"])
        self.assertEqual(self.fields(self.m, "Chapter_02")["reason"], "x y")
        self.b.fails("echo acquire Chapter_03 Chapter_02 > .ctl", "busy")
        self.assertEqual(self.held(self.m), ["Chapter_01", "Chapter_02"])
        self.b.ok("echo acquire as Desktop-9 pid=$$ Chapter_03 > .ctl")
        f = self.fields(self.m, "Chapter_03")
        self.assertEqual((f["instance"], f["pid"]), ("Desktop-9", "%d (bash)" % self.b.pid))
        self.a.fails("echo acquire pid=999999999 Chapter_04 > .ctl", "No such process")
        self.a.fails("echo acquire Chapter_4 > .ctl", "Invalid")
        self.a.fails("echo acquire > .ctl", "Invalid")

    def test_renew_and_release(self):
        self.a.ok("touch Chapter_01 Chapter_02 Chapter_03")
        self.clock.move(passed_s=100)
        before = os.stat(self.m.path("locks/Chapter_01")).st_mtime
        self.a.ok("echo renew all > .ctl")
        self.assertGreater(os.stat(self.m.path("locks/Chapter_01")).st_mtime, before + 90)
        self.a.ok("echo renew Chapter_01 > .ctl")
        self.b.fails("echo renew Chapter_01 > .ctl", "busy")
        self.b.fails("echo release Chapter_01 > .ctl", "busy")
        self.a.fails("echo release Chapter_09 > .ctl", "No such file")
        self.a.ok("echo release Chapter_01 > .ctl")
        self.b.ok("echo release as CLI-1 Chapter_02 > .ctl")
        self.a.ok("echo release all > .ctl")
        self.assertEqual(self.held(self.m), [])

    def test_transfer(self):
        self.a.ok("touch Chapter_01")
        self.b.ok("touch Chapter_02")
        token = self.fields(self.m, "Chapter_01")["token"]
        self.a.ok("echo transfer Chapter_01 from=CLI-1 to=Desktop-2 > .ctl")
        f = self.fields(self.m, "Chapter_01")
        self.assertEqual((f["instance"], f["pid"]), ("Desktop-2", "%d (bash)" % self.b.pid))
        self.assertGreater(int(f["token"]), int(token))
        self.a.fails("rm -f Chapter_01", "busy")
        self.b.ok("rm Chapter_01")

    def test_break(self):
        self.a.ok("touch Chapter_01")
        token = int(self.fields(self.m, "Chapter_01")["token"])
        self.b.fails("echo 'break Chapter_01 token=%d' > .ctl" % token, "Invalid")
        self.b.fails("echo 'break Chapter_01 token=%d reason=\"\"' > .ctl" % token, "Invalid")
        self.b.fails("echo 'break Chapter_01 token=%d reason=\"r\"' > .ctl" % (token + 1), "Stale")
        self.assertEqual(self.held(self.m), ["Chapter_01"])
        self.b.ok("echo 'break Chapter_01 token=%d reason=\"gone home\"' > .ctl" % token)
        self.assertEqual(self.held(self.m), [])
        self.assertIn("gone home", self.m.read("locks/.log"))

    def test_clear(self):
        self.a.ok("touch Chapter_01")
        self.clock.move(passed_s=1000)
        self.b.ok("touch Chapter_02")
        self.b.ok("echo clear stale > .ctl")
        self.assertEqual(self.held(self.m), ["Chapter_02"])
        seq = re.search(r"seq: (\d+)", self.m.read("locks/.table")).group(1)
        self.a.ok("touch Chapter_03")
        self.a.fails("echo clear all seq=%s > .ctl" % seq, "Stale")
        self.a.fails("echo clear all > .ctl", "Invalid")
        self.a.ok(re.search(r"(echo clear all.*)> ", self.m.read("locks/.table")).group(1) + "> .ctl")
        self.assertEqual(self.held(self.m), [])

    def test_unknown(self):
        for text in ("lock Chapter_01", "", "acquire Chapter_01 as", "clear", "clear stale all", "transfer Chapter_01"):
            status, _ = self.a.run("printf '%s\\n' '" + text + "' > .ctl")
            self.assertNotEqual(status, 0, text)
        self.assertEqual(self.held(self.m), [])


if __name__ == "__main__":
    agents.main()
