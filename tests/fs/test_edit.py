# SPDX-License-Identifier: MIT
"""The mount is written to: every pattern of writing, the files that editors make beside what they edit, and locks."""

import errno
import mmap
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading

from agents import Agent
from editing import FULL, PNG, STYLE, Book, put
from harness import Background, main, wait_for


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

    def test_touching_what_is_nothing_yet(self):
        """It is refused, as nothing would be there; with a word in it, it is."""
        m = self.mount()
        for name in ("elements/characters/New.md", "elements/items/A lamp.md"):
            done = self.sh(m, "touch '%s'" % name)
            self.assertEqual(done.returncode, 1)
            self.assertIn(os.strerror(errno.ENODATA), done.stderr)
            self.assertIn("it begins to exist once there is something in it\nremedy: write what it is", self.why(m))
            self.assertFalse(os.path.exists(m.path(name)))
        self.assertEqual(self.sh(m, "echo '**Description:** In a blue coat.' > elements/characters/New.md && "
                                    "touch elements/characters/New.md scratch~").returncode, 0)
        self.assertIn("blue coat", m.read("elements/characters/New.md"))

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
            os.utime(path, ns=(0, -500000000))
            self.assertEqual(os.stat(path).st_mtime_ns, -500000000)
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
        with self.errno(errno.EFBIG):
            put(m.path("style.md"), "x" * ((1 << 20) + 1))
        self.assertIn("another text 1 MB", self.why(m))

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


if __name__ == "__main__":
    if FULL:
        sys.argv.remove("--full")
    main()
