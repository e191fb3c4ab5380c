# SPDX-License-Identifier: MIT
"""Every class of file as the kernel and its readers see it, and what is refused."""

import errno
import json
import mmap
import os
import select
import stat
import subprocess
import threading

from harness import Background, Case, main, wait_for


class Reading(Case):
    def test_listing_starts_nothing(self):
        m = self.mount()
        for command in (["ls", "-lR"], ["find"], ["du", "-a"], ["stat", "chapters/1/concepts.json"]):
            subprocess.run(command, cwd=m.dir, check=True, stdout=subprocess.DEVNULL)
        os.close(os.open(m.path("chapters/1/concepts.json"), os.O_PATH))
        self.assertTrue(os.access(m.path("chapters/1/concepts.json"), os.R_OK))
        self.assertEqual(self.asked(), 0)

    def test_placeholder_then_true_size(self):
        m = self.mount()
        path = m.path("chapters/2/concepts.json")
        before = os.stat(path)
        self.assertEqual(before.st_size, 4096)
        text = m.read("chapters/2/concepts.json")
        after = os.stat(path)
        self.assertEqual(after.st_size, len(text.encode()))
        self.assertEqual(after.st_ino, before.st_ino)
        self.assertEqual(after.st_blocks, (after.st_size + 511) // 512)
        self.assertEqual(json.loads(text)["status"], "completed")
        self.assertEqual(self.asked(), 1)

    def test_mmap_of_first_open(self):
        m = self.mount()
        with open(m.path("chapters/3/concepts.json"), "rb") as f:
            with mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as view:
                self.assertEqual(json.loads(view[:])["chapterNumber"], 3)

    def test_two_hundred_readers_one_analysis(self):
        gate = self.gate()
        m = self.mount(SLOW_GATE=gate.path)
        readers = [Background(m.read, "chapters/1/concepts.json") for _ in range(200)]
        wait_for(lambda: m.read(".bookfs/waiting").count(", since ") == 200, what="all to wait")
        gate.open()
        texts = {r.result() for r in readers}
        self.assertEqual(len(texts), 1)
        self.assertEqual(self.asked(), 1)

    def test_elements_and_concepts_share(self):
        gate = self.gate()
        m = self.mount(SLOW_GATE=gate.path)
        a = Background(m.read, "chapters/1/concepts.json")
        b = Background(m.read, "chapters/1/elements.json")
        wait_for(lambda: m.read(".bookfs/waiting").count(", since ") == 2, what="both to wait")
        gate.open()
        self.assertEqual(json.loads(a.result())["chapterNumber"], 1)
        json.loads(b.result())
        self.assertEqual(self.asked(), 1)

    def test_old_version_stays_whole(self):
        m = self.mount()
        path = m.path("status.json")
        with open(path, "rb") as old:
            first = old.read()
            m.read("chapters/1/concepts.json")
            old.seek(0)
            self.assertEqual(old.read(), first)
        self.assertNotEqual(m.read("status.json").encode(), first)

    def test_document_never_torn(self):
        m = self.mount()
        stop, bad = threading.Event(), []

        def watch():
            while not stop.is_set():
                text = m.read("status.json")
                try:
                    json.loads(text)
                except ValueError:
                    bad.append(text)
        watchers = [Background(watch) for _ in range(3)]
        for n in range(1, 7):
            m.read("chapters/%d/concepts.json" % n)
        stop.set()
        for w in watchers:
            w.result()
        self.assertEqual(bad, [])

    def test_growing_file_grows_in_place(self):
        m = self.mount()
        with open(m.path("progress.md"), "rb") as f:
            before = f.read()
            m.read("chapters/1/concepts.json")
            after = before + f.read()
        self.assertGreater(len(after), len(before))
        self.assertEqual(m.read("progress.md").encode()[:len(after)], after)

    def test_pictures_arrive(self):
        m = self.mount()
        m.read("chapters/1/concepts.json")
        wait_for(lambda: os.listdir(m.path("images")), what="a picture")
        name = os.listdir(m.path("images"))[0]
        with open(m.path("images", name), "rb") as f:
            self.assertEqual(f.read(8), b"\x89PNG\r\n\x1a\n")
        link = m.path("chapters/1/images", name)
        wait_for(lambda: os.path.islink(link), what="the link")
        self.assertTrue(os.path.samefile(link, m.path("images", name)))

    def test_missing_name_appears(self):
        m = self.mount()
        name = m.path("images/chapter_1_scene_1.png")
        self.assertFalse(os.path.exists(name))
        m.read("chapters/1/concepts.json")
        wait_for(lambda: os.path.exists(name), what="the picture by a name that was missing")

    def test_newer_analysis_replaces_a_remembered_name(self):
        m = self.mount()
        path = m.path("chapters/1/concepts.json")
        first = m.read("chapters/1/concepts.json")
        ino = os.stat(path).st_ino
        with open(path, "rb") as old, open(path, "rb") as untouched:
            old.read(10)
            m.command("analyze 1\n")
            wait_for(lambda: m.read("chapters/1/concepts.json") != first, what="the newer analysis")
            old.seek(0)
            self.assertEqual(old.read().decode(), first)
            self.assertEqual(untouched.read().decode(), first)
        self.assertEqual(os.stat(path).st_ino, ino)
        self.assertEqual(os.stat(path).st_size, len(m.read("chapters/1/concepts.json").encode()))
        done = self.run_bookfs("run", "--chapters", "1", self.book)
        self.assertEqual((done.returncode, self.asked()), (0, 2))

    def test_names_that_were_missing(self):
        """Whatever the kernel remembers of them: every name of the finished tree, asked before."""
        other = self.mount(name="other")
        for n in range(1, 7):
            other.read("chapters/%d/concepts.json" % n)
        wait_for(lambda: len(os.listdir(other.path("images"))) == 6, what="the pictures")

        def tree(m):
            return sorted(os.path.relpath(os.path.join(f, n), m.dir) for f, dirs, files in os.walk(m.dir)
                          for n in dirs + files)
        names = tree(other)
        other.end()
        os.unlink(self.book + ".bookfs")
        m = self.mount()
        before = tree(m)
        missing = [n for n in names if not os.path.lexists(m.path(n))]
        self.assertGreater(len(missing), 20)
        for n in range(1, 7):
            m.read("chapters/%d/concepts.json" % n)
        wait_for(lambda: [n for n in missing if not os.path.lexists(m.path(n))] == [], what="the names")
        wait_for(lambda: tree(m) == names, what="the lists")
        self.assertNotEqual(before, names)

    def test_whole_tree_is_readable(self):
        m = self.mount()
        for n in range(1, 7):
            m.read("chapters/%d/concepts.json" % n)
        # Else tar sees a folder change.
        wait_for(lambda: len(os.listdir(m.path("images"))) == 6, what="the pictures")
        for command in (["grep", "-rq", "lighthouse", "."], ["tar", "cf", "/dev/null", "."],
                        ["find", "-L", ".", "-type", "f"], ["cp", "-r", ".", os.path.join(self.tmp, "copy")]):
            done = subprocess.run(command, cwd=m.dir, capture_output=True)
            self.assertEqual((command, done.returncode, done.stderr), (command, 0, b""))

    def test_numbers_agree(self):
        m = self.mount()
        for folder, names, files in os.walk(m.dir):
            with os.scandir(folder) as entries:
                for e in entries:
                    self.assertEqual(e.inode(), os.lstat(e.path).st_ino, e.path)
                    self.assertGreater(e.inode(), 2 ** 40)
                    self.assertLess(e.inode(), 2 ** 53)


class Refusing(Case):
    def test_read_only(self):
        m = self.mount()
        book, folder = m.path("book.json"), m.path("chapters")
        refused = [
            lambda: open(book, "w"), lambda: open(book, "a"), lambda: open(book, "r+"),
            lambda: os.open(book, os.O_RDONLY | os.O_TRUNC), lambda: os.truncate(book, 0),
            lambda: open(os.path.join(folder, "new"), "w"), lambda: os.mkdir(os.path.join(folder, "new")),
            lambda: os.unlink(book), lambda: os.rmdir(folder), lambda: os.rename(book, book + "2"),
            lambda: os.link(book, folder + "/two"), lambda: os.symlink("x", folder + "/two"),
            lambda: os.chmod(book, 0o600), lambda: os.chown(book, 1, 1), lambda: os.utime(book),
            lambda: os.mkfifo(book + "2"),
            lambda: os.open(m.path("chapters/1/elements.json"), os.O_WRONLY),
            lambda: os.open(m.path("chapters/1/elements.json"), os.O_RDWR),
        ]
        for i, act in enumerate(refused):
            with self.subTest(i), self.errno(errno.EROFS):
                act()
        self.assertFalse(os.access(book, os.W_OK))
        self.assertTrue(os.access(m.path(".bookfs/ctl"), os.W_OK))
        self.assertEqual(self.asked(), 0)

    def test_no_hidden_name_for_others(self):
        m = self.mount()
        with self.errno(errno.EROFS):
            os.open(m.path("images/.arriving-1"), os.O_CREAT | os.O_WRONLY)
        self.assertEqual(os.listdir(m.path("images")), [])

    def test_xattr_is_no_success(self):
        m = self.mount()
        with self.assertRaises(OSError):
            os.setxattr(m.path("book.json"), "user.x", b"1")


class Bookfs(Case):
    def test_why_tells_the_caller(self):
        m = self.mount()
        script = "echo x > chapters/1/title; cat .bookfs/why"
        out = subprocess.run(["sh", "-c", script], cwd=m.dir, capture_output=True, text=True).stdout
        self.assertIn("path: chapters/1/title\n", out)
        self.assertIn("errno: EROFS", out)
        self.assertIn("remedy: ", out)
        out = subprocess.run(["sh", "-c", "mkdir images/new new; cat .bookfs/why"], cwd=m.dir, capture_output=True,
                             text=True).stdout
        self.assertIn("path: new\n", out)

    def test_why_keeps_families_apart(self):
        m = self.mount()
        one = subprocess.Popen(["setsid", "sh", "-c", "mkdir images/one; read x; cat .bookfs/why"], cwd=m.dir,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        one.stderr.readline()
        subprocess.run(["setsid", "sh", "-c", "mkdir images/two; true"], cwd=m.dir, stderr=subprocess.DEVNULL)
        out, _ = one.communicate("go\n", timeout=10)
        self.assertIn("path: images/one\n", out)

    def test_control(self):
        m = self.mount()
        self.assertIn("analyze", m.read(".bookfs/ctl"))
        m.command("analyze 2\n")
        wait_for(lambda: self.asked() == 1, what="the analysis")
        wait_for(lambda: os.stat(m.path("chapters/2/concepts.json")).st_size != 4096, what="its size")
        for text, code in (("analyse 2\n", errno.EINVAL), ("analyze 99\n", errno.ENOENT), ("x" * 5000, errno.EINVAL)):
            with self.subTest(text[:20]), self.errno(code):
                m.command(text)
        self.assertIn("errno: EINVAL", m.read(".bookfs/why"))
        subprocess.run("echo analyze 3 > .bookfs/ctl", shell=True, cwd=m.dir, check=True)
        m.command("analyze 4\n\nanalyze 5\n")
        wait_for(lambda: self.asked() == 4, what="the others")
        with self.errno(errno.ENOENT):
            m.command("analyze 6\nanalyze 99\n")
        wait_for(lambda: self.asked() == 5, what="the line before the wrong one")

    def test_events_block_and_wake(self):
        m = self.mount()
        wait_for(lambda: '"mounted"' in m.read(".bookfs/events.log"), what="the mount's own event")
        fd = os.open(m.path(".bookfs/events"), os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, fd)
        with self.errno(errno.EAGAIN):
            os.read(fd, 4096)
        with open(m.path(".bookfs/events")) as opened:
            stream = subprocess.Popen(["cat"], stdin=opened, stdout=subprocess.PIPE, text=True)
        self.addCleanup(stream.stdout.close)
        self.addCleanup(stream.wait)
        self.addCleanup(stream.kill)
        m.command("analyze 2\n")
        names = []
        while "imageComplete" not in names:
            names.append(json.loads(stream.stdout.readline())["event"])
        self.assertIn("analysisStarted", names)
        self.assertLess(names.index("analysisStarted"), names.index("conceptsReady"))
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        self.assertTrue(poller.poll(30000))
        lines = os.read(fd, 1 << 16).decode().splitlines()
        self.assertEqual([json.loads(l)["event"] for l in lines][:1], names[:1])

    def test_poll_sleeps_until_an_event(self):
        m = self.mount()
        wait_for(lambda: "mounted" in m.read(".bookfs/events.log"), what="the mount's own event")
        fd = os.open(m.path(".bookfs/events"), os.O_RDONLY)
        self.addCleanup(os.close, fd)
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        self.assertEqual(poller.poll(200), [])
        waiting = Background(poller.poll, 30000)
        m.command("analyze 1\n")
        self.assertTrue(waiting.result())

    def test_not_listed(self):
        m = self.mount()
        names = os.listdir(m.path(".bookfs"))
        self.assertNotIn("events", names)
        self.assertNotIn("pid", names)
        self.assertEqual(int(m.read(".bookfs/pid")), m.process.pid)

    def test_log_and_waiting(self):
        m = self.mount()
        self.assertIn("is mounted at", m.read(".bookfs/log"))
        self.assertEqual(m.read(".bookfs/waiting"), "nobody waits\n")
        self.assertEqual(os.stat(m.path(".bookfs/log")).st_size, len(m.read(".bookfs/log")))
        self.assertTrue(stat.S_ISREG(os.stat(m.path(".bookfs/log")).st_mode))


if __name__ == "__main__":
    main()
