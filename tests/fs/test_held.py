# SPDX-License-Identifier: MIT
"""illustrated.epub, .pdf and .cbz: bound when they are opened, once for all who wait, of the state that the store has.

The program runs from a folder of its own with a binder that a test can hold back, so that what happens meanwhile is
judged by events."""

import contextlib
import errno
import hashlib
import mmap
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest
import zipfile

import harness
from harness import Background, Case, main, wait_for, within

SHAPES = ("epub", "pdf", "cbz")
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
BINDER = """#!/bin/sh
if test -n "$BINDER_GATE"; then dd bs=1 count=1 <"$BINDER_GATE" >/dev/null 2>&1; fi
exec %s "$@"
"""


def digest(data):
    return hashlib.md5(data).hexdigest()


class Held(Case):
    @classmethod
    def setUpClass(cls):
        cls.made = os.path.realpath(tempfile.mkdtemp(prefix="bookfs-test-", dir=MEMORY))
        cls.addClassCleanup(shutil.rmtree, cls.made)
        cls.bare = os.path.join(cls.made, "bare.epub")
        cls.full = os.path.join(cls.made, "full.epub")
        harness.make_book(cls.full, chapters=2)
        shutil.copy(cls.full, cls.bare)
        for args in (("run", cls.full), ("run", "--no-images", cls.bare)):
            done = subprocess.run([harness.BOOKFS, *args], capture_output=True, text=True, stdin=subprocess.DEVNULL)
            assert done.returncode == 0, done.stderr
        cls.program = os.path.join(cls.made, "bin/slowfs")
        children = os.path.join(cls.made, "core/providers")
        there = os.path.realpath(os.path.join(os.path.dirname(harness.BOOKFS), "../core/providers"))
        os.makedirs(children)
        os.mkdir(os.path.dirname(cls.program))
        shutil.copy(harness.SLOWFS, cls.program)
        os.symlink(os.path.join(there, "bookfs-painter"), os.path.join(children, "bookfs-painter"))
        with open(os.path.join(children, "bookfs-binder"), "w") as f:
            f.write(BINDER % os.path.join(there, "bookfs-binder"))
        os.chmod(os.path.join(children, "bookfs-binder"), 0o755)

    def start(self, of=None, options="", **env):
        for end in ("", ".bookfs"):
            shutil.copy((of or self.full) + end, self.book + end)
        env.setdefault("TMPDIR", self.tmp)
        return self.mount(options, program=self.program, **env)

    def data(self, m, shape):
        with open(m.path("illustrated." + shape), "rb") as f:
            return f.read()

    def size(self, m, shape):
        return os.stat(m.path("illustrated." + shape)).st_size

    def bound(self, m):
        return m.read(".bookfs/log").count("bytes are bound")

    def parked(self, m, count):
        wait_for(lambda: m.read(".bookfs/waiting").count(", since ") == count, what="%d to wait" % count)

    def exported(self, shape):
        out = os.path.join(self.tmp, "out." + shape)
        done = self.run_bookfs("export", "--" + shape, self.book, out, program=harness.BOOKFS)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(out, "rb") as f:
            return f.read()

    def test_what_is_read(self):
        """The bytes that export writes, of their true size; looking at a name binds nothing."""
        m = self.start()
        self.assertEqual([n for n in os.listdir(m.dir) if n.startswith("illustrated")], [])
        subprocess.run(["find", m.dir, "-size", "+1"], check=True, stdout=subprocess.DEVNULL)
        inodes = [os.stat(m.path("illustrated." + s)).st_ino for s in SHAPES]
        self.assertEqual([self.size(m, s) for s in SHAPES], [4096] * 3)
        os.close(os.open(m.path("illustrated.pdf"), os.O_PATH))
        self.assertEqual(self.bound(m), 0)
        for shape in SHAPES:
            wanted = self.exported(shape)
            self.assertEqual(digest(self.data(m, shape)), digest(wanted))
            self.assertEqual(self.size(m, shape), len(wanted))
            copy = os.path.join(self.tmp, "copy")
            subprocess.run(["cp", m.path("illustrated." + shape), copy], check=True)
            with open(copy, "rb") as f:
                self.assertEqual(digest(f.read()), digest(wanted))
            with open(m.path("illustrated." + shape), "rb") as f, mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as mapped:
                self.assertEqual(mapped[-100:], wanted[-100:])
                f.seek(len(wanted) // 2)
                self.assertEqual(f.read(10), wanted[len(wanted) // 2:][:10])
        self.assertEqual(self.bound(m), 3)
        self.assertEqual([os.stat(m.path("illustrated." + s)).st_ino for s in SHAPES], inodes)
        self.assertTrue(all(os.stat(m.path("illustrated." + s)).st_blocks for s in SHAPES))
        with zipfile.ZipFile(m.path("illustrated.epub")) as z:
            self.assertIsNone(z.testzip())
        for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC):
            with self.errno(errno.EROFS):
                os.open(m.path("illustrated.epub"), flags)
        self.assertEqual(self.asked() + self.asked("illustrate"), 0)

    def test_once_for_all(self):
        gate = self.gate()
        m = self.start(BINDER_GATE=gate.path)
        readers = [Background(self.data, m, "pdf") for _ in range(200)]
        self.parked(m, 200)
        self.assertIn("illustrated.pdf: ", m.read(".bookfs/waiting"))
        with self.errno(errno.EAGAIN):
            os.open(m.path("illustrated.pdf"), os.O_RDONLY | os.O_NONBLOCK)
        self.assertEqual(self.size(m, "pdf"), 4096)
        gate.open()
        found = {digest(r.result()) for r in readers}
        self.assertEqual(found, {digest(self.exported("pdf"))})
        self.assertEqual(self.bound(m), 1)
        os.close(os.open(m.path("illustrated.pdf"), os.O_RDONLY | os.O_NONBLOCK))

    def interrupt(self, m, kind):
        # Who runs the tests in the background ignores SIGINT, and so would cat.
        cat = subprocess.Popen(["cat", m.path("illustrated.pdf")], stdout=subprocess.DEVNULL,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        self.parked(m, 1)
        began = time.monotonic()
        cat.send_signal(kind)
        self.assertEqual(cat.wait(30), -kind)
        return time.monotonic() - began

    def test_who_gives_up_ends_himself(self):
        gate = self.gate()
        m = self.start(BINDER_GATE=gate.path)
        for kind in (signal.SIGINT, signal.SIGKILL):
            within(0.05, lambda: self.interrupt(m, kind))
        gate.open()
        wait_for(lambda: self.size(m, "pdf") != 4096, what="the book")
        self.data(m, "pdf")
        self.assertEqual(self.bound(m), 1)

    def test_time_limit(self):
        gate = self.gate()
        m = self.start(options="wait=1", BINDER_GATE=gate.path)
        with self.errno(errno.ETIMEDOUT):
            self.data(m, "pdf")
        gate.open()
        wait_for(lambda: self.size(m, "pdf") != 4096, what="the book")
        self.data(m, "pdf")
        self.assertEqual(self.bound(m), 1)

    def test_unmounted_meanwhile(self):
        gate = self.gate()
        m = self.start(BINDER_GATE=gate.path)
        reader = Background(self.data, m, "pdf")
        self.parked(m, 1)
        m.process.send_signal(signal.SIGTERM)
        with self.assertRaises(OSError):
            reader.result()
        gate.open()
        self.assertEqual(m.process.wait(30), 0)

    def draw_again(self, picture):
        """Another picture of scene 1 in chapter 1: the bytes of another, and the event that says so."""
        with contextlib.closing(sqlite3.connect(self.book + ".bookfs", timeout=30)) as db, db:
            other = db.execute("SELECT bytes FROM picture_data WHERE id = ?", (picture,)).fetchone()[0]
            columns = [c[1] for c in db.execute("PRAGMA table_info(picture)")]
            new = db.execute("SELECT max(id) + 1 FROM picture").fetchone()[0]
            values = [{"id": str(new), "hash": "?", "size_bytes": "?"}.get(c, c) for c in columns]
            db.execute("INSERT INTO picture SELECT %s FROM picture WHERE id = 1" % ", ".join(values),
                       (hashlib.sha256(other).hexdigest(), len(other)))
            db.execute("INSERT INTO picture_data VALUES (?, ?)", (new, other))
            db.execute("INSERT INTO event (time_ms, type, chapter, id) VALUES (?, 4, 1, 'ch1_scene1')",
                       (int(time.time() * 1000),))

    def test_versions(self):
        """A new picture makes a new version; who has the old one open keeps it, whole."""
        m = self.start()
        with open(m.path("illustrated.epub"), "rb") as old:
            before = digest(old.read())
            self.draw_again(2)
            wait_for(lambda: self.size(m, "epub") == 4096, what="the change to be seen")
            after = self.data(m, "epub")
            self.assertEqual(digest(after), digest(self.exported("epub")))
            self.assertNotEqual(digest(after), before)
            old.seek(0)
            self.assertEqual(digest(old.read()), before)
            self.assertEqual(os.fstat(old.fileno()).st_size, old.tell())
            with open("/proc/self/fd/%d" % old.fileno(), "rb") as again:
                self.assertEqual(digest(again.read()), before)
        self.assertEqual(self.bound(m), 2)

    def test_changed_meanwhile(self):
        """Whoever waited gets what was bound, although the store went on."""
        gate = self.gate()
        m = self.start(BINDER_GATE=gate.path)
        readers = [Background(self.data, m, "pdf") for _ in range(20)]
        self.parked(m, 20)
        seq = m.read(".bookfs/seq")
        self.draw_again(2)
        wait_for(lambda: m.read(".bookfs/seq") != seq, what="the change to be seen")
        gate.open()
        self.assertEqual(len({digest(r.result()) for r in readers}), 1)
        self.assertEqual(self.bound(m), 1)

    def test_no_pictures(self):
        m = self.start(self.bare)
        for shape in ("pdf", "cbz"):
            with self.errno(errno.ENODATA):
                self.data(m, shape)
            self.assertIn("illustrated.%s: no picture is finished yet" % shape, m.read(".bookfs/why"))
        self.assertEqual(digest(self.data(m, "epub")), digest(self.exported("epub")))
        self.assertEqual(self.asked() + self.asked("illustrate"), 0)

    def test_no_room(self):
        """A full disk is an errno; when there is room again it is tried again. Nothing is left in that folder."""
        room = os.path.join(self.tmp, "room")
        os.mkdir(room)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", room], check=True)
        try:
            m = self.start(TMPDIR=room)
            for shape in SHAPES:
                with self.errno(errno.ENOSPC):
                    self.data(m, shape)
                self.assertIn("illustrated." + shape, m.read(".bookfs/why"))
                self.assertIn("errno: ENOSPC", m.read(".bookfs/why"))
                self.assertIn("the disk of %s (TMPDIR)" % room, m.read(".bookfs/why"))
                self.assertIn("remedy: make room on it", m.read(".bookfs/why"))
            subprocess.run(["mount", "-o", "remount,size=64m", room], check=True)
            wanted = self.exported("pdf")

            def there():
                with contextlib.suppress(OSError):
                    return digest(self.data(m, "pdf")) == digest(wanted)
            wait_for(there, what="a new try")
            self.assertEqual(os.listdir(room), [])
            m.end()
        finally:
            subprocess.run(["umount", "-l", room], check=True)

    def test_indexers(self):
        m = self.start(options="no_trigger=head")
        done = subprocess.run(["head", "-c1", m.path("illustrated.epub")], capture_output=True, text=True)
        self.assertIn(os.strerror(errno.ENODATA), done.stderr)
        self.assertEqual(self.bound(m), 0)


if __name__ == "__main__":
    main()
