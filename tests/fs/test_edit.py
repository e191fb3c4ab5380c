# SPDX-License-Identifier: MIT
"""The mount is edited: what is written becomes an edit whole or not at all, whatever program writes it and however it
ends; what is removed comes back; nothing of it is ever asked of a provider by itself.

    test_edit.py           what every change must not break
    test_edit.py --full    and every editor that is on this machine, many writers, kill -9 at any moment"""

import errno
import json
import mmap
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import unittest
import urllib.request

from agents import Agent
from harness import BOOKFS, Background, Case, main, wait_for

FULL = "--full" in sys.argv
SERVER = os.environ.get("SERVER", "")
STYLE = "# Style\n\nInk on grey paper.\n"
PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060"
                    "000000040001f61738550000000049454e44ae426082")


def put(path, text, flags=0):
    """One open, one write, one close, as a program that looks at what all three say."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | flags, 0o644)
    try:
        os.write(fd, text.encode() if isinstance(text, str) else text)
    finally:
        os.close(fd)


class Book(Case):
    """A book whose first chapter is analysed and drawn."""
    chapters = 3

    def analysed(self, options="", chapter=1, **env):
        m = self.mount(options, **env)
        json.loads(m.read("chapters/%d/concepts.json" % chapter))
        count = len(self.scenes(m, chapter))
        wait_for(lambda: len([n for n in os.listdir(m.path("images"))
                              if n.startswith("chapter_%d_" % chapter)]) == count, what="the pictures")
        return m

    def scenes(self, m, chapter=1):
        return json.loads(m.read("chapters/%d/concepts.json" % chapter))["concepts"]

    def document(self, m, chapter=1):
        return json.loads(m.read("chapters/%d/concepts.json" % chapter))

    def why(self, m):
        return m.read(".bookfs/why")

    def elements(self, m, kind="characters"):
        return sorted(os.listdir(m.path("elements", kind)))

    def sh(self, m, script, *args, env=None):
        return subprocess.run(["sh", "-c", script, "sh", *args], cwd=m.dir, capture_output=True, text=True, timeout=60,
                              env={**os.environ, **(env or {})})

    def history(self, m):
        return m.read(".bookfs/history").splitlines()


class Style(Book):
    """Every way to write, on the file whose text is anybody's."""

    def test_none_then_one_then_none(self):
        m = self.mount()
        none = m.read("style.md")
        self.assertTrue(none)
        put(m.path("style.md"), STYLE)
        self.assertEqual(m.read("style.md"), STYLE)
        self.assertEqual(os.stat(m.path("style.md")).st_size, len(STYLE))
        os.unlink(m.path("style.md"))
        self.assertEqual(self.sh(m, "cat style.md").stdout, none)
        self.assertIn("Operation not permitted", self.sh(m, "rm style.md").stderr)

    def test_presets(self):
        m = self.mount()
        names = os.listdir(m.path(".bookfs/styles"))
        self.assertGreater(len(names), 2)
        for name in names:
            with self.subTest(name):
                shutil.copyfile(m.path(".bookfs/styles", name), m.path("style.md"))
                self.assertEqual(m.read("style.md"), m.read(".bookfs/styles", name))
        with self.errno(errno.EROFS):
            put(m.path(".bookfs/styles", names[0]), "x")

    def test_patterns(self):
        m = self.mount()
        path = m.path("style.md")
        put(path, "0123456789")
        fd = os.open(path, os.O_RDWR)
        self.assertEqual(os.pread(fd, 20, 0), b"0123456789")
        os.pwrite(fd, b"AB", 3)
        os.pwrite(fd, b"end", 12)
        self.assertEqual(os.fstat(fd).st_size, 15)
        os.ftruncate(fd, 14)
        self.assertEqual(os.pread(fd, 20, 0), b"012AB56789\0\0en")
        os.pwrite(fd, b"__", 10)
        self.assertEqual(m.read("style.md"), "0123456789")
        os.close(fd)
        self.assertEqual(m.read("style.md"), "012AB56789__en")
        for text in ("\nmore", "\nand more"):
            with open(path, "a") as f:
                self.assertEqual(f.tell(), os.stat(path).st_size)
                f.write(text)
        self.assertEqual(m.read("style.md"), "012AB56789__en\nmore\nand more")

    def test_shared_mapping(self):
        m = self.mount()
        path = m.path("style.md")
        put(path, "0123456789")
        with open(path, "r+b") as f:
            view = mmap.mmap(f.fileno(), 0)
            view[2:4] = b"XY"
            view.flush()
            self.assertEqual(m.read("style.md"), "01XY456789")
            view[5:6] = b"Z"
            f.close()
            view.close()
        wait_for(lambda: m.read("style.md") == "01XY4Z6789", what="what the mapping wrote last")

    def test_fsync_commits(self):
        m = self.mount()
        fd = os.open(m.path("style.md"), os.O_WRONLY | os.O_TRUNC)
        self.addCleanup(os.close, fd)
        os.write(fd, b"one")
        os.fsync(fd)
        self.assertEqual(m.read("style.md"), "one")
        os.write(fd, b" two")
        self.assertEqual(m.read("style.md"), "one")
        os.fsync(fd)
        self.assertEqual(m.read("style.md"), "one two")

    def test_emptying_alone_is_no_edit(self):
        m = self.mount()
        put(m.path("style.md"), STYLE)
        edits = len(self.history(m))
        self.assertEqual(self.sh(m, ": > style.md; truncate -s 0 style.md; touch style.md").returncode, 0)
        self.assertEqual(m.read("style.md"), STYLE)
        self.assertEqual(self.sh(m, "echo x > style.md; { echo a; echo b; } > style.md").returncode, 0)
        self.assertEqual(m.read("style.md"), "a\nb\n")
        put(m.path("style.md"), "a\nb\n")
        self.assertEqual(len(self.history(m)), edits + 2)

    def test_readers_see_one_version(self):
        m = self.mount()
        path = m.path("style.md")
        texts = ["%d" % n * 20000 for n in range(10)]
        put(path, texts[0])
        stop, bad = threading.Event(), []

        def watch():
            while not stop.is_set():
                text = m.read("style.md")
                if text not in texts:
                    bad.append(text[:10])
        watchers = [Background(watch) for _ in range(3)]
        with open(path) as old:
            for text in texts[1:]:
                put(path, text)
                self.assertEqual(m.read("style.md"), text)
            self.assertEqual(old.read(), texts[0])
        stop.set()
        for w in watchers:
            w.result()
        self.assertEqual(bad, [])

    def test_killed_in_the_midst(self):
        """Its descriptor is closed too, by the kernel; half a style is text like any other."""
        m = self.mount()
        put(m.path("style.md"), STYLE)
        script = "import os, sys; f = os.open('style.md', os.O_WRONLY | os.O_TRUNC); os.write(f, b'half'); " \
                 "print('written', flush=True); sys.stdin.read()"
        for end in (signal.SIGKILL, signal.SIGTERM):
            writer = subprocess.Popen([sys.executable, "-c", script], cwd=m.dir, stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)
            writer.stdout.readline()
            writer.send_signal(end)
            writer.communicate()
            self.assertEqual(m.read("style.md"), STYLE)
        wait_for(lambda: "was killed" in m.read(".bookfs/log"), what="the log")
        writer = subprocess.run([sys.executable, "-c", script], cwd=m.dir, input="", capture_output=True, text=True)
        self.assertEqual((writer.returncode, m.read("style.md")), (0, "half"))

    def test_two_editors(self):
        m = self.mount()
        put(m.path("style.md"), STYLE)
        one, two = (os.open(m.path("style.md"), os.O_RDWR) for _ in range(2))
        os.pwrite(one, b"ONE", 0)
        os.pwrite(two, b"TWO", 0)
        os.close(one)
        with self.errno(errno.ESTALE):
            os.close(two)
        self.assertIn("somebody else changed it", self.why(m))
        self.assertEqual(m.read("style.md"), "ONE" + STYLE[3:])

    def test_not_text(self):
        m = self.mount()
        none = m.read("style.md")
        for text in (b"a\0b", b"\xff\xfe", b"\xc3"):
            with self.subTest(text), self.errno(errno.EINVAL):
                put(m.path("style.md"), text)
        self.assertEqual(m.read("style.md"), none)
        self.assertIn("UTF-8", self.why(m))
        with self.errno(errno.EFBIG):
            put(m.path("style.md"), b"x" * (2 << 20))

    def test_attributes(self):
        m = self.mount()
        path = m.path("style.md")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o644)
        self.assertTrue(os.access(path, os.W_OK))
        self.assertFalse(os.access(m.path("book.json"), os.W_OK))
        ino = os.stat(path).st_ino
        fd = os.open(path, os.O_RDWR)
        self.assertEqual(os.fstat(fd).st_ino, ino)
        os.fchmod(fd, 0o600)
        os.fchown(fd, os.getuid(), os.getgid())
        os.utime(fd, (1, 1))
        os.close(fd)
        os.chmod(path, 0o600)
        os.utime(path)
        for act in (lambda: os.chown(path, 12345, -1), lambda: os.chmod(path, 0o4755)):
            with self.errno(errno.EPERM):
                act()
        with self.errno(errno.EOPNOTSUPP):
            os.setxattr(path, "user.x", b"1")
        self.assertEqual(os.stat(path).st_ino, ino)
        put(path, STYLE)
        self.assertEqual(os.stat(path).st_ino, ino)
        os.truncate(path, 7)
        self.assertEqual(m.read("style.md"), STYLE[:7])
        self.assertEqual(os.stat(path).st_size, 7)


