# SPDX-License-Identifier: MIT
"""Export: what a mount shows is what stands in the folder, an EPUB is the book with its pictures, a page shows them all.
One book, finished once by the builtin provider."""

import contextlib
import html.parser
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import unittest
import zipfile

import harness

BOOKFS = harness.BOOKFS
LEFT_OUT = {".bookfs", "locks", ".locks", "source"}


def bookfs(*args, **how):
    return subprocess.run([BOOKFS, *args], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, **how)


def tree(root):
    """Of every file and link below it: what it is and holds, and its time."""
    found = {}
    for folder, folders, files in os.walk(root):
        if folder == root:
            folders[:] = [f for f in folders if f not in LEFT_OUT]
        for name in files + [f for f in folders if os.path.islink(os.path.join(folder, f))]:
            path = os.path.join(folder, name)
            key = os.path.relpath(path, root)
            if os.path.islink(path):
                found[key] = os.readlink(path)
            else:
                found[key] = (read(path), os.stat(path).st_mtime_ns // 10**6)
    return found


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


class Page(html.parser.HTMLParser):
    """What a page leads to, and whether every element that was opened is closed in order."""
    VOID = {"meta", "img", "link", "br", "hr"}

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.pictures, self.ids, self.fault = [], [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if "id" in attrs:
            self.ids.append(attrs["id"])
        if tag == "a":
            self.links.append(attrs["href"])
        if tag == "img":
            self.pictures.append((attrs["src"], attrs["alt"]))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.fault = self.fault or "%s at %s" % (tag, self.getpos())


class Export(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tmp = os.path.realpath(tempfile.mkdtemp(prefix="bookfs-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.tmp)
        cls.book = os.path.join(cls.tmp, "book.epub")
        harness.make_book(cls.book)
        done = bookfs("run", cls.book)
        assert done.returncode == 0, done.stderr

    def path(self, name):
        return os.path.join(self.tmp, self.id().rsplit(".", 1)[1] + name)

    def done(self, *args):
        p = bookfs("export", *args)
        self.assertEqual((p.returncode, p.stderr), (0, ""))
        return p.stdout

    def refused(self, says, *args, status=1):
        p = bookfs("export", *args)
        self.assertEqual((p.returncode, p.stdout), (status, ""))
        self.assertEqual(p.stderr.count("\n"), 1, p.stderr)
        self.assertIn(says, p.stderr)

    def test_folder(self):
        out, mnt = self.path("-out"), self.path("-mnt")
        self.assertRegex(self.done(self.book, out), r"^\S+: \d+ files written, 0 were there\n$")
        os.mkdir(mnt)
        mount = harness.Mount(self.book, mnt, program=BOOKFS)
        try:
            shown = tree(mnt)
        finally:
            mount.end()
        have = tree(out)
        # A mount writes down that it began and ends; nothing else is another.
        differ = {k for k in shown.keys() | have.keys() if shown.get(k) != have.get(k)}
        self.assertLessEqual(differ, {"progress.md", "progress.analyze.md", "progress.illustrate.md", "status.json",
                                      ".imaginize.state.json"}, differ)
        self.assertIn("images/chapter_1_scene_1.png", have)
        self.assertIn(".analyze.state/chapter_1.json", have)

    def test_goes_on(self):
        out = self.path("-out")
        self.done(self.book, out)
        picture = os.path.join(out, "images/chapter_1_scene_1.png")
        before = tree(out)
        os.unlink(picture)
        write(os.path.join(out, "book.json"), "half")
        self.assertRegex(self.done(self.book, out), r": 2 files written, \d{2,} were there\n$")
        self.assertEqual(tree(out), before)

    def test_epub(self):
        out = self.path(".epub")
        self.assertEqual(self.done("--epub", self.book, out), "")
        with zipfile.ZipFile(self.book) as was, zipfile.ZipFile(out) as now:
            plates = [n for n in now.namelist() if n.startswith("bookfs/") and n.endswith(".png")]
            self.assertEqual(len(plates), 6)
            for n in range(1, 7):
                text, before = now.read("c%d.xhtml" % n).decode(), was.read("c%d.xhtml" % n).decode()
                self.assertIn("bookfs/chapter_%d_scene_1.png" % n, text)
                for tag in ("figure", "figcaption"):  # not every reader knows that these are blocks
                    self.assertRegex(text, "<%s [^>]*style=\"display: block;" % tag)
                self.assertEqual(re.sub(r"\n<figure class=\"bookfs-plate\".*?</figure>", "", text, flags=re.S), before)
            self.assertIn("The cast", now.read("bookfs/cast.xhtml").decode())

    def page(self, path):
        text = read(path).decode()
        page = Page(text)
        self.assertIsNone(page.fault)
        self.assertEqual(page.open, [])
        self.assertEqual(len(page.pictures), 6)
        self.assertEqual(len(page.ids), len(set(page.ids)))
        for src, alt in page.pictures:
            self.assertTrue(os.path.exists(os.path.join(os.path.dirname(path), src)), src)
            self.assertTrue(alt)
        for link in page.links:
            there = os.path.join(os.path.dirname(path), link)
            self.assertTrue(link[1:] in page.ids if link[0] == "#" else os.path.exists(there), link)
        self.assertNotRegex(text, r"(src|href)=\"?(https?:)?//|@import|url\(")
        self.assertIn('<link rel="icon" href="data:,">', text)  # no server is asked for one
        self.assertNotIn("<script>", text)  # no work goes on

    def test_page(self):
        out, mnt = self.path("-page"), self.path("-mnt")
        self.done("--html", self.book, out)
        self.page(os.path.join(out, "index.html"))
        os.mkdir(mnt)
        mount = harness.Mount(self.book, mnt, program=BOOKFS)
        try:
            self.page(os.path.join(mnt, "gallery/index.html"))
        finally:
            mount.end()

    def test_picture_books(self):
        """As many pages as pictures, with a cover and the cast; a picture that cannot be read costs its place only."""
        cbz, pdf = self.path(".cbz"), self.path(".pdf")
        self.done("--cbz", self.book, cbz)
        with zipfile.ZipFile(cbz) as z:
            self.assertEqual(z.namelist(), ["page-%04d.png" % n for n in range(1, 9)])
            self.assertTrue(all(z.read(n).startswith(b"\x89PNG") for n in z.namelist()))
        self.done("--pdf", self.book, pdf)
        self.assertEqual(len(re.findall(rb"/Type /Page\b", read(pdf))), 8)
        broken = self.path("-broken.epub")
        for end in ("", ".bookfs"):
            shutil.copy(self.book + end, broken + end)
        with contextlib.closing(sqlite3.connect(broken + ".bookfs")) as db, db:
            db.execute("UPDATE picture_data SET bytes = substr(bytes, 1, 500) WHERE id = 2")
        self.done("--pdf", broken, pdf)
        self.assertEqual(len(re.findall(rb"/Type /Page\b", read(pdf))), 8)

    def ended(self, end, shape, out, part):
        """The exit code of an export that is told to end while it writes; a part that is a FIFO holds it there."""
        p = subprocess.Popen([BOOKFS, "export", *shape, self.book, out], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        fifo = os.path.exists(part)
        harness.wait_for(lambda: p.poll() is not None or (harness.waits_in(p.pid, part) if fifo else os.path.exists(part)))
        p.send_signal(end)
        return p.wait(30)

    def test_ended(self):
        """Nothing half is left, but by kill -9; and what that leaves is in nobody's way."""
        for shape, end in (("cbz", signal.SIGTERM), ("html", signal.SIGINT), ("", signal.SIGHUP)):
            out = self.path("-out" + shape)
            part = os.path.join(self.tmp, ".%s.part" % os.path.basename(out))
            if shape != "cbz":
                part = os.path.join(out, "images/.chapter_1_scene_1.png.part")
                os.makedirs(os.path.dirname(part))
            os.mkfifo(part)
            self.assertEqual(self.ended(end, ["--" + shape] if shape else [], out, part), -end)
            self.assertFalse(os.path.exists(part), shape)
        out = self.path(".pdf")
        part = os.path.join(self.tmp, ".%s.part" % os.path.basename(out))
        for end in (signal.SIGINT, signal.SIGKILL):     # it may be done before it is told
            harness.wait_for(lambda end=end: self.ended(end, ["--pdf"], out, part) == -end)
            self.assertEqual(os.path.exists(part), end == signal.SIGKILL)
        self.done("--pdf", self.book, out)
        self.assertFalse(os.path.exists(part))

    def test_refused(self):
        other = self.path(".txt")
        write(other, "CHAPTER I\n\nA lamp was lit by the sea.\n")
        file = self.path("-file")
        write(file, "mine")
        self.refused("no store", other, self.path("-out"))
        self.assertEqual([n for n in os.listdir(self.tmp) if n.startswith(os.path.basename(other) + ".")], [])
        self.refused("Not a directory", self.book, file)
        self.refused("No such file", "--epub", self.book, "/nowhere/at/all.epub")
        self.refused("No such file", "--pdf", self.book, "/nowhere/at/all.pdf")
        self.refused("no such book", "/nowhere.epub", self.path("-out"))
        self.refused("one shape", "--epub", "--html", self.book, "x", status=2)
        self.refused("name a book", self.book, status=2)
        self.assertEqual(read(file), b"mine")

    def test_not_among_the_chapters(self):
        """A folder of texts is a book of all of them: an export into it would be chapters. In a project it is none."""
        notes, project = self.path("-notes"), self.path("-project")
        for folder, name in ((notes, "one.md"), (notes, "two.md"), (project, "Manuscript/Chapters/Chapter_01/Chapter_01.md")):
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            write(os.path.join(folder, name), "# A lamp\n\nIt was lit by the sea.\n")
            self.assertEqual(bookfs("run", "--no-images", folder).returncode, 0)
        before = sorted(os.listdir(notes))
        for out in (notes, notes + "/out", notes + "/../" + os.path.basename(notes) + "/out"):
            self.refused("name a folder elsewhere", notes, out)
            self.refused("name a folder elsewhere", "--html", notes, out)
        self.assertEqual(sorted(os.listdir(notes)), before)
        self.done(notes, notes + "/.out")
        self.done(project, project + "/out")
        for folder, count in ((notes, 2), (project, 1)):
            self.assertIn("chapters: %d completed" % count, bookfs("status", folder).stdout)
            self.assertNotIn("has changed", bookfs("status", folder).stdout)

    def test_what_gives_way(self):
        """A file of that name does; not what the export is made from, nor what would be no device any more."""
        folder = self.path("-folder")
        os.mkdir(folder)
        book, link, fifo, old = (os.path.join(folder, name) for name in ("b.epub", "link.epub", "fifo", "old"))
        for end in ("", ".bookfs"):
            shutil.copy(self.book + end, book + end)
        write(book + ".bookfs-locks", "")
        os.symlink("b.epub", link)
        os.mkfifo(fifo)
        write(old, "of an earlier export")
        before = {name: os.lstat(os.path.join(folder, name)).st_ino for name in os.listdir(folder)}
        for shape in ("--epub", "--cbz"):
            for out, says in ((book, "the book itself"), (link, "the book itself"), (book + ".bookfs", "the book's store"),
                              (book + ".bookfs-locks", "the book's store"), (fifo, "no regular file"),
                              (folder, "a directory")):
                self.refused(says, shape, book, out)
        self.assertEqual({name: os.lstat(os.path.join(folder, name)).st_ino for name in os.listdir(folder)}, before)
        os.symlink("old", old + "-link")
        self.done("--epub", book, old + "-link")
        self.assertEqual(os.readlink(old + "-link"), "old")
        self.assertTrue(zipfile.is_zipfile(old))


if __name__ == "__main__":
    unittest.main()
