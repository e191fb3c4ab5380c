# SPDX-License-Identifier: MIT
"""What a lock covers only its holder changes, in whatever way it is tried; and who was overridden writes nothing late."""

import errno
import json
import mmap
import os
import shutil
import signal
import subprocess
import sys

import harness
from agents import BUSY, STALE, Agent, Hand, strerror
from harness import wait_for

CHAPTERS = "Manuscript/Chapters"
THREE = CHAPTERS + "/Chapter_03/Chapter_03.md"
FOUR = CHAPTERS + "/Chapter_04/Chapter_04.md"


class Project(harness.Case):
    def setUp(self):
        super().setUp()
        self.book = self.project = os.path.join(self.tmp, "project")
        for n in (3, 4):
            folder = self.of("%s/Chapter_%02d" % (CHAPTERS, n))
            os.makedirs(folder)
            with open("%s/Chapter_%02d.md" % (folder, n), "w") as f:
                f.write("# Chapter %d\n\nOne line.\n" % n)
        os.mkdir(self.of("Inbox"))

    def of(self, *names):
        return os.path.join(self.project, *names)

    def text(self, name=THREE):
        with open(self.of(name)) as f:
            return f.read()

    def hand(self, mount, instance):
        h = Hand(mount.dir, instance)
        self.addCleanup(h.end)
        return h

    def agent(self, mount, instance):
        a = Agent(mount.dir, instance)
        self.addCleanup(a.end)
        return a

    def look(self):
        """The held chapter as it is in the folder."""
        found = {}
        for folder, _, files in os.walk(self.of(CHAPTERS, "Chapter_03")):
            for name in files:
                path = os.path.join(folder, name)
                st = os.lstat(path)
                with open(path, "rb") as f:
                    found[path] = (f.read(), st.st_mode, st.st_mtime_ns, st.st_nlink, st.st_ino)
        return found


# What somebody may try; each is an expression for a Hand.
TRIES = {
    "write": "put('%s', 'x')" % THREE,
    "append": "put('%s', 'x', 'a')" % THREE,
    "in place": "put('%s', 'x', 'r+')" % THREE,
    "only truncate": "os.close(os.open('%s', os.O_RDONLY | os.O_TRUNC))" % THREE,
    "truncate": "os.truncate('%s', 3)" % THREE,
    "create": "put('%s/Chapter_03/new', 'x')" % CHAPTERS,
    "create a section": "put('%s/Chapter_03_Storm.md', 'x')" % CHAPTERS,
    "mknod": "os.mknod('%s/Chapter_03/node', 0o100644)" % CHAPTERS,
    "fifo": "os.mkfifo('%s/Chapter_03/fifo')" % CHAPTERS,
    "mkdir": "os.mkdir('%s/Chapter_03/d')" % CHAPTERS,
    "symlink": "os.symlink('x', '%s/Chapter_03/l')" % CHAPTERS,
    "link in": "os.link('%s', '%s/Chapter_03/h')" % (FOUR, CHAPTERS),
    "link out": "os.link('%s', 'Inbox/h')" % THREE,
    "unlink": "os.unlink('%s')" % THREE,
    "rmdir": "os.rmdir('%s/Chapter_03/empty')" % CHAPTERS,
    "rename away": "os.rename('%s', 'Inbox/x')" % THREE,
    "rename onto": "os.rename('%s', '%s')" % (FOUR, THREE),
    "rename beside": "os.rename('%s', '%s~')" % (THREE, THREE),
    "exchange": "c('renameat2', -100, b'%s', -100, b'%s', 2)" % (FOUR, THREE),
    "rename its folder": "os.rename('%s/Chapter_03', '%s/Chapter_07')" % (CHAPTERS, CHAPTERS),
    "rename to its folder": "os.rename('%s/Chapter_04', '%s/Chapter_03')" % (CHAPTERS, CHAPTERS),
    "rename what it is in": "os.rename('Manuscript', 'Old')",
    "rename onto what it is in": "os.rename('Inbox', '%s')" % CHAPTERS,
    "chmod": "os.chmod('%s', 0o600)" % THREE,
    "chown": "os.chown('%s', 1, 1)" % THREE,
    "utime": "os.utime('%s')" % THREE,
    "setxattr": "os.setxattr('%s', 'user.a', b'x')" % THREE,
    "removexattr": "os.removexattr('%s', 'user.had')" % THREE,
    "copy_file_range": "os.copy_file_range(os.open('%s', 0), os.open('%s', 1), 9)" % (FOUR, THREE),
}