class Scratch(Book):
    """What editors make beside what they edit."""

    def test_a_file_of_ones_own(self):
        m = self.mount()
        for folder in ("", "chapters/1", "elements/characters"):
            path = m.path(folder, ".x.swp")
            put(path, "swap")
            self.assertEqual(m.read(folder, ".x.swp"), "swap")
            self.assertIn(".x.swp", os.listdir(m.path(folder)))
            os.rename(path, path + "2")
            self.assertEqual(m.read(folder, ".x.swp2"), "swap")
            os.unlink(path + "2")
            self.assertNotIn(".x.swp2", os.listdir(m.path(folder)))
            with self.errno(errno.ENOENT):
                os.stat(path)
        self.assertEqual(self.asked(), 0)
        self.assertEqual(self.history(m), [])

    def test_gone_at_the_end(self):
        m = self.mount()
        put(m.path("left"), "x")
        m.end()
        m = self.mount()
        self.assertNotIn("left", os.listdir(m.dir))

    def test_exclusive(self):
        m = self.mount()
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        os.close(os.open(m.path("lock"), flags))
        for name in ("lock", "style.md", "book.json", "chapters/1/concepts.json"):
            with self.subTest(name), self.errno(errno.EEXIST):
                os.open(m.path(name), flags)
        with self.errno(errno.EOPNOTSUPP):
            os.open(m.dir, os.O_TMPFILE | os.O_WRONLY)

    def test_links(self):
        m = self.mount()
        os.symlink("user@host.1234", m.path("chapters/1/.#concepts.json"))
        self.assertEqual(os.readlink(m.path("chapters/1/.#concepts.json")), "user@host.1234")
        self.assertTrue(stat.S_ISLNK(os.lstat(m.path("chapters/1/.#concepts.json")).st_mode))
        os.unlink(m.path("chapters/1/.#concepts.json"))
        put(m.path("a"), "x")
        with self.errno(errno.EPERM):
            os.link(m.path("a"), m.path("b"))
        os.symlink("a", m.path("c"))
        with self.errno(errno.EINVAL):
            os.rename(m.path("c"), m.path("style.md"))

    def test_hostile_names(self):
        m = self.mount()
        for name in (b"a\nb", b"\x1b[31m", b"\xff", b"\x7f"):
            with self.subTest(name), self.errno(errno.EINVAL):
                os.open(os.path.join(os.fsencode(m.dir), name), os.O_CREAT | os.O_WRONLY)
        for name in ("-rf", "*", "a b", "x" * 255, "\u00e9\u4e2d"):
            put(m.path(name), name)
            self.assertEqual(m.read(name), name)
        with self.errno(errno.ENAMETOOLONG):
            put(m.path("x" * 256), "")

    def test_only_there(self):
        m = self.mount()
        for folder in ("chapters", "images", "elements", "source", ".bookfs", "by-title", "chapters/1/images",
                       "chapters/1/prompts", ".analyze.state", "gallery"):
            with self.subTest(folder), self.errno(errno.EROFS):
                put(m.path(folder, "new"), "x")
        for folder in ("", "chapters", "chapters/1", "elements/characters"):
            with self.subTest(folder), self.errno(errno.EROFS):
                os.mkdir(m.path(folder, "new"))
        self.assertIn("folders of a mounted book", self.why(m))
        self.assertFalse(os.access(m.path("chapters"), os.W_OK))
        self.assertTrue(os.access(m.path("chapters/1"), os.W_OK))

    def test_limits(self):
        m = self.mount()
        for n in range(64):
            put(m.path("f%d" % n), "x")
        with self.errno(errno.ENOSPC):
            put(m.path("one more"), "x")
        self.assertIn("remove what editors left", self.why(m))
        os.unlink(m.path("f0"))
        fd = os.open(m.path("big"), os.O_CREAT | os.O_WRONLY)
        self.addCleanup(os.close, fd)
        with self.errno(errno.EFBIG):
            os.ftruncate(fd, (64 << 20) + 1)
        with self.errno(errno.EFBIG):
            os.pwrite(fd, b"x", 1 << 40)
        os.ftruncate(fd, 64 << 20)
        os.ftruncate(os.open(m.path("f1"), os.O_WRONLY), 60 << 20)
        with self.errno(errno.ENOSPC):
            os.ftruncate(os.open(m.path("f2"), os.O_WRONLY), 60 << 20)
        self.assertIn("not supported", self.sh(m, "fallocate -l 10 f3").stderr)

    def test_renamed_onto(self):
        m = self.mount()
        put(m.path("new"), STYLE)
        os.rename(m.path("new"), m.path("style.md"))
        self.assertEqual(m.read("style.md"), STYLE)
        self.assertNotIn("new", os.listdir(m.dir))
        put(m.path("bad"), b"\xff")
        with self.errno(errno.EINVAL):
            os.rename(m.path("bad"), m.path("style.md"))
        self.assertEqual(m.read("style.md"), STYLE)
        with open(m.path("bad"), "rb") as f:
            self.assertEqual(f.read(), b"\xff")
        with self.errno(errno.EROFS):
            os.rename(m.path("bad"), m.path("book.json"))

    def test_put_away(self):
        """The name never lacks: whoever is killed between the two steps leaves the old content."""
        m = self.mount()
        put(m.path("style.md"), STYLE)
        os.rename(m.path("style.md"), m.path("style.md~"))
        self.assertEqual(m.read("style.md"), STYLE)
        self.assertEqual(m.read("style.md~"), STYLE)
        put(m.path("style.md"), "new\n")
        wait_for(lambda: m.read("style.md~") == STYLE, what="the copy")
        os.rename(m.path("style.md~"), m.path("style.md"))
        self.assertEqual(m.read("style.md"), STYLE)

    def test_open_while_renamed(self):
        m = self.mount()
        with open(m.path("tmp"), "w") as f:
            f.write("one")
            f.flush()
            os.rename(m.path("tmp"), m.path("style.md"))
            self.assertEqual(m.read("style.md"), "one")
            f.write(" two")
        self.assertEqual(m.read("style.md"), "one two")


