#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Locks by command: bookfs lock, unlock, locks, break, clear, with a mount and without, and what they say."""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time

import harness
from agents import Commands, main

WAYS = (r"; wait: bookfs lock --wait 120 %s; cancel: nothing was taken; "
        r"override: bookfs break %s Chapter_03 --token (\d+) --reason WHY\n")


class Terminal:
    """A command on a terminal of its own, and a person before it."""

    def __init__(self, argv, cwd, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(argv[0], argv, env)
        self.text, self.ended = "", False

    def more(self, timeout):
        ready, _, _ = select.select([self.fd], [], [], timeout)
        try:
            part = os.read(self.fd, 4096) if ready else None
        except OSError:
            part = b""
        self.ended = part == b""
        self.text += (part or b"").decode()

    def expect(self, text, timeout=60):
        end = time.monotonic() + timeout
        while text not in self.text:
            if self.ended or time.monotonic() > end:
                raise AssertionError("no %r in %r" % (text, self.text))
            self.more(0.05)
        said, self.text = self.text.split(text, 1)
        return said

    def countdown(self, most):
        """The seconds that it says next: a machine that is busy may skip some."""
        self.expect("waiting, ")
        left = int(self.expect(" s "))
        if not 0 < left <= most:
            raise AssertionError("%d s of %d are left" % (left, most))
        return left

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """(status, what it said last)"""
        while not self.ended:
            self.more(10)
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        return status, self.text


class Plain(Commands):
    def test_take_show_give_back(self):
        said = self.ok("CLI-1", "lock", "book.epub", "Chapter_03", "Chapter_04", "--reason", "Prompt 3")
        self.assertRegex(said, r"^Chapter_03 token=\d+ instance=CLI-1\nChapter_04 token=\d+ instance=CLI-1\n$")
        self.assertEqual(said, self.ok("CLI-1", "lock", "book.epub", "Chapter_03", "Chapter_04"), "renewed")
        line = self.fails(75, "^bookfs: Chapter_03 is held by CLI-1 \\(pid %d\\) since [-0-9]{10}T[0-9:]{8}Z, "
                          "renewed \\d+ s ago, reason: Prompt 3" % os.getpid() +
                          WAYS % ("book.epub ImageRegistry Chapter_03", "book.epub"),
                          "CLI-2", "lock", "book.epub", "ImageRegistry", "Chapter_03")
        self.assertIn("token %d " % self.table()["Chapter_03"]["token"], line)
        self.assertEqual(self.owners(), {"Chapter_03": "CLI-1", "Chapter_04": "CLI-1"}, "nothing was taken")
        table = self.ok(None, "locks", "book.epub")
        self.assertRegex(table, r"^resource .*\nChapter_03 +CLI-1 +held .*\nChapter_04 +CLI-1 +held .*\n"
                         r"to clear them: bookfs clear --all book.epub\n$")
        said = self.shell("CLI-2").fails("bookfs unlock book.epub Chapter_04 Chapter_03", "is held by CLI-1 (pid ")
        self.assertRegex(said, "^bookfs: Chapter_0[34] is .*; override: bookfs break book.epub Chapter_0[34] --token")
        self.ok("CLI-1", "unlock", "book.epub", "Chapter_03")
        self.fails(1, "Chapter_03 is not locked", "CLI-1", "unlock", "book.epub", "Chapter_03")
        self.ok("CLI-2", "unlock", "book.epub", "--all")
        self.assertEqual(self.owners(), {"Chapter_04": "CLI-1"}, "another's stays")
        self.ok("CLI-1", "unlock", "book.epub", "--all")
        self.assertRegex(self.ok(None, "locks", "book.epub"), "^resource .*\nnothing is locked\n$")

    def test_shared(self):
        """All of the book, by those who read it; nobody has a part of it meanwhile."""
        first = self.ok("CLI-1", "lock", "--shared", "book.epub")
        self.assertRegex(first, r"^Book\.1 token=\d+ instance=CLI-1\n$")
        self.assertEqual(first, self.ok("CLI-1", "lock", "--shared", "book.epub", "Book"), "renewed")
        self.assertEqual("Book.2\n", self.ok("CLI-2", "lock", "--shared", "book.epub", "--", "sh", "-c",
                         "bookfs locks book.epub | grep -o Book.2"))
        self.fails(75, "Book.1 is held by CLI-1 .* wait: bookfs lock --wait 120 book.epub Chapter_03; cancel: .*"
                   "bookfs break book.epub Book.1 --token", "CLI-2", "lock", "book.epub", "Chapter_03")
        self.fails(75, "Book.1 is held by CLI-1 ", "CLI-2", "lock", "book.epub", "Book")
        self.ok("CLI-1", "unlock", "book.epub", "Book")
        self.ok("CLI-2", "lock", "book.epub", "Chapter_03")
        self.fails(75, "Chapter_03 is held by CLI-2 .* wait: bookfs lock --shared --wait 120 book.epub; cancel:",
                   "CLI-1", "lock", "--shared", "book.epub")

    def test_usage(self):
        for status, line, *args in [
                (2, "name a book and what to lock", "lock"),
                (2, "name a book and what to lock", "lock", "book.epub"),
                (2, "all of the book is shared, and nothing else", "lock", "--shared", "book.epub", "Chapter_03"),
                (2, "name the command behind --", "lock", "book.epub", "Chapter_03", "--"),
                (2, "--wait x: a number of seconds", "lock", "book.epub", "Chapter_03", "--wait", "x"),
                (2, "--wait -1: a number of seconds", "lock", "book.epub", "Chapter_03", "--wait", "-1"),
                *((2, "--ttl %s: a number of seconds, from 1 to 31 days" % ttl, "lock", "book.epub", "Chapter_03",
                   "--ttl", ttl) for ttl in ("9999999", "0")),
                (2, "--reason: one line", "lock", "book.epub", "Chapter_03", "--reason", "a\nb"),
                (2, "--weit is not known; --wait is near", "lock", "--weit", "3", "book.epub", "Chapter_03"),
                (2, "or --all of yours", "unlock", "book.epub"),
                (2, "or --all of yours", "unlock", "book.epub", "--all", "Chapter_03"),
                (2, "name one book or one mounted directory", "locks"),
                (2, "give its --token", "break", "book.epub", "Chapter_03"),
                (2, "give its --token", "break", "book.epub", "Chapter_03", "--token", "1"),
                *((2, "--token %s: a number" % n, "break", "book.epub", "Chapter_03", "--token", n, "--reason", "r")
                  for n in ("1x", "99999999999999999999", "-1")),
                (2, "name a book and one lock", "break", "book.epub", "--token", "1", "--reason", "r"),
                (2, "--stale or --all", "clear", "book.epub"),
                (2, "--stale or --all", "clear", "book.epub", "--stale", "--all"),
                (2, "there is nobody to ask: give --yes", "clear", "book.epub", "--all"),
                (1, "--as a b: an id is", "lock", "book.epub", "Chapter_03", "--as", "a b"),
                (1, "there is no such book", "lock", "none.epub", "Chapter_03"),
                (1, "bin: no book is mounted there", "lock", "bin", "Chapter_03"),
                (1, "none/x: No such file", "lock", "--store", "none/x", "book.epub", "Chapter_03"),
                (1, "Chapter_3 is nothing to lock; Chapter_03 is near", "lock", "book.epub", "Chapter_3"),
                (1, "chapter_03 is nothing to lock; Chapter_03 is near", "lock", "book.epub", "chapter_03"),
                (1, "Music is nothing to lock: there are Chapter_01 and on, FrontMatter, ", "lock", "book.epub",
                 "Music"),
                (1, "Chapter_100 is nothing to lock", "lock", "book.epub", "Chapter_100"),
                (1, "Chapter_3 is nothing to lock", "unlock", "book.epub", "Chapter_3"),
                (1, "the token is not 7 any more", "break", "book.epub", "Chapter_03", "--token", "7",
                 "--reason", "r")]:
            with self.subTest(args=args):
                self.fails(status, re.escape(line), None, *args)
        for name in ("lock", "unlock", "locks", "break", "clear"):
            self.assertRegex(self.ok(None, name, "--help"), "^usage: bookfs %s " % name)
        self.assertEqual(self.table(), {})

    def test_store_elsewhere_and_hard_names(self):
        """The commands that a refusal gives can be run as they stand."""
        os.rename(self.book, os.path.join(self.tmp, "it's a book.epub"))
        place = ["--store", "my store", "it's a book.epub"]
        self.ok("CLI-1", "lock", *place, "Chapter_03")
        self.assertTrue(os.path.exists(os.path.join(self.tmp, "my store-locks")))
        line = self.fails(75, "held by CLI-1", "CLI-2", "lock", *place, "Chapter_03", "--", "true")
        self.assertIn("wait: bookfs lock --wait 120 --store '%s/my store' 'it'\\''s a book.epub' "
                      "Chapter_03 -- COMMAND;" % self.tmp, line)
        self.ok("CLI-2", argv=["sh", "-c", line.split("override: ")[1]])
        self.assertEqual(self.run_as("CLI-2", argv=["sh", "-c", re.search("wait: (.*?);", line)[1].replace(
            "COMMAND", "echo got it")]), (0, "got it\n", ""))

    def test_chapters_past_99(self):
        harness.make_book(self.book, 120, 60)
        self.ok("CLI-1", "lock", "book.epub", "Chapter_120", "Chapter_99")  # no store yet: the book is asked
        self.fails(1, "Chapter_121 is nothing to lock", "CLI-1", "lock", "book.epub", "Chapter_121")
        self.fails(75, "Chapter_120 is held by CLI-1", "CLI-2", "lock", "book.epub", "Chapter_120")
        m = self.mount()
        self.assertEqual(self.owners(m.dir), {"Chapter_120": "CLI-1", "Chapter_99": "CLI-1"})
        self.ok("CLI-1", "unlock", m.dir, "Chapter_120")
        self.assertEqual(self.held(m), ["Chapter_99"])

    def test_who(self):
        """Without an id: the process that lives on; with one: that, and one live tree only."""
        a, b = self.agent(cwd=self.tmp), self.agent(cwd=self.tmp)
        a.ok("export PATH='%s'; bookfs lock book.epub Chapter_01" % self.env["PATH"])
        b.ok("export PATH='%s'" % self.env["PATH"])
        self.assertEqual(self.owners(), {"Chapter_01": "sh-%d" % a.pid})
        a.ok("bash -c 'bookfs lock book.epub Chapter_01; bookfs lock --as CLI-7 book.epub Chapter_02'")
        self.assertEqual(self.owners()["Chapter_02"], "CLI-7")
        self.assertIn("CLI-7 is the id of process %d" % a.pid,
                      b.fails("bookfs lock --as CLI-7 book.epub Chapter_03"))
        b.fails("bookfs unlock book.epub Chapter_02", "is held by CLI-7 (pid %d)" % a.pid)
        a.ok("bookfs unlock book.epub Chapter_02")  # whose it is says the lock itself
        self.assertIn("BOOKFS_INSTANCE", a.ok("BOOKFS_INSTANCE=CLI-8 bookfs lock book.epub Chapter_04 && "
                                              "bookfs lock --help"))
        self.assertEqual(self.owners()["Chapter_04"], "CLI-8")
        a.kill()
        self.assertEqual(self.table(), {}, "the holder ended")

    @harness.NAMESPACES
    def test_caller_that_cannot_be_seen(self):
        """In another pid namespace whose /proc is still the outer one, and in one with its own."""
        for hide in (["unshare", "-pf"], ["unshare", "-pf", "--mount-proc"]):
            for r in ("Chapter_01", "Chapter_02"):
                said = self.ok(None, argv=hide + ["bookfs", "lock", "book.epub", r])
                self.assertRegex(said, r"instance=sh-(unseen|1)-\S+\n$")
            held = self.table()
            self.assertNotEqual(held["Chapter_01"]["instance"], held["Chapter_02"]["instance"], "two callers")
            self.assertEqual({k["pid"] for k in held.values()}, {None}, "held by lease")
            self.fails(75, "Chapter_02 is held by sh-", None, "lock", "book.epub", "Chapter_02")
            self.ok(None, argv=hide + ["bookfs", "unlock", "--as", held["Chapter_01"]["instance"], "book.epub",
                                       "Chapter_01"])
            self.run_as(None, "clear", "--all", "--yes", "book.epub")
        self.assertIn("instance=CLI-5", self.ok("CLI-5", argv=["unshare", "-pf", "bookfs", "lock", "book.epub",
                                                              "Chapter_01"]))

    def test_break_and_clear(self):
        self.ok("CLI-1", "lock", "book.epub", "Chapter_03", "StyleSystem")
        token = str(self.table()["Chapter_03"]["token"])
        self.fails(1, "the token is not", "CLI-2", "break", "book.epub", "StyleSystem", "--token", token,
                   "--reason", "r")
        self.ok("CLI-2", "break", "book.epub", "Chapter_03", "--token", token, "--reason", "it hangs")
        self.assertEqual(self.owners(), {"StyleSystem": "CLI-1"})
        self.assertEqual(self.ok("CLI-2", "clear", "book.epub", "--stale", "--yes"), "nothing is stale\n")
        self.assertRegex(self.ok("CLI-2", "clear", "book.epub", "--all", "--yes"),
                         "^StyleSystem is held by CLI-1 .*\n$")
        self.assertEqual(self.ok("CLI-2", "clear", "book.epub", "--all", "--yes"), "nothing is locked\n")
        m = self.mount()
        self.assertIn("it hangs", m.read("locks/.log"))

    @harness.TERMINALS
    def test_stale(self):
        clock = self.with_clock()
        self.ok("CLI-1", "lock", "book.epub", "Chapter_03", "--ttl", "60")
        self.ok("CLI-1", "lock", "book.epub", "Chapter_04")
        clock.move(100)
        self.assertRegex(self.ok(None, "locks", "book.epub"), "Chapter_03 +CLI-1 +stale .*\nChapter_04 +CLI-1 +held ")
        line = self.fails(75, "Chapter_03 is held by CLI-1 .*, stale; wait: .*--reason stale\n", "CLI-2", "lock",
                          "book.epub", "Chapter_03")
        t = Terminal(["bookfs", "lock", "book.epub", "Chapter_03"], self.tmp, {**self.env, "BOOKFS_INSTANCE": "CLI-2"})
        t.expect("[o]verride? ")
        t.type("o\n")  # freely
        status, said = t.end()
        self.assertEqual(status, 0)
        self.assertRegex(said, "Chapter_03 token=.* instance=CLI-2\r\n$")
        self.fails(1, "the token is not", None, argv=["sh", "-c", line.split("override: ")[1]])
        self.ok("CLI-1", "lock", "book.epub", "Chapter_05", "--ttl", "60")
        clock.move(100)
        self.assertRegex(self.ok("CLI-3", "clear", "--stale", "--yes", "book.epub"),
                         "^Chapter_05 is held by CLI-1 .*, stale\n$")
        self.assertIn("Chapter_04", self.owners())

    def test_damaged(self):
        self.ok("CLI-1", "lock", "book.epub", "Chapter_03")
        self.ok("CLI-1", "unlock", "book.epub", "--all")
        with open(self.book + ".bookfs-locks", "wb") as f:
            f.write(os.urandom(20000))
        for args in (["lock", "book.epub", "Chapter_03"], ["locks", "book.epub"], ["unlock", "book.epub", "--all"],
                     ["lock", "book.epub", "Chapter_03", "--", "touch", "ran"],
                     ["clear", "--all", "--yes", "book.epub"]):
            self.fails(1, "book.epub.bookfs-locks: damaged; who holds what cannot be told. Delete it when ", None,
                       *args)
        self.assertFalse(os.path.exists(os.path.join(self.tmp, "ran")), "fails closed")

    def test_full_disk(self):
        disk = os.path.join(self.tmp, "disk")
        os.mkdir(disk)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", disk])
        shutil.copy(self.book, disk)
        self.ok("CLI-1", "lock", "disk/book.epub", "Chapter_03")
        with open(os.path.join(disk, "fill"), "wb", buffering=0) as f, self.errno(28):
            while True:
                f.write(bytes(4096))
        self.fails(1, "disk/book.epub.bookfs-locks: .*(full|No space)", "CLI-2", "lock", "disk/book.epub",
                   "Chapter_04", "--", "touch", "ran")
        self.assertFalse(os.path.exists(os.path.join(self.tmp, "ran")))
        os.unlink(os.path.join(disk, "fill"))
        self.assertEqual(self.owners("disk/book.epub"), {"Chapter_03": "CLI-1"}, "and nothing was lost")

    def test_other_user(self):
        """Who may not write beside the book, and where the mount cannot be asked."""
        os.chmod(self.tmp, 0o755)
        shutil.copy(harness.SLOWFS, os.path.join(self.tmp, "mine"))
        nobody = lambda *args: dict(argv=[os.path.join(self.tmp, "mine"), *args], user=65534, group=65534,
                                    env={"XDG_STATE_HOME": "/nonexistent", "HOME": "/nonexistent"})
        self.fails(1, "Permission denied; say where to keep the store with --store", None,
                   **nobody("lock", "book.epub", "Chapter_03"))
        m = self.mount()
        self.ok("CLI-1", "lock", m.dir, "Chapter_03")
        self.fails(1, "mnt: the mount does not say where its locks are: Permission denied", None,
                   **nobody("lock", m.dir, "Chapter_04"))
        m.end()
        m = self.mount("allow_other")
        for args in (["lock", m.dir, "Chapter_04"], ["locks", m.dir], ["lock", "book.epub", "Chapter_04"]):
            self.fails(1, r"bookfs-locks: Permission denied; in a mount .* touch DIR/locks/R takes a lock", None,
                       **nobody(*args))
        touch = self.run_as(None, **{**nobody(), "argv": ["touch", m.path("locks/Chapter_04")]})
        self.assertEqual(touch[0], 0, touch)
        self.assertEqual(set(self.owners(m.dir)), {"Chapter_03", "Chapter_04"})


class Mounted(Commands):
    def test_one_truth(self):
        """The mount and the commands, by its directory and by the book, whatever store it has."""
        m = self.mount()
        for place in (m.dir, m.dir + "/", "mnt", "book.epub"):
            self.ok("CLI-1", "lock", place, "Chapter_03", "--reason", "Prompt 3")
            self.assertEqual(self.fields(m, "Chapter_03")["reason"], "Prompt 3")
            self.ok("CLI-1", "unlock", place, "Chapter_03")
            self.assertEqual(self.held(m), [])
        a = self.agent()
        a.ok("touch Chapter_03")
        self.fails(75, "Chapter_03 is held by sh-%d \\(pid %d\\)" % (a.pid, a.pid), "CLI-1", "lock", "mnt",
                   "Chapter_03")
        self.fails(75, "Chapter_03 is held by sh-%d" % a.pid, "CLI-1", "lock", "book.epub", "Chapter_03")
        a.ok("cd ..; PATH='%s'; bookfs lock . Chapter_03 Chapter_04; bookfs unlock . Chapter_03; ls locks"
             % self.env["PATH"])
        self.assertEqual(self.held(m), ["Chapter_04"])
        self.fails(1, "leave --store out", None, "locks", "--store", "x", "mnt")
        m.end()
        m = harness.Mount(self.book, m.dir, "", None, {"SLOW_LOG": self.log})
        self.addCleanup(m.end)
        self.assertEqual(self.held(m), ["Chapter_04"], "its holder lives")

    def test_mount_with_its_own_store(self):
        store = os.path.join(self.tmp, "elsewhere")
        p = subprocess.run([harness.SLOWFS, "--store", store, self.book, "mnt"], cwd=self.tmp,
                           env={**self.env, "SLOW_LOG": self.log})
        self.assertEqual(p.returncode, 0)
        self.addCleanup(subprocess.run, [harness.SLOWFS, "umount", "mnt"], cwd=self.tmp)
        self.ok("CLI-1", "lock", "mnt", "Chapter_03")
        self.assertEqual(os.listdir(os.path.join(self.tmp, "mnt/locks")), ["Chapter_03"])
        self.assertEqual(set(self.table("book.epub", )), set(), "the book alone does not say it")
        self.fails(75, "held by CLI-1", "CLI-2", "lock", "--store", store, "book.epub", "Chapter_03")


class Waiting(Commands):
    def test_in_order_of_arrival(self):
        self.ok("CLI-0", "lock", "book.epub", "Chapter_03", "Chapter_04")
        waiting = []
        for i, args in enumerate((["Chapter_03", "Chapter_04"], ["Chapter_03"], ["Chapter_04"])):
            waiting.append(self.start("CLI-%d" % (i + 1), "lock", "--wait", "30", "book.epub", *args))
            self.wait_queue(i + 1)
        self.ok("CLI-0", "unlock", "book.epub", "--all")
        self.assertEqual(waiting[0].wait(60), 0)
        self.assertEqual(self.owners(), {"Chapter_03": "CLI-1", "Chapter_04": "CLI-1"})
        self.assertEqual([p.poll() for p in waiting[1:]], [None, None])
        self.ok("CLI-1", "unlock", "book.epub", "Chapter_04")
        self.assertEqual(waiting[2].wait(60), 0)
        self.assertEqual(self.owners(), {"Chapter_03": "CLI-1", "Chapter_04": "CLI-3"})
        self.ok("CLI-1", "unlock", "book.epub", "Chapter_03")
        self.assertEqual(waiting[1].wait(60), 0)
        self.assertRegex(waiting[1].stdout.read(), "^Chapter_03 token=.* instance=CLI-2\n$")

    def test_in_vain(self):
        """After the wait it says who has it then."""
        clock = self.with_clock()
        self.ok("CLI-0", "lock", "book.epub", "Chapter_03")
        first = self.start("CLI-1", "lock", "--wait", "600", "book.epub", "Chapter_03")
        self.wait_queue(1)
        second = self.start("CLI-2", "lock", "--wait", "100", "book.epub", "Chapter_03", "Chapter_05")
        self.wait_queue(2)
        self.ok("CLI-0", "unlock", "book.epub", "--all")
        self.assertEqual(first.wait(60), 0)
        self.assertIsNone(second.poll())
        clock.move(101)
        out, err = second.communicate(timeout=60)
        self.assertEqual((second.returncode, out), (75, ""))
        self.assertRegex(err, "^bookfs: Chapter_03 is held by CLI-1 .*\n$")
        self.assertEqual(self.owners(), {"Chapter_03": "CLI-1"})

    def test_interrupted(self):
        self.ok("CLI-0", "lock", "book.epub", "Chapter_03")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            p = self.start("CLI-1", "lock", "--wait", "30", "book.epub", "Chapter_03", "Chapter_04")
            self.wait_queue(1)
            p.send_signal(number)
            out, err = p.communicate(timeout=60)
            self.assertEqual((p.returncode, out, err),
                             (128 + number, "", "bookfs: interrupted; nothing was taken\n"))
            self.wait_queue(0)
        self.assertEqual(self.owners(), {"Chapter_03": "CLI-0"})

    def unlock_while_stopped(self, p):
        """Not in the midst of a look at the table, where it would keep everybody out."""
        while True:
            p.send_signal(signal.SIGSTOP)
            status, _, err = self.run_as("CLI-0", "unlock", "book.epub", "Chapter_03")
            if "is one stopped?" not in err:
                self.assertEqual((status, err), (0, ""))
                return
            p.send_signal(signal.SIGCONT)

    def test_interrupted_when_granted(self):
        """Both are there when it looks: what it was given goes back, what it had stays."""
        self.ok("CLI-1", "lock", "book.epub", "Chapter_05")
        for command in ([], ["--", "touch", "ran"]):
            self.ok("CLI-0", "lock", "book.epub", "Chapter_03")
            p = self.start("CLI-1", "lock", "--wait", "30", "book.epub", "Chapter_03", "Chapter_05", *command)
            self.wait_queue(1)
            self.unlock_while_stopped(p)
            self.wait_owner("Chapter_03", "CLI-1")
            p.send_signal(signal.SIGTERM)
            p.send_signal(signal.SIGCONT)
            out, err = p.communicate(timeout=60)
            self.assertEqual((p.returncode, out, err), (143, "", "bookfs: interrupted; nothing was taken\n"))
            self.assertEqual(self.owners(), {"Chapter_05": "CLI-1"})
        self.assertFalse(os.path.exists(os.path.join(self.tmp, "ran")))

    def test_circle(self):
        self.ok("CLI-1", "lock", "book.epub", "Chapter_01")
        self.ok("CLI-2", "lock", "book.epub", "Chapter_02")
        p = self.start("CLI-1", "lock", "--wait", "30", "book.epub", "Chapter_02")
        self.wait_queue(1)
        self.fails(1, "CLI-1 waits for what CLI-2 holds", "CLI-2", "lock", "--wait", "30", "book.epub", "Chapter_01")
        self.ok("CLI-2", "unlock", "book.epub", "--all")
        self.assertEqual(p.wait(60), 0)

    def test_holder_ends(self):
        a = self.agent(cwd=self.tmp)
        a.ok("PATH='%s' bookfs lock book.epub Chapter_03" % self.env["PATH"])
        p = self.start("CLI-1", "lock", "--wait", "30", "book.epub", "Chapter_03")
        self.wait_queue(1)
        a.kill()
        self.assertEqual(p.wait(60), 0)


class Guard(Commands):
    def guard(self, who, *command, flags=(), **how):
        p = self.start(who, "lock", *flags, "book.epub", "Chapter_03", "--", *command, **how)
        self.wait_owner("Chapter_03", who)
        return p

    def test_status(self):
        for status, *command in [(0, "true"), (1, "false"), (7, "sh", "-c", "exit 7"), (127, "no-such-command"),
                                 (126, "/etc/passwd"), (137, "sh", "-c", "kill -9 $$"), (143, "sh", "-c", "kill $$")]:
            got, out, err = self.run_as("CLI-1", "lock", "book.epub", "Chapter_03", "--", *command)
            self.assertEqual((got, out), (status, ""), command)
            self.assertEqual(err, {127: "bookfs: no-such-command: No such file or directory\n",
                                   126: "bookfs: /etc/passwd: Permission denied\n"}.get(status, ""))
            self.assertEqual(self.table(), {}, "given back whatever happened")

    def test_streams_and_words(self):
        got = self.run_as("CLI-1", argv=["sh", "-c", "printf 'in\\0put' | bookfs lock --reason 'a b' book.epub "
                                         "Chapter_03 -- sh -c 'cat; echo \"$@\" >&2' x --wait -- --all"])
        self.assertEqual(got, (0, "in\0put", "--wait -- --all\n"))

    def test_excludes_and_spares(self):
        """Refused while it runs; what one had by name before stays one's own."""
        self.ok("CLI-1", "lock", "book.epub", "Chapter_03")
        token = self.table()["Chapter_03"]["token"]
        p = self.guard("CLI-1", "cat", stdin=subprocess.PIPE)
        self.fails(75, "Chapter_03 is held by CLI-1 .* -- COMMAND; cancel", "CLI-2", "lock", "book.epub",
                   "Chapter_03", "--", "touch", "ran")
        p.communicate("", timeout=60)
        self.assertEqual(self.table()["Chapter_03"]["token"], token)
        self.ok("CLI-1", "unlock", "book.epub", "Chapter_03")
        p = self.guard("CLI-1", "cat", stdin=subprocess.PIPE)
        self.fails(75, "held by CLI-1 .* through pid %d since" % p.pid, "CLI-1", "unlock", "book.epub", "Chapter_03")
        p.communicate("", timeout=60)
        self.assertEqual(self.table(), {})

    def test_outlives_who_started_it(self):
        a = self.agent("CLI-1", cwd=self.tmp)
        a.start("PATH='%s' bookfs lock book.epub Chapter_03 -- sleep 30 & echo $! > pid" % self.env["PATH"])
        self.wait_owner("Chapter_03", "CLI-1")
        a.kill()
        self.fails(75, "held by CLI-1", "CLI-2", "lock", "book.epub", "Chapter_03")
        with open(os.path.join(self.tmp, "pid")) as f:
            os.kill(int(f.read()), signal.SIGTERM)
        harness.wait_for(lambda: not self.table())

    def test_nested(self):
        """A script that locks for itself, run by one that has the lock already, works under that."""
        script = ("bookfs lock book.epub Chapter_03 Chapter_04 -- sh -c 'bookfs locks --json book.epub'; "
                  "bookfs locks --json book.epub")
        said = self.ok("CLI-1", "lock", "book.epub", "Chapter_03", "--", "sh", "-c", script)
        inner, outer = said.replace("}\n{", "}\0{").split("\0")
        held = [{k["resource"]: k["token"] for k in json.loads(t)["locks"]} for t in (inner, outer)]
        self.assertEqual([sorted(h) for h in held], [["Chapter_03", "Chapter_04"], ["Chapter_03"]])
        self.assertEqual(held[0]["Chapter_03"], held[1]["Chapter_03"], "the inner one's end gave nothing away")
        self.assertEqual(self.table(), {})
        self.fails(75, "held by CLI-1", "CLI-1", "lock", "book.epub", "Chapter_03", "--", "env",
                   "BOOKFS_INSTANCE=CLI-2", "bookfs", "lock", "book.epub", "Chapter_03", "--", "true")
        p = self.guard("CLI-1", "cat", stdin=subprocess.PIPE)
        self.fails(75, "held by CLI-1 .* through pid %d since" % p.pid, "CLI-1", "lock", "book.epub", "Chapter_03",
                   "--", "true")  # beside it is not under it

    def test_renewed(self):
        clock = self.with_clock()
        p = self.guard("CLI-1", "cat", flags=("--ttl", "60"), stdin=subprocess.PIPE)
        for _ in range(3):
            clock.move(50)
            harness.wait_for(lambda: self.table()["Chapter_03"]["idle"] < 10, what="a renewal")
            self.assertEqual(self.table()["Chapter_03"]["state"], "held")
        p.communicate("", timeout=60)

    def test_taken_away(self):
        p = self.guard("CLI-1", "cat", stdin=subprocess.PIPE)
        token = str(self.table()["Chapter_03"]["token"])
        self.ok("CLI-2", "break", "book.epub", "Chapter_03", "--token", token, "--reason", "it hangs")
        self.ok("CLI-2", "lock", "book.epub", "Chapter_03")
        self.assertEqual(p.stderr.readline(), "bookfs: Chapter_03 was taken away while the command runs\n")
        time.sleep(0.6)  # two more looks
        self.assertEqual(p.communicate("still here", timeout=60), ("still here", ""))
        self.assertEqual(self.owners(), {"Chapter_03": "CLI-2"})

    def test_signals(self):
        # Not print: the signal may come while it still writes the first line.
        code = ("import os,signal,sys\nfor s in (1, 2, 15): signal.signal(s, lambda n, f: (os.write(1, b'got %d\\n' % n), "
                "sys.exit(3)))\nos.write(1, b'up\\n')\nsignal.pause()")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            p = self.guard("CLI-1", sys.executable, "-c", code)
            self.assertEqual(p.stdout.readline(), "up\n")
            p.send_signal(number)
            out, err = p.communicate(timeout=60)
            self.assertEqual((p.returncode, out, err), (3, "got %d\n" % number, ""))
            self.assertEqual(self.table(), {})

    def test_nohup(self):
        """A terminal that ends takes no lock away from who ignores that, waiting for it or having it."""
        def ignore():
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        first = self.guard("CLI-1", "cat", stdin=subprocess.PIPE)
        p = self.start("CLI-2", "lock", "--wait", "60", "book.epub", "Chapter_03", "--", "cat", stdin=subprocess.PIPE,
                       preexec_fn=ignore)
        self.wait_queue(1)
        p.send_signal(signal.SIGHUP)
        first.communicate("", timeout=60)
        self.wait_owner("Chapter_03", "CLI-2")
        p.send_signal(signal.SIGHUP)
        self.assertEqual((*p.communicate("still here", timeout=60), p.returncode), ("still here", "", 0))

    def test_guard_is_killed(self):
        m = self.mount()
        code = "import os,signal\nsignal.signal(15, lambda n, f: (open('told', 'w'), os._exit(0)))\n" \
               "print(os.getpid(), flush=True)\nsignal.pause()"
        p = self.guard("CLI-1", sys.executable, "-c", code)
        child = int(p.stdout.readline())
        self.assertEqual(self.held(m), ["Chapter_03"])
        p.kill()
        p.wait()
        harness.wait_for(lambda: not self.held(m))
        self.ok("CLI-2", "lock", "book.epub", "Chapter_03")
        harness.wait_for(lambda: harness.has_ended(child))
        self.assertTrue(os.path.exists(os.path.join(self.tmp, "told")), "the command was told to end")
        p = self.start("CLI-3", "lock", "book.epub", "Chapter_04", "--", "sh", "-c", "echo up; exec sleep 30")
        self.assertEqual(p.stdout.readline(), "up\n")   # until it runs, its process has all the guard had open
        p.kill()
        p.wait()
        self.ok("CLI-2", "lock", "book.epub", "Chapter_04")  # at the first look


@harness.TERMINALS
class Dialog(Commands):
    def setUp(self):
        super().setUp()
        self.ok("CLI-1", "lock", "book.epub", "Chapter_03", "--reason", "Prompt 3")

    def terminal(self, *args, argv=None):
        t = Terminal(argv or ["bookfs", *args], self.tmp, {**self.env, "BOOKFS_INSTANCE": "DESK-1"})
        return t

    def lock(self, *args):
        t = self.terminal("lock", "book.epub", "Chapter_03", *args)
        self.assertRegex(t.expect("[w]ait up to 120 s, [c]ancel, [o]verride? "),
                         "^Chapter_03 is held by CLI-1 .*, reason: Prompt 3\r\n$")
        return t

    def test_cancel(self):
        for answer in ("c\n", "\x04"):
            t = self.lock("Chapter_04")
            t.type(answer)
            status, said = t.end()
            self.assertEqual(status, 75)
            self.assertTrue(said.endswith("bookfs: nothing was taken\r\n"), said)
        t = self.lock()
        t.type("why?\n")
        t.expect("[o]verride? ")
        t.type("\x03")
        self.assertEqual(t.end()[0], -signal.SIGINT)
        self.assertEqual(self.owners(), {"Chapter_03": "CLI-1"})

    def test_wait(self):
        t = self.lock("--", "echo", "ran")
        t.type("w\n")
        left = t.countdown(120)
        t.expect("(Ctrl-C: give up) ")
        self.assertLess(t.countdown(120), left)
        self.ok("CLI-1", "unlock", "book.epub", "Chapter_03")
        status, said = t.end()
        self.assertEqual(status, 0)
        self.assertTrue(said.endswith("\r\x1b[Kran\r\n"), said)
        self.assertEqual(self.table(), {})

    def test_wait_given_up(self):
        t = self.lock("Chapter_04")
        t.type("w\n")
        t.countdown(120)
        t.type("\x03")
        status, said = t.end()
        self.assertEqual(status, 130)
        self.assertTrue(said.endswith("bookfs: interrupted; nothing was taken\r\n"), said)
        self.assertEqual(self.owners(), {"Chapter_03": "CLI-1"})

    def test_asked_again(self):
        t = self.terminal("lock", "--wait", "1", "book.epub", "Chapter_03")
        t.expect("[o]verride? ")
        t.type("c\n")
        self.assertEqual(t.end()[0], 75)

    def test_override(self):
        token = self.table()["Chapter_03"]["token"]
        t = self.lock()
        question = "CLI-1 works on it. To take it away type CLI-1, or the token %d: " % token
        for wrong in ("", "y", "cli-1", "CLI-10", str(token + 1)):
            t.type("o\n")
            t.expect(question)
            t.type(wrong + "\n")
            t.expect("That is neither.\r\n")
            t.expect("[o]verride? ")
        self.assertEqual(self.owners(), {"Chapter_03": "CLI-1"})
        t.type("o\n")
        t.expect(question)
        t.type("CLI-1\n")
        self.assertEqual(t.end()[0], 0)
        self.assertEqual(self.owners(), {"Chapter_03": "DESK-1"})
        self.ok("DESK-1", "unlock", "--as", "DESK-1", "book.epub", "--all")
        self.run_as(None, "clear", "--all", "--yes", "book.epub")
        self.ok("CLI-1", "lock", "book.epub", "Chapter_03", "--reason", "Prompt 3")
        t = self.lock()
        t.type("o\n")
        t.expect("or the token ")
        t.type("%d\n" % self.table()["Chapter_03"]["token"])
        self.assertEqual(t.end()[0], 0)

    def test_clear_asks(self):
        for answer, status, left in (("n\n", 1, 1), ("\n", 1, 1), ("\x04", 1, 1), ("y\n", 0, 0)):
            t = self.terminal("clear", "--all", "book.epub")
            self.assertRegex(t.expect("Clear this one? [y/N] "), "Chapter_03 is held by CLI-1 ")
            t.type(answer)
            self.assertEqual(t.end()[0], status)
            self.assertEqual(len(self.table()), left)

    def test_clear_what_was_seen(self):
        t = self.terminal("clear", "--all", "book.epub")
        t.expect("[y/N] ")
        self.ok("CLI-2", "lock", "book.epub", "Chapter_05")
        t.type("y\n")
        status, said = t.end()
        self.assertEqual(status, 1)
        self.assertIn("bookfs: ", said)
        self.assertEqual(len(self.table()), 2)

    def test_nobody_to_ask(self):
        """Its input or its messages go elsewhere, or it is in the background."""
        for line in ("bookfs lock book.epub Chapter_03 < /dev/null", "bookfs lock book.epub Chapter_03 2> said",
                     "set -m; bookfs lock book.epub Chapter_03 & wait $!"):
            t = self.terminal(argv=["bash", "-c", line])
            status, said = t.end()
            self.assertEqual(status, 75, said)
            self.assertNotIn("[w]ait", said)


if __name__ == "__main__":
    main()