class Conflict(Project):
    def test_every_way(self):
        os.mkdir(self.of(CHAPTERS, "Chapter_03/empty"))
        os.setxattr(self.of(THREE), "user.had", b"x")
        m = self.mount()
        a, b = self.hand(m, "CLI-1"), self.hand(m, "CLI-2")
        a.do("put('locks/Chapter_03', '')")
        before = self.look()
        for what, expression in TRIES.items():
            self.assertEqual(b.do(expression), BUSY, what)
            self.assertEqual(self.look(), before, what)
            self.assertEqual(sorted(os.listdir(self.of(CHAPTERS))), ["Chapter_03", "Chapter_04"], what)
        # Who was refused reads what, by whom, and what there is to do.
        b.do(TRIES["create"])
        why = b.do("get('locks/.why')")
        self.assertIn(CHAPTERS + "/Chapter_03/new: Chapter_03 is held by CLI-1\n", why)
        self.assertIn("cat %s/locks/.wait/Chapter_03" % m.dir, why)
        # Reading is never refused, nor what no lock of another covers.
        self.assertEqual(b.do("get('%s')" % THREE), self.text())
        self.assertEqual(b.do("os.stat('%s').st_size" % THREE), len(self.text()))
        self.assertEqual(b.do("len(os.listdir('%s/Chapter_03'))" % CHAPTERS), 2)
        self.assertIsNone(b.do("put('%s', 'four', 'a') or None" % FOUR))
        for expression in ("put('Inbox/x', 'y')", "os.rename('Inbox/x', 'z')", "os.rename('Inbox', 'In')", "os.mkdir('Drafts')",
                           "os.rename('Drafts', '%s/Chapter_04/d')" % CHAPTERS, "os.rename('In', 'Inbox')"):
            self.assertIsNone(b.do(expression), expression)
        # The holder does all of it.
        for what in ("rename its folder", "rename what it is in", "rename onto what it is in", "link out", "rename to its folder"):
            TRIES_UNDO = {"rename its folder": "os.rename('%s/Chapter_07', '%s/Chapter_03')" % (CHAPTERS, CHAPTERS),
                          "rename what it is in": "os.rename('Old', 'Manuscript')", "link out": "os.unlink('Inbox/h')"}
            if what in TRIES_UNDO:
                self.assertIsNone(a.do(TRIES[what]), what)
                self.assertIsNone(a.do(TRIES_UNDO[what]), what)
        for what in ("append", "create", "create a section", "mkdir", "symlink", "rename beside", "rename onto", "utime"):
            self.assertNotEqual(a.do(TRIES[what]), BUSY, what)
        self.assertIn("four", self.text())

    def test_the_holders_lock_is_renewed(self):
        m = self.mount()
        a = self.hand(m, "CLI-1")
        a.do("put('locks/Chapter_03', '')")
        st = os.stat(m.path("locks/Chapter_03"))
        wait_for(lambda: a.do("put('%s', 'x', 'a')" % THREE) != BUSY and
                 os.stat(m.path("locks/Chapter_03")).st_mtime_ns > st.st_mtime_ns)
        self.assertEqual(os.stat(m.path("locks/Chapter_03")).st_ino, st.st_ino)

    def test_another_name(self):
        """What was seen to be the chapter stays it; what becomes it is it."""
        m = self.mount()
        a, b = self.hand(m, "CLI-1"), self.hand(m, "CLI-2")
        self.assertIsNone(b.do("os.link('%s', 'Inbox/h')" % THREE))
        b.do("put('Inbox/x.md', 'mine')")
        b.do("globals().update(f=open('Inbox/x.md', 'r+b', buffering=0))")
        self.assertEqual(b.do("f.write(b'1')"), 1)
        a.do("put('locks/Chapter_03', '')")
        self.assertEqual(b.do("put('Inbox/h', 'x')"), BUSY)
        self.assertEqual(b.do("f.write(b'2')"), 1)
        self.assertIsNone(a.do("os.rename('Inbox/x.md', '%s')" % THREE))
        self.assertIn(b.do("f.write(b'3')"), (BUSY, STALE))
        self.assertEqual(self.text(), "12ne")
        # And by way of a folder.
        a.do("os.mkdir('Inbox/d') or put('Inbox/d/y.md', 'y')")
        b.do("globals().update(f=open('Inbox/d/y.md', 'r+b', buffering=0))")
        self.assertEqual(b.do("f.write(b'1')"), 1)
        self.assertIsNone(a.do("os.rename('Inbox/d', '%s/Chapter_03/d')" % CHAPTERS))
        self.assertIn(b.do("f.write(b'2')"), (BUSY, STALE))
        self.assertEqual(self.text(CHAPTERS + "/Chapter_03/d/y.md"), "1")
        # One that is no text may be the kernel's to write, which asks nobody: it cannot come here while it is.
        b.do("put('Inbox/z', '') or globals().update(f=open('Inbox/z', 'r+b', buffering=0))")
        said = a.do("os.rename('Inbox/z', '%s/Chapter_03/z')" % CHAPTERS)
        self.assertIn(said, (None, strerror(errno.EXDEV)))
        b.do("f.write(b'1')")
        self.assertFalse(os.path.exists(self.of(CHAPTERS, "Chapter_03/z")) and self.text(CHAPTERS + "/Chapter_03/z"))

    def test_what_an_editor_hides(self):
        """Who is shut out takes away what he made for himself, and nothing else."""
        m = self.mount()
        a, b, c = self.hand(m, "CLI-1"), self.hand(m, "CLI-2"), self.hand(m, "CLI-3")
        swap, seen = (CHAPTERS + "/Chapter_03/" + name for name in (".Chapter_03.md.swp", "figure.png"))
        b.do("globals().update(f=open('%s', 'xb', buffering=0))" % swap)
        b.do("put('%s', 'x', 'x')" % seen)
        a.do("put('locks/Chapter_03', '')")
        self.assertEqual(b.do("f.write(b'x')"), 1)
        self.assertEqual(b.do("put('%s', 'y')" % swap), BUSY)
        self.assertEqual(b.do("os.unlink('%s')" % seen), BUSY)
        self.assertEqual(b.do("os.rename('%s', 'Inbox/x')" % swap), BUSY)
        self.assertEqual(c.do("os.unlink('%s')" % swap), BUSY)
        self.assertIsNone(b.do("f.close() or os.unlink('%s')" % swap))
        self.assertIsNone(a.do("put('%s', 'x', 'x')" % swap))
        self.assertEqual(b.do("os.unlink('%s')" % swap), BUSY)
        self.assertEqual(self.text(swap), "x")
        # What he made and hid is covered as soon as it is seen, or has a name that is.
        a.do("os.unlink('locks/Chapter_03')")
        for act in ("os.rename('%s', '%s')" % (swap + "2", seen), "os.link('%s', '%s')" % (swap + "2", seen + "2")):
            self.assertIsNone(b.do("globals().update(f=open('%s', 'xb', buffering=0)) or %s" % (swap + "2", act)))
            self.assertEqual(b.do("f.write(b'x')"), 1)
            a.do("put('locks/Chapter_03', '')")
            self.assertIn(b.do("f.write(b'x')"), (BUSY, STALE), act)
            a.do("os.unlink('locks/Chapter_03')")

    def test_git_checkout(self):
        m = self.mount()
        a, b = self.hand(m, "CLI-1"), self.agent(m, "CLI-2")
        b.ok("git init -q . && git config user.name a && git config user.email a@b && git add -A && git commit -qm 1")
        b.ok("echo two >> %s; echo two >> %s; git commit -qam 2" % (THREE, FOUR))
        a.do("put('locks/Chapter_03', '')")
        before = self.text()
        # Git says so of each file that it cannot change, and goes on; whether it then exits with 0 is its own affair.
        self.assertIn("unable to unlink old '%s': Device or resource busy" % THREE, b.run("git checkout -q HEAD~1 2>&1")[1])
        self.assertEqual(self.text(), before)
        self.assertNotIn("two", self.text(FOUR))
        self.assertEqual(b.ok("git status --porcelain"), " M " + THREE)
        b.fails("git checkout -q HEAD -- %s 2>&1" % THREE, "unable to unlink old")
        b.fails("git stash -q 2>&1", "unable to unlink old")
        self.assertEqual(self.text(), before)
        a.do("os.unlink('locks/Chapter_03')")
        b.ok("git checkout -q HEAD -- " + THREE)
        self.assertNotIn("two", self.text())
        self.assertEqual(b.ok("git status --porcelain"), "")


    def test_rules_of_the_project(self):
        os.mkdir(self.of(".config"))
        rules = self.of(".config/locks.json")
        with open(rules, "w") as f:
            f.write('{"rules": [{"path": "Inbox/three", "lock": "Chapter_03"}, {"path": "%s", "lock": null}]}' % THREE)
        m = self.mount()
        a, b = self.hand(m, "CLI-1"), self.hand(m, "CLI-2")
        a.do("put('locks/Chapter_03', '')")
        self.assertEqual(b.do("os.mkdir('Inbox/three')"), BUSY)
        self.assertIsNone(b.do("put('%s', 'x')" % THREE))
        # They are read again; what is wrong then is not.
        b.do("globals().update(f=open('Inbox/other.md', 'wb', buffering=0))")
        self.assertEqual(b.do("f.write(b'1')"), 1)
        for text in ('{"rules": [{"path": "Inbox", "lock": "Chapter_03"}]}', "{"):
            self.assertIsNone(a.do("put('.config/new', %r) or os.rename('.config/new', '.config/locks.json')" % text))
            wait_for(lambda: b.do("f.write(b'2')") == BUSY)
        self.assertEqual(b.do("put('%s', 'x')" % THREE), BUSY)
        m.end()
        r = self.run_bookfs(self.project, m.dir)
        self.assertNotEqual(r.returncode, 0)
        self.assertIn(".config/locks.json", r.stderr)