class Concepts(Book):
    def test_an_edit(self):
        m = self.analysed()
        d = self.document(m)
        ident, asked = d["concepts"][0]["id"], (self.asked(), self.asked("paint"))
        d["concepts"][0]["description"] = "A red door in the rain."
        put(m.path("chapters/1/concepts.json"), json.dumps(d))
        now = self.document(m)
        self.assertEqual(now["concepts"][0]["description"], "A red door in the rain.")
        self.assertEqual((now["concepts"][0]["id"], now["provider"]), (ident, "person"))
        state = json.loads(m.read("chapters/1/status.json"))
        self.assertTrue(state["images"][0]["outdated"])
        self.assertIn("A red door in the rain.", m.read("Chapters.md"))
        self.assertEqual((self.asked(), self.asked("paint")), asked)
        put(m.path("chapters/1/concepts.json"), m.read("chapters/1/concepts.json"))
        self.assertEqual(len(self.history(m)), 1)

    def test_struck_out(self):
        m = self.analysed()
        d = self.document(m)
        d["concepts"].append(dict(d["concepts"][0], description="Another."))
        del d["concepts"][-1]["id"]
        put(m.path("chapters/1/concepts.json"), json.dumps(d))
        d = self.document(m)
        ids = [c["id"] for c in d["concepts"]]
        self.assertEqual(len(ids), 2)
        d["concepts"].pop(0)
        put(m.path("chapters/1/concepts.json"), json.dumps(d))
        self.assertEqual([c["id"] for c in self.scenes(m)], ids[1:])
        self.assertNotIn("chapter_1_scene_1.png", os.listdir(m.path("images")))
        self.assertIn("#### Scene 2", m.read("Chapters.md"))
        self.assertEqual(self.run_bookfs("undo", self.book).returncode, 0)
        wait_for(lambda: "chapter_1_scene_1.png" in os.listdir(m.path("images")), what="the picture")

    def test_refused(self):
        m = self.analysed()
        before = m.read("chapters/1/concepts.json")
        for text in ("{bad", '{"concepts": 1}', "{}", '{"concepts": [{"description": 3}]}', "{}" * 40000):
            with self.subTest(text[:30]), self.errno(errno.EINVAL):
                put(m.path("chapters/1/concepts.json"), text)
            self.assertEqual(m.read("chapters/1/concepts.json"), before)
            self.assertRegex(self.why(m), r"path: chapters/1/concepts.json\nerrno: EINVAL.*\nreason: .*line \d+")
        # A shell does not look at what close(2) says.
        self.assertNotEqual(self.sh(m, "echo '{bad' > chapters/1/concepts.json").returncode, 0)
        with open(m.path("chapters/1/concepts.json"), "r+b", buffering=0) as f:
            f.write(b"x")
            with self.errno(errno.EINVAL):
                os.fsync(f.fileno())
            f.write(before[1:2].encode())
            f.seek(0)
            f.write(before[:2].encode())
        self.assertEqual(m.read("chapters/1/concepts.json"), before)
        self.assertEqual(self.history(m), [])

    def test_of_a_chapter_not_analysed(self):
        m = self.mount()
        d = {"concepts": [{"quote": "", "description": "A hill.", "mood": "", "lighting": "", "elements": []}]}
        put(m.path("chapters/2/concepts.json"), json.dumps(d))
        self.assertEqual([c["description"] for c in self.scenes(m, 2)], ["A hill."])
        self.assertEqual(self.asked(), 0)

    def test_removed(self):
        m = self.analysed()
        before = m.read("chapters/1/concepts.json")
        asked = self.asked()
        self.assertEqual(self.sh(m, "rm chapters/1/concepts.json").returncode, 0)
        self.assertEqual(os.stat(m.path("chapters/1/concepts.json")).st_size, 4096)
        self.assertEqual(json.loads(m.read("chapters/1/status.json"))["status"], "pending")
        self.assertEqual(os.listdir(m.path("images")), [])
        self.assertEqual(self.asked(), asked)
        self.assertIn("not permitted", self.sh(m, "rm chapters/1/concepts.json").stderr)
        self.assertEqual(self.run_bookfs("undo", "--all", self.book).returncode, 0)
        wait_for(lambda: m.read("chapters/1/concepts.json") == before, what="the analysis")
        self.sh(m, "rm chapters/1/concepts.json")
        self.assertNotEqual(self.sh(m, "cat chapters/1/concepts.json").stdout, before)
        self.assertEqual(self.asked(), asked + 1)

    def test_picture_removed(self):
        m = self.analysed()
        name = m.path("images/chapter_1_scene_1.png")
        with open(name, "rb") as f:
            before = f.read()
        painted = self.asked("paint")
        os.unlink(name)
        self.assertEqual(os.listdir(m.path("images")), [])
        self.assertFalse(os.path.lexists(m.path("chapters/1/images/chapter_1_scene_1.png")))
        self.assertEqual(json.loads(m.read("status.json"))["images"][0]["status"], "pending")
        self.assertEqual(self.run_bookfs("undo", self.book).returncode, 0)
        wait_for(lambda: os.path.exists(name), what="the picture")
        with open(name, "rb") as f:
            self.assertEqual(f.read(), before)
        self.assertEqual(self.asked("paint"), painted)
        for act in (lambda: put(name, PNG), lambda: os.rename(name, name + "2")):
            with self.errno(errno.EROFS):
                act()

    def test_two_editors(self):
        m = self.analysed()
        path = m.path("chapters/1/concepts.json")
        text = m.read("chapters/1/concepts.json")
        one, two = (os.open(path, os.O_WRONLY) for _ in range(2))
        put(path + ".tmp", text.replace('"mood"', '"mood" ').replace("Scene", "A scene"))
        for fd, word in ((one, "one"), (two, "two")):
            d = json.loads(text)
            d["concepts"][0]["mood"] = word
            os.ftruncate(fd, 0)
            os.write(fd, json.dumps(d).encode())
        os.close(one)
        with self.errno(errno.ESTALE):
            os.close(two)
        self.assertIn("reason: ", self.why(m))
        self.assertEqual(self.scenes(m)[0]["mood"], "one")
        with self.errno(errno.ESTALE):
            os.rename(path + ".tmp", path)
        self.assertEqual(self.scenes(m)[0]["mood"], "one")

    def test_made_anew(self):
        """mv from another file system and tar remove first; the scenes keep their pictures."""
        m = self.analysed()
        d = self.document(m)
        d["concepts"][0]["mood"] = "merry"
        new = os.path.join("/dev/shm" if os.path.isdir("/dev/shm") else self.tmp, "bookfs-%d.json" % os.getpid())
        for script in ('mv "$1" chapters/1/concepts.json', 'cp --remove-destination "$1" chapters/1/concepts.json'):
            d["concepts"][0]["mood"] += "!"
            put(new, json.dumps(d))
            self.addCleanup(lambda: os.path.exists(new) and os.unlink(new))
            done = self.sh(m, script, new)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(self.scenes(m)[0]["mood"], d["concepts"][0]["mood"])
            self.assertEqual(self.scenes(m)[0]["elements"], d["concepts"][0]["elements"])
            self.assertIn("chapter_1_scene_1.png", os.listdir(m.path("images")))
        self.assertTrue(json.loads(m.read("chapters/1/elements.json"))["elements"])

    def test_approval(self):
        m = self.mount("illustrate=ask")
        with self.errno(errno.ENODATA):
            put(m.path("chapters/2/approved"), "")
        self.scenes(m)
        path = m.path("chapters/1/approved")
        if os.path.exists(path):
            self.skipTest("scenes are approved by themselves here")
        self.assertEqual(self.sh(m, "touch chapters/1/approved").returncode, 0)
        wait_for(lambda: os.listdir(m.path("images")), what="the picture")
        self.assertTrue(os.path.exists(path))
        self.assertEqual(self.sh(m, "touch chapters/1/approved").returncode, 0)
        with self.errno(errno.EPERM):
            os.unlink(path)


class Elements(Book):
    def entry(self, m):
        name = self.elements(m)[0]
        return name, m.read("elements/characters", name)

    def test_description(self):
        m = self.analysed()
        name, text = self.entry(m)
        lines = ["**Description:** A tall woman in green." if l.startswith("**Description:**") else l
                 for l in text.splitlines()]
        put(m.path("elements/characters", name), "\n".join(lines) + "\n")
        self.assertIn("**Description:** A tall woman in green.", m.read("elements/characters", name))
        asked = self.asked()
        m.command("analyze 1\n")
        wait_for(lambda: self.asked() > asked, what="the newer analysis")
        m.read("chapters/2/concepts.json")
        self.assertIn("A tall woman in green.", m.read("elements/characters", name))

    def test_names(self):
        m = self.analysed()
        name, creatures = self.elements(m)[0], self.elements(m, "creatures")
        folder = m.path("elements/characters")
        os.rename(os.path.join(folder, name), os.path.join(folder, "Somebody Else.md"))
        self.assertIn("Somebody Else.md", self.elements(m))
        self.assertNotIn(name, self.elements(m))
        self.assertIn(name[:-3], m.read("elements/characters/Somebody Else.md"))
        os.rename(os.path.join(folder, "Somebody Else.md"), m.path("elements/creatures/Somebody Else.md"))
        self.assertIn("Somebody Else.md", self.elements(m, "creatures"))
        others = self.elements(m)
        os.rename(m.path("elements/creatures/Somebody Else.md"), os.path.join(folder, others[0]))
        self.assertEqual(self.elements(m, "creatures"), creatures)
        self.assertEqual(self.elements(m), others)
        self.assertIn("Somebody Else", m.read("elements/characters", others[0]))
        self.sh(m, 'rm "elements/characters/$1"', others[0])
        self.assertEqual(self.elements(m), others[1:])
        self.assertEqual(self.run_bookfs("undo", "--all", self.book).returncode, 0)
        wait_for(lambda: name in self.elements(m), what="the name")

    def test_a_new_one(self):
        m = self.analysed()
        put(m.path("elements/creatures/Griffin.md"), "# Griffin\n\n**Type:** creature\n\n"
            "**Description:** An eagle's head, a lion's body, golden-brown feathers.\n")
        self.assertIn("golden-brown feathers", m.read("elements/creatures/Griffin.md"))
        self.assertIn("Griffin.md", self.elements(m, "creatures"))
        self.assertIn("### Griffin", m.read("Elements.md"))

    def test_portrait(self):
        m = self.analysed()
        stem = self.elements(m)[0][:-3]
        picture = m.path("elements/characters", stem + ".png")
        put(picture, PNG)
        with open(picture, "rb") as f:
            self.assertEqual(f.read(), PNG)
        self.assertIn(stem + ".png", self.elements(m))
        for name, data in ((stem + ".jpg", b"no picture"), ("Nobody.png", PNG)):
            with self.subTest(name), self.errno(errno.EINVAL):
                put(m.path("elements/characters", name), data)
        self.assertEqual(self.sh(m, 'cp "$1" "elements/characters/.tmp" && mv elements/characters/.tmp "$1"',
                                 picture).returncode, 0)
        os.rename(m.path("elements/characters", stem + ".md"), m.path("elements/characters/Renamed.md"))
        self.assertIn("Renamed.png", self.elements(m))
        os.unlink(m.path("elements/characters/Renamed.png"))
        self.assertNotIn("Renamed.png", self.elements(m))