class Override(Project):
    """The old holder has the file open; his lock goes to somebody else."""

    def held(self):
        m = self.mount()
        self.m = m
        old, new = self.hand(m, "CLI-1"), self.hand(m, "CLI-2")
        old.do("put('locks/Chapter_03', '')")
        return old, new

    def take(self, new):
        token = os.stat(self.m.path("locks/Chapter_03")).st_ino
        self.assertIsNone(new.do("os.close(os.open('locks/.ctl', os.O_WRONLY)) or "
                                 "put('locks/.ctl', 'break Chapter_03 token=%d reason=\"he went home\"')" % token))
        self.assertIsNone(new.do("put('locks/Chapter_03', '')"))

    def test_by_write(self):
        old, new = self.held()
        for name, mode in (("f", "r+b"), ("g", "ab")):
            old.do("globals().update(%s=open('%s', '%s', buffering=0))" % (name, THREE, mode))
        self.assertEqual(old.do("f.write(b'OLD')"), 3)
        self.take(new)
        self.assertEqual(old.do("f.write(b'LATE')"), STALE)
        self.assertIsNone(new.do("put('%s', 'of the new holder')" % THREE))
        for late in ("f.write(b'LATE')", "g.write(b'LATE')", "os.fsync(f.fileno())", "os.ftruncate(f.fileno(), 0)",
                     "c('fallocate', f.fileno(), 0, 0, 100)", "os.copy_file_range(os.open('%s', 0), f.fileno(), 9)" % FOUR,
                     "f.seek(0) or f.read(1)"):
            self.assertEqual(old.do(late), STALE, late)
        self.assertEqual(old.do("put('%s', 'LATE')" % THREE), BUSY)
        self.assertIn("held by CLI-2", old.do("get('locks/.why')"))
        self.assertEqual(self.text(), "of the new holder")
        self.assertEqual(old.do("get('%s')" % THREE), "of the new holder")

    def test_by_mapping(self):
        """Pages that are dirty as the lock goes; and those that he makes dirty later."""
        old, new = self.held()
        with open(self.of(THREE), "wb") as f:
            f.write(b"." * 3 * mmap.PAGESIZE)
        old.do("globals().update(f=open('%s', 'r+b'))" % THREE)
        old.do("globals().update(m=mmap.mmap(f.fileno(), 0))")
        old.do("m.__setitem__(slice(0, 3), b'OLD')")
        self.take(new)
        reader = new.do("globals().update(r=open('%s', 'rb')) or r.read(3) == b'...'" % THREE)
        self.assertEqual(reader, 1)
        # The new holder's own open file is one that the kernel might write them by.
        self.assertIsNone(new.do("globals().update(w=open('%s', 'r+b', buffering=0))" % THREE))
        self.assertEqual(new.do("w.write(b'NEW')"), 3)
        self.assertIsNone(new.do("os.fsync(w.fileno())"))
        # A mapping that he goes on with ends him (SIGBUS), or its msync says so.
        old.send("m.__setitem__(slice(9, 13), b'LATE') or m.flush()")
        said = harness.Background(old.process.stdout.readline).result(30)
        if said:
            self.assertNotIn("null", said)
        else:
            self.assertEqual(old.process.wait(30), -7)
        old.end()
        self.assertEqual(new.do("os.pread(w.fileno(), 99, 0)[:16].decode()"), "NEW" + "." * 13)
        with open(self.of(THREE), "rb") as f:
            self.assertEqual(f.read(), b"NEW" + b"." * (3 * mmap.PAGESIZE - 3))

    def test_by_rename(self):
        old, new = self.held()
        old.do("put('Inbox/late', 'LATE')")
        old.do("put('%s~', 'LATE')" % THREE)
        self.take(new)
        new.do("put('%s', 'of the new holder')" % THREE)
        self.assertEqual(old.do("os.rename('Inbox/late', '%s')" % THREE), BUSY)
        self.assertEqual(old.do("os.rename('%s~', '%s')" % (THREE, THREE)), BUSY)
        self.assertEqual(self.text(), "of the new holder")

    def test_moved_beneath_it(self):
        """What somebody else has open becomes the holder's; it is written when the lock has been given back."""
        m = self.mount()
        old, new = self.hand(m, "CLI-1"), self.hand(m, "CLI-2")
        for move in ("os.rename", "os.link"):
            of_old, of_new = (THREE.replace(".md", "_%s%d.md" % (move[3:], n)) for n in (1, 2))
            old.do("put('Inbox/a.md', 'draft')")
            new.do("put('Inbox/b.md', 'draft')")
            old.do("globals().update(f=open('Inbox/a.md', 'r+b', buffering=0))")
            new.do("globals().update(f=open('Inbox/b.md', 'r+b', buffering=0))")
            self.assertIsNone(new.do("put('locks/Chapter_03', '')"))
            self.assertIsNone(new.do("%s('Inbox/a.md', '%s')" % (move, of_old)))
            self.assertIsNone(new.do("%s('Inbox/b.md', '%s')" % (move, of_new)))
            self.assertEqual(new.do("f.write(b'D')"), 1)
            self.assertIsNone(new.do("os.unlink('locks/Chapter_03')"))
            self.assertEqual(old.do("f.write(b'LATE')"), STALE)
            self.assertEqual((self.text(of_old), self.text(of_new)), ("draft", "Draft"))
            for name in ("a.md", "b.md"):
                old.do("os.path.exists('Inbox/%s') and os.unlink('Inbox/%s')" % (name, name))

    def test_nobodys_then(self):
        """A file that was opened when nobody held it."""
        m = self.mount()
        first, holder = self.hand(m, "CLI-1"), self.hand(m, "CLI-2")
        for h in (first, holder):
            h.do("globals().update(f=open('%s', 'r+b', buffering=0))" % THREE)
        self.assertEqual(first.do("f.write(b'1')"), 1)
        self.assertEqual(holder.do("f.write(b'2')"), 1)
        holder.do("put('locks/Chapter_03', '')")
        self.assertEqual(first.do("f.write(b'3')"), BUSY)
        self.assertIn("%s: Chapter_03 is held by CLI-2" % THREE, first.do("get('locks/.why')"))
        # While the other had it open, too: whose pages are in it is not known.
        self.assertEqual(holder.do("f.write(b'4')"), STALE)
        self.assertIn("open it again", holder.do("get('locks/.why')"))
        self.assertEqual(holder.do("put('%s', '5', 'r+') or 0" % THREE), 0)
        # Alone he goes on.
        holder.do("globals().update(f=open('%s', 'r+b', buffering=0))" % FOUR)
        holder.do("put('locks/Chapter_04', '')")
        self.assertEqual(holder.do("f.write(b'6')"), 1)
        self.assertEqual(self.text()[0] + self.text(FOUR)[0], "56")

    def test_two_mounts(self):
        """The lock goes in another process."""
        old, _ = self.held()
        other = self.mount(name="second")
        new = self.hand(other, "CLI-2")
        old.do("globals().update(f=open('%s', 'r+b', buffering=0))" % THREE)
        self.assertEqual(old.do("f.write(b'1')"), 1)
        self.assertEqual(new.do("put('%s', 'x')" % THREE), BUSY)
        token = os.stat(other.path("locks/Chapter_03")).st_ino
        self.assertIsNone(new.do("put('locks/.ctl', 'break Chapter_03 token=%d reason=\"he went home\"')" % token))
        self.assertEqual(old.do("f.write(b'LATE')"), STALE)
        self.assertIsNone(new.do("put('locks/Chapter_03', '')"))
        self.assertIsNone(new.do("put('%s', 'new')" % THREE))
        self.assertEqual(old.do("put('%s', 'LATE')" % THREE), BUSY)
        self.assertEqual(self.text(), "new")

    def test_after_a_kill(self):
        """Of the mount: who lives goes on holding."""
        m = self.mount()
        old = self.agent(m, "CLI-1")
        old.ok("touch locks/Chapter_03")
        m.process.kill()
        m.process.wait()
        subprocess.run(["umount", "-l", m.dir], check=True)
        m = self.mount()
        new = self.hand(m, "CLI-2")
        self.assertEqual(new.do("put('%s', 'x')" % THREE), BUSY)
        old.ok("cd / && cd %s && echo y >> %s" % (m.dir, THREE))
        self.assertEqual(os.listdir(m.path("locks")), ["Chapter_03"])
        old.end()
        wait_for(lambda: new.do("put('%s', 'x')" % THREE) != BUSY)