class Locks(Book):
    """Somebody else holds it: EBUSY, unchanged, and who."""

    def holder(self, m, resource):
        """Another agent that lives on, so that it holds."""
        agent = Agent(m.dir, "CLI-777")
        self.addCleanup(agent.end)
        agent.ok("touch locks/" + resource)
        return agent

    def refused(self, m, resource, act):
        with self.errno(errno.EBUSY):
            act()
        self.assertIn("%s is held by CLI-777" % resource, self.why(m))

    def test_each(self):
        m = self.analysed()
        path, text = m.path("chapters/1/concepts.json"), m.read("chapters/1/concepts.json")
        put(m.path("chapters/1/tmp"), text + " ")
        agent = self.holder(m, "Chapter_01")
        for act in (lambda: put(path, "{}"), lambda: os.unlink(path), lambda: os.rename(m.path("chapters/1/tmp"), path),
                    lambda: os.truncate(path, 1), lambda: open(path, "a").close()):
            self.refused(m, "Chapter_01", act)
        self.assertEqual(m.read("chapters/1/concepts.json"), text)
        agent.ok("touch locks/ImageRegistry locks/StyleSystem")
        name = self.elements(m)[0]
        element = m.path("elements/characters", name)
        for act in (lambda: os.unlink(m.path("images/chapter_1_scene_1.png")), lambda: os.unlink(element),
                    lambda: put(element, "x"), lambda: os.rename(element, element[:-3] + "2.md"),
                    lambda: put(element[:-3] + ".png", PNG)):
            self.refused(m, "ImageRegistry", act)
        self.refused(m, "StyleSystem", lambda: put(m.path("style.md"), STYLE))
        self.assertEqual(self.history(m), [])

    def test_mine(self):
        m = self.analysed()
        done = self.sh(m, "touch locks/StyleSystem && echo mine > style.md && cat style.md",
                       env={"BOOKFS_INSTANCE": "CLI-1"})
        self.assertEqual(done.stdout, "mine\n")

    def test_lost_while_open(self):
        m = self.analysed()
        with open(m.path("style.md"), "r+b", buffering=0) as f:
            f.write(b"x")
            self.holder(m, "StyleSystem")
            with self.errno(errno.EBUSY):
                f.write(b"y")
            with self.errno(errno.EBUSY):
                os.fsync(f.fileno())
            with self.errno(errno.EBUSY):
                f.close()
        self.assertEqual(self.history(m), [])

    def test_strict_and_off(self):
        m = self.mount("enforce=strict")
        with self.errno(errno.EPERM):
            put(m.path("style.md"), STYLE)
        self.assertIn("touch locks/StyleSystem", self.why(m))
        m.end()
        m = self.mount("enforce=off")
        self.holder(m, "StyleSystem")
        put(m.path("style.md"), STYLE)
        self.assertEqual(m.read("style.md"), STYLE)


class Programs(Book):
    """Programs as people use them, each changing the mood of the first scene."""

    recipes = {
        "sed": "sed -i 's/\"mood\":[^,]*/\"mood\": \"merry\"/' chapters/1/concepts.json",
        "perl": "perl -pi -e 's/\"mood\":[^,]*/\"mood\": \"merry\"/' chapters/1/concepts.json",
        "perl with a copy": "perl -pi.orig -e 's/\"mood\":[^,]*/\"mood\": \"merry\"/' chapters/1/concepts.json",
        "jq": "jq '.concepts[].mood = \"merry\"' chapters/1/concepts.json > chapters/1/tmp && "
              "mv chapters/1/tmp chapters/1/concepts.json",
        "jq and cp": "jq '.concepts[].mood = \"merry\"' chapters/1/concepts.json > \"$1/new\" && "
                     "cp \"$1/new\" chapters/1/concepts.json",
        "cp -p": "jq '.concepts[].mood = \"merry\"' chapters/1/concepts.json > \"$1/new\" && chmod 600 \"$1/new\" && "
                 "cp -p \"$1/new\" chapters/1/concepts.json",
        "tee": "jq '.concepts[].mood = \"merry\"' chapters/1/concepts.json > \"$1/new\" && "
               "tee chapters/1/concepts.json < \"$1/new\" > /dev/null",
        "dd": "jq '.concepts[].mood = \"merry\"' chapters/1/concepts.json > \"$1/new\" && "
              "dd if=\"$1/new\" of=chapters/1/concepts.json bs=7 status=none",
        "rsync": "jq '.concepts[].mood = \"merry\"' chapters/1/concepts.json > \"$1/concepts.json\" && "
                 "rsync -t \"$1/concepts.json\" chapters/1/",
        "rsync in place": "jq '.concepts[].mood = \"merry\"' chapters/1/concepts.json > \"$1/concepts.json\" && "
                          "rsync --inplace \"$1/concepts.json\" chapters/1/",
        "vim": "vim -u NONE -es -c '%s/\"mood\":[^,]*/\"mood\": \"merry\"/' -c 'wq' chapters/1/concepts.json",
        "vim with a copy": "vim -u NONE -es -c 'set backup backupcopy=no' -c '%s/\"mood\":[^,]*/\"mood\": \"merry\"/' "
                           "-c 'wq' chapters/1/concepts.json",
        "vim in place": "vim -u NONE -es -c 'set backupcopy=yes' -c '%s/\"mood\":[^,]*/\"mood\": \"merry\"/' "
                        "-c 'wq' chapters/1/concepts.json",
        "ed": "printf '%s\\n' ',s/\"mood\":[^,]*/\"mood\": \"merry\"/' w q | ed -s chapters/1/concepts.json",
        "python": "python3 -c \"import json; p = 'chapters/1/concepts.json'; d = json.load(open(p)); "
                  "d['concepts'][0]['mood'] = 'merry'; json.dump(d, open(p, 'w'))\"",
        "install": "jq '.concepts[].mood = \"merry\"' chapters/1/concepts.json > \"$1/new\" && "
                   "install -m 644 \"$1/new\" chapters/1/concepts.json",
    }

    def tools(self):
        return {n: s for n, s in self.recipes.items() if shutil.which(n.split()[0])}

    def test_each(self):
        m = self.analysed()
        original = m.read("chapters/1/concepts.json")
        asked = (self.asked(), self.asked("paint"))
        mood = self.scenes(m)[0]["mood"]
        for name, script in self.tools().items():
            with self.subTest(name):
                done = self.sh(m, script, self.tmp)
                self.assertEqual(done.returncode, 0, (done.stdout, done.stderr, self.why(m)))
                self.assertEqual(self.scenes(m)[0]["mood"], "merry", self.why(m))
                for left in set(os.listdir(m.path("chapters/1"))) & {"concepts.json.orig", "concepts.json~"}:
                    os.unlink(m.path("chapters/1", left))
                d = json.loads(original)
                d["concepts"][0]["mood"] = mood
                put(m.path("chapters/1/concepts.json"), json.dumps(d))
        self.assertEqual((self.asked(), self.asked("paint")), asked)
        self.assertEqual(self.run_bookfs("undo", "--all", self.book).returncode, 0)
        wait_for(lambda: m.read("chapters/1/concepts.json") == original, what="the original")
        self.assertNotIn("tmp", os.listdir(m.path("chapters/1")))

    def test_append(self):
        m = self.mount()
        self.sh(m, "echo one > style.md; echo two >> style.md")
        self.assertEqual(m.read("style.md"), "one\ntwo\n")

    def test_vim_killed(self):
        """Its swap file stays, as everywhere; what it edited is as it was."""
        if not shutil.which("vim"):
            self.skipTest("no vim")
        m = self.mount()
        put(m.path("style.md"), STYLE)
        self.sh(m, "timeout -s KILL 5 vim -u NONE -es -c 'normal ggdG' -c 'preserve' -c '!kill -9 $PPID' style.md")
        self.assertEqual(m.read("style.md"), STYLE)