class Modes(Project):
    def test_strict(self):
        m = self.mount("enforce=strict")
        a = self.hand(m, "CLI-1")
        denied = strerror(errno.EPERM)
        self.assertEqual(a.do("put('%s', 'x')" % THREE), denied)
        self.assertIn("touch locks/Chapter_03", a.do("get('locks/.why')"))
        self.assertEqual(a.do("os.rename('Manuscript/Chapters/Chapter_03', 'Inbox/c')"), denied)
        self.assertIsNone(a.do("put('Inbox/x', 'x')"))
        a.do("put('locks/Chapter_03', '')")
        a.do("globals().update(f=open('%s', 'r+b', buffering=0))" % THREE)
        self.assertEqual(a.do("f.write(b'1')"), 1)
        a.do("os.unlink('locks/Chapter_03')")
        self.assertEqual(a.do("f.write(b'2')"), STALE)
        self.assertEqual(a.do("put('%s', 'x')" % THREE), denied)

    def test_deep(self):
        """However deep in what a lock covers, also where no path of one call reaches."""
        m = self.mount()
        a, b = self.hand(m, "CLI-1"), self.hand(m, "CLI-2")
        a.do("put('locks/Chapter_03', '')")
        for hand in (a, b):
            self.assertIsNone(hand.do("os.chdir('%s/Chapter_03')" % CHAPTERS))
        for level in range(25):
            self.assertIsNone(a.do("os.mkdir('%s')" % ("d" * 200)))
            for hand in (a, b):
                self.assertIsNone(hand.do("os.chdir('%s')" % ("d" * 200)))
        self.assertIsNone(a.do("put('f', 'one')"))
        self.assertEqual(b.do("put('f', 'two')"), BUSY)
        self.assertEqual(b.do("os.mkdir('%s')" % ("d" * 200)), BUSY)
        self.assertEqual(b.do("get('f')"), "one")

    def test_off(self):
        m = self.mount("enforce=off")
        a, b = self.hand(m, "CLI-1"), self.hand(m, "CLI-2")
        a.do("put('locks/Chapter_03', '')")
        self.assertIsNone(b.do("put('%s', 'x')" % THREE))
        self.assertEqual(self.text(), "x")