class Deleting(Book):
    """Whatever sweeps over a finished book: nothing is asked, and all of it comes back."""

    def tree(self, m):
        found = {}
        for folder, names, files in os.walk(m.dir):
            names[:] = [n for n in names if n not in (".bookfs", "locks", ".locks", "source", "gallery")]
            for n in files:
                path = os.path.join(folder, n)
                if n.endswith(("concepts.json", "elements.json", ".png")) or folder.endswith(("characters", "places")):
                    with open(path, "rb") as f:
                        found[os.path.relpath(path, m.dir)] = f.read()
        return found

    def finished(self):
        m = self.mount()
        for n in range(1, self.chapters + 1):
            m.read("chapters/%d/concepts.json" % n)
        wait_for(lambda: all(i["status"] == "completed" for i in json.loads(m.read("status.json"))["images"]),
                 what="the pictures")
        return m

    def sweep(self, script):
        m = self.finished()
        before, folders = self.tree(m), sorted(f for f, _, _ in os.walk(m.dir))
        asked = (self.asked(), self.asked("paint"))
        done = self.sh(m, script)
        self.assertEqual((self.asked(), self.asked("paint")), asked)
        self.assertEqual(sorted(f for f, _, _ in os.walk(m.dir)), folders)
        self.assertEqual(self.run_bookfs("undo", "--all", self.book).returncode, 0)
        wait_for(lambda: json.loads(m.read("status.json"))["totals"]["chapters"]["completed"] >= self.chapters,
                 what="the analyses")
        self.assertEqual(self.tree(m), before)
        self.assertEqual((self.asked(), self.asked("paint")), asked)
        return done

    def test_rm(self):
        self.assertNotEqual(self.sweep("rm -rf ./*").returncode, 0)

    def test_git_clean(self):
        if not shutil.which("git"):
            self.skipTest("no git")
        self.sweep('git --git-dir="$PWD/../git" init -q; git --git-dir="$PWD/../git" --work-tree=. clean -fdxq')

    def test_file_manager(self):
        if not shutil.which("gio"):
            self.skipTest("no gio")
        self.sweep("for f in *; do gio trash -f $f; gio remove -f $f; done")


class Paid(Deleting):
    """The same where each request is billed: the server counts."""

    def setUp(self):
        super().setUp()
        server = subprocess.Popen([sys.executable, "-B", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True)
        self.addCleanup(server.communicate)
        self.at = "http://127.0.0.1:%d" % int(server.stdout.readline())

    def mount(self, options="", name="mnt", program=None, **env):
        one = "illustrate=auto,provider=openai,model=m,base_url=%s/good/v1,image_model=p,image_base_url=%s/good/v1" % (
            self.at, self.at)
        return super().mount(one, name, BOOKFS, OPENAI_API_KEY="sk-a-secret")

    def asked(self, what="analyze"):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.at + "/totals") as answer:
            totals = json.loads(answer.read())
        return totals.get("chat" if what == "analyze" else "image", {"requests": 0})["requests"]


class Watched(Book):
    """Who watches the folders hears of edits as of results: those of another process too."""

    def test_undo_elsewhere(self):
        if not shutil.which("inotifywait"):
            self.skipTest("needs inotifywait (inotify-tools)")
        m = self.analysed()
        picture = "chapter_1_scene_1.png"
        for name in ("chapters/1/concepts.json", "images/" + picture):
            os.stat(m.path(name))
        self.sh(m, "rm images/%s chapters/1/concepts.json" % picture)
        self.assertEqual(os.listdir(m.path("images")), [])
        watch = subprocess.Popen(["inotifywait", "-m", "-e", "moved_to", m.path("chapters/1"), m.path("images")],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(watch.communicate)
        self.addCleanup(watch.kill)
        while "established" not in watch.stderr.readline():
            pass
        self.assertEqual(self.run_bookfs("undo", "--all", self.book).returncode, 0)
        wanted = {"%s/ MOVED_TO concepts.json" % m.path("chapters/1"), "%s/ MOVED_TO %s" % (m.path("images"), picture)}
        while wanted:
            wanted.discard(Background(watch.stdout.readline).result(30).rstrip("\n"))
        self.assertTrue(os.path.exists(m.path("images", picture)))


@unittest.skipUnless(FULL, "with --full")
class Many(Book):
    def test_many_writers(self):
        m = self.mount()
        texts = ["writer %d\n" % n * 2000 for n in range(8)]
        put(m.path("style.md"), texts[0])

        def write(text):
            for i in range(40):
                try:
                    if i % 2:
                        put(m.path("style.md"), text)
                    else:
                        put(m.path("tmp-" + text.split()[1]), text)
                        os.rename(m.path("tmp-" + text.split()[1]), m.path("style.md"))
                except OSError as e:
                    if e.errno != errno.ESTALE:
                        raise
                self.assertIn(m.read("style.md"), texts)
        for b in [Background(write, t) for t in texts]:
            b.result()

    def test_killed_at_any_moment(self):
        m = self.analysed()
        text = m.read("chapters/1/concepts.json")
        d = json.loads(text)
        d["concepts"][0]["mood"] = "merry"
        whole = json.dumps(d)
        script = "import os, sys\nwhile True:\n for t in sys.argv[1:]:\n  f = os.open('chapters/1/concepts.json', " \
                 "os.O_WRONLY | os.O_TRUNC)\n  for i in range(0, len(t), 64): os.write(f, t[i:i+64].encode())\n  os.close(f)"
        for n in range(60):
            p = subprocess.Popen([sys.executable, "-c", script, whole, text], cwd=m.dir)
            threading.Event().wait(0.05 + 0.003 * n)
            p.kill()
            p.wait()
            self.assertIn(self.scenes(m)[0]["mood"], ("merry", json.loads(text)["concepts"][0]["mood"]))


if __name__ == "__main__":
    if FULL:
        sys.argv.remove("--full")
    main()