class Meanwhile(Project):
    """The lock is taken and given back before the mount has looked at it: it is stopped while that is so."""

    def setUp(self):
        super().setUp()
        self.m = self.mount()
        self.old = self.hand(self.m, "CLI-1")
        self.open()

    def open(self):
        self.assertIsNone(self.old.do("globals().update(f=open('%s', 'r+b', buffering=0))" % THREE))
        self.assertEqual(self.old.do("f.write(b'1')"), 1)

    def unseen(self, act):
        """A mount that is stopped in the midst of a write lets nobody have the lock: then it is tried again."""
        def done():
            self.m.process.send_signal(signal.SIGSTOP)
            try:
                os.waitid(os.P_PID, self.m.process.pid, os.WSTOPPED)
                return act()
            finally:
                self.m.process.send_signal(signal.SIGCONT)
        wait_for(done)

    def command(self, instance, *what):
        """Whoever has the lock writes."""
        write = "printf 'of %s' >%s" % (instance, self.of(THREE))
        return self.run_bookfs("lock", "--as", instance, *what, "--", "sh", "-c", write).returncode == 0

    def is_past(self, text):
        for late in ("f.write(b'LATE')", "os.ftruncate(f.fileno(), 0)", "os.fsync(f.fileno())", "f.seek(0) or f.read(1)"):
            self.assertEqual(self.old.do(late), STALE, late)
        self.assertIn("open it again", self.old.do("get('locks/.why')"))
        self.assertEqual(self.text(), text)

    def test_by_write(self):
        for what in ([self.project, "Chapter_03"], [self.project, "Book"], ["--shared", self.project]):
            self.unseen(lambda: self.command("CLI-2", *what))
            self.is_past("of CLI-2")
            self.open()

    def test_not_his(self):
        """His own, and what lies elsewhere."""
        for instance, *what in (("CLI-1", "Chapter_03"), ("CLI-1", "Book"), ("CLI-2", "Chapter_04")):
            self.unseen(lambda: self.command(instance, self.project, *what))
            self.assertEqual(self.old.do("f.seek(0) or f.write(b'1')"), 1)
            self.assertEqual(self.text(), "1f " + instance)
        # Between two of his own somebody else's.
        self.unseen(lambda: all(self.command("CLI-%d" % n, self.project, "Chapter_03") for n in (1, 2, 1)))
        self.is_past("of CLI-1")

    def test_his_own_after_it(self):
        """He has the lock when the mount looks."""
        self.unseen(lambda: self.command("CLI-2", self.project, "Chapter_03") and
                    self.run_bookfs("lock", "--as", "CLI-1", self.project, "Chapter_03").returncode == 0)
        self.is_past("of CLI-2")
        self.assertIsNone(self.old.do("put('%s', 'mine')" % THREE))

    def test_under_a_lock(self):
        """He had the lock, gives it back, and has it again."""
        self.assertIsNone(self.old.do("put('locks/Chapter_03', '')"))
        self.open()
        what = ("--as", "CLI-1", self.project, "Chapter_03")

        def act():
            self.run_bookfs("unlock", *what)    # or it was done the last time
            return self.command("CLI-2", self.project, "Chapter_03") and self.run_bookfs("lock", *what).returncode == 0
        self.unseen(act)
        self.assertEqual(self.old.do("f.write(b'LATE')"), STALE)
        self.assertEqual(self.text(), "of CLI-2")

    def test_by_mapping(self):
        """In another mount; what is in his pages goes nowhere."""
        with open(self.of(THREE), "wb") as f:
            f.write(b"." * 2 * mmap.PAGESIZE)
        self.open()
        self.old.do("globals().update(m=mmap.mmap(f.fileno(), 0))")
        self.old.do("m.__setitem__(slice(0, 4), b'LATE')")
        new = self.hand(self.mount(name="second"), "CLI-2")
        write = "put('%s', 'NEW', 'r+')" % THREE
        self.unseen(lambda: new.do("put('locks/Chapter_03', '')") is None and new.do(write) is None and
                    new.do("os.unlink('locks/Chapter_03')") is None)
        self.old.send("m.__setitem__(slice(9, 13), b'LATE') or m.flush()")
        said = harness.Background(self.old.process.stdout.readline).result(30)
        if said:
            self.assertNotIn("null", said)
        else:
            self.assertEqual(self.old.process.wait(30), -7)
        self.old.end()
        self.assertEqual(self.text(), "NEW" + "." * (2 * mmap.PAGESIZE - 3))


class FullDisk(Project):
    def setUp(self):
        super().setUp()
        disk = os.path.join(self.tmp, "disk")
        os.mkdir(disk)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        self.fill = os.path.join(disk, "fill")
        self.book = self.project = shutil.move(self.project, os.path.join(disk, "project"))

    def fill_but(self, kib):
        with open(self.fill, "wb", buffering=0) as f:
            with self.errno(errno.ENOSPC):
                while True:
                    f.write(bytes(4096))
            f.truncate(f.tell() - kib * 1024)

    def test_a_lock_is_given_back(self):
        m = self.mount()
        a, b = self.hand(m, "CLI-1"), self.hand(m, "CLI-2")
        for n in range(1, 5):
            self.assertIsNone(a.do("put('locks/Chapter_%02d', '')" % n))
        self.fill_but(0)
        self.assertIsNone(b.do("put('locks/Chapter_99', '')"), "there is room to give it back")
        taken = 0
        while b.do("put('locks/Chapter_%02d', '')" % (taken + 5)) is None:
            taken += 1
            self.assertLess(taken, 90)
        self.assertIn("bookfs.db-locks: the disk is full; make room", m.read("locks/.why"))
        self.assertIn("errno: ENOLCK", m.read(".bookfs/why"))
        for n in range(1, 5):
            self.assertIsNone(a.do("os.unlink('locks/Chapter_%02d')" % n))
        self.assertIsNone(b.do("os.unlink('locks/Chapter_99')"))
        self.assertEqual(len(os.listdir(m.path("locks"))), taken)
        os.unlink(self.fill)
        self.assertIsNone(a.do("put('locks/Chapter_04', '')"))

    def test_mounted_on_it(self):
        """What the store needs is there, what the locks need is not: until there is room again."""
        self.mount().end()
        os.unlink(self.of(".bookfs.db-locks"))
        self.fill_but(72)
        m = self.mount()
        a = self.hand(m, "CLI-1")
        self.assertIn("locks: %s: the disk is full" % self.of(".bookfs.db-locks"), m.messages())
        self.assertEqual(a.do("put('%s', 'x')" % THREE), strerror(errno.ENOLCK))
        for said in a.do("get('locks/.why')"), a.do("get('.bookfs/why')"):
            self.assertIn(THREE + ": nobody can tell who holds Chapter_03: ", said)
            self.assertIn("the disk is full", said)
        os.unlink(self.fill)
        self.assertIsNone(a.do("put('%s', 'x')" % THREE))
        self.assertIsNone(a.do("put('locks/Chapter_03', '')"))
        self.assertEqual(os.listdir(m.path("locks")), ["Chapter_03"])


if __name__ == "__main__":
    harness.main()
