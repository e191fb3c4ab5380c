# SPDX-License-Identifier: MIT
"""Import: an export comes back whole, chapters find their places by what they quote, and what cannot be taken is named
and harms nothing."""

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

import harness

BOOKFS = harness.BOOKFS
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def bookfs(*args):
    return subprocess.run([BOOKFS, *args], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)


class Import(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Not on a disk: each of some thousand files would be waited for until it is there.
        cls.tmp = os.path.realpath(tempfile.mkdtemp(prefix="bookfs-test-", dir=MEMORY))
        cls.addClassCleanup(shutil.rmtree, cls.tmp)
        made = os.path.join(cls.tmp, "made.epub")
        harness.make_book(made)
        assert bookfs("run", made).returncode == 0
        cls.folder = os.path.join(cls.tmp, "folder")
        assert bookfs("export", made, cls.folder).returncode == 0

    def setUp(self):
        self.dir = os.path.join(self.tmp, self.id().rsplit(".", 1)[1])
        os.mkdir(self.dir)
        self.book = self.path("book.epub")
        harness.make_book(self.book)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text):
        path = self.path("theirs", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())

    def taken(self, folder, says, *lost):
        done = bookfs("import", self.book, folder)
        self.assertEqual((done.stdout, done.returncode), (says + "\n", 0), done.stderr)
        self.assertEqual(done.stderr.count("\n"), len(lost), done.stderr)
        for line in lost:
            self.assertIn(line, done.stderr)

    def exported(self):
        out = tempfile.mkdtemp(dir=self.dir)
        self.assertEqual(bookfs("export", self.book, out).returncode, 0)
        return out

    def chapter(self, number):
        with open(os.path.join(self.exported(), "chapters/%d/concepts.json" % number), encoding="utf-8") as f:
            return json.load(f)

    def shown(self, book):
        """Every file and link of a mount but .bookfs/, which is the mount's own."""
        found, mnt = {}, tempfile.mkdtemp(dir=self.dir)
        mount = harness.Mount(book, mnt, program=BOOKFS)
        try:
            for folder, folders, files in os.walk(mnt):
                if folder == mnt:
                    folders.remove(".bookfs")
                for name in folders + files:
                    path = os.path.join(folder, name)
                    key = os.path.relpath(path, mnt)
                    if os.path.islink(path):
                        found[key] = os.readlink(path)
                    elif os.path.isfile(path):
                        with open(path, "rb") as f:
                            found[key] = f.read()
        finally:
            mount.end()
        return found

    def test_whole(self):
        """An export comes back into an empty store to the byte, with what happened and what it took."""
        made, folder = self.path("made/book.epub"), self.path("export")
        os.mkdir(self.path("made"))
        for book in (made, self.book):
            shutil.copy(os.environ["EXAMPLE"], book)
        self.assertEqual(bookfs("run", made).returncode, 0)
        self.older_picture(made + ".bookfs")
        self.edit(made)
        self.assertEqual(bookfs("export", made, folder).returncode, 0)
        self.taken(folder, "taken: 17 chapters, 17 pictures; there already: 0; not taken: 0")
        was, is_now = self.shown(made), self.shown(self.book)
        self.assertEqual([k for k in was.keys() | is_now.keys() if was.get(k) != is_now.get(k)], [])
        self.assertGreater(len(was), 250)
        self.assertIn(b"Drew ch6_scene1 of", was["progress.md"])
        self.taken(folder, "taken: 0 chapters, 0 pictures; there already: 34; not taken: 0")
        self.assertEqual(bookfs("check", self.book).returncode, 0)
        self.assertEqual(bookfs("history", made).stdout, bookfs("history", self.book).stdout)
        for book in (made, self.book):
            self.assertEqual(bookfs("undo", "--all", book).returncode, 0)
        self.assertEqual(*[{k: v for k, v in self.shown(book).items() if k.startswith(("images", "elements", "style"))}
                           for book in (made, self.book)])
        with contextlib.closing(sqlite3.connect(self.book + ".bookfs")) as db:
            self.assertEqual(db.execute("SELECT count(*) FROM picture_data").fetchone(), (17,))

    def edit(self, book):
        """What a person may do, each once; and a second portrait."""
        mount = harness.Mount(book, self.path("edit"), program=BOOKFS)
        try:
            chapter = json.loads(mount.read("chapters/6/concepts.json"))
            chapter["concepts"][0]["mood"] = "grim"
            element = mount.read("elements/characters/Pim.md").replace("**Description:** ", "**Description:** Red hair; ", 1)
            for path, text in (("chapters/6/concepts.json", json.dumps(chapter)), ("style.md", "Pen and ink.\n"),
                               ("elements/characters/Pim.md", element)):
                with open(mount.path(path), "w", encoding="utf-8") as f:
                    f.write(text)
            for n in (9, 10):
                shutil.copy(mount.path("images/chapter_%d_scene_1.png" % n), mount.path("elements/characters/Pim.png"))
            os.unlink(mount.path("images/chapter_8_scene_1.png"))
        finally:
            mount.end()

    @staticmethod
    def older_picture(store):
        """Scene 2 has a newer picture: what it had before lies in no folder of the mount."""
        with contextlib.closing(sqlite3.connect(store)) as db, db:
            other = db.execute("SELECT bytes FROM picture_data WHERE id = 1").fetchone()[0]
            columns = [c[1] for c in db.execute("PRAGMA table_info(picture)")]
            values = [{"id": "99", "hash": "?", "size_bytes": "?"}.get(c, c) for c in columns]
            db.execute("INSERT INTO picture SELECT %s FROM picture WHERE id = 2" % ", ".join(values),
                       (hashlib.sha256(other).hexdigest(), len(other)))
            db.execute("INSERT INTO picture_data VALUES (99, ?)", (other,))

    def test_changed(self):
        """Who edits a file of the folder means it to be read: then no record tells better."""
        folder = self.path("edited")
        shutil.copytree(self.folder, folder)
        path = os.path.join(folder, "chapters/2/concepts.json")
        with open(path, encoding="utf-8") as f:
            chapter = json.load(f)
        chapter["concepts"][0]["description"] = "An old man lifts a lamp"
        with open(path, "w", encoding="utf-8") as f:
            json.dump(chapter, f)
        self.taken(self.folder, "taken: 6 chapters, 6 pictures; there already: 0; not taken: 0")
        self.taken(folder, "taken: 1 chapters, 1 pictures; there already: 10; not taken: 0",
                   ".bookfs/store.ndjson is not used, the files beside it are read: files were changed")
        self.assertEqual(self.chapter(2)["concepts"][0]["description"], "An old man lifts a lamp")
        self.assertEqual(self.chapter(3)["provider"], "builtin")

    def test_strange_record(self):
        """What is no record of ours is not used; the files are."""
        for n, (change, says) in enumerate((
                (lambda s: s.replace('["concept",1,', '["concept",1,9', 1), "contradict|fits no row"),
                (lambda s: s.replace('["analysis"', '["anal', 1), "known kind"),
                (lambda s: s.replace('["bookfs",', '["bookfs",9', 1), "another bookfs"),
                (lambda s: "", "changed since"))):
            book, folder = self.path("%d.epub" % n), self.path("folder%d" % n)
            shutil.copy(self.book, book)
            shutil.copytree(self.folder, folder)
            path = os.path.join(folder, ".bookfs/store.ndjson")
            with open(path, encoding="utf-8") as f:
                text = f.read()
            with open(path, "w", encoding="utf-8") as f:
                f.write(change(text))
            done = bookfs("import", book, folder)
            self.assertRegex(done.stderr, says)
            self.assertEqual(done.stdout, "taken: 6 chapters, 6 pictures; there already: 0; not taken: 0\n")
            self.assertEqual(bookfs("check", book).returncode, 0)

    def test_there_and_back(self):
        self.taken(self.folder, "taken: 6 chapters, 6 pictures; there already: 0; not taken: 0")
        self.taken(self.folder, "taken: 0 chapters, 0 pictures; there already: 12; not taken: 0")
        out = self.exported()
        for n in range(1, 7):
            name = "images/chapter_%d_scene_1.png" % n
            with open(os.path.join(self.folder, name), "rb") as a, open(os.path.join(out, name), "rb") as b:
                self.assertEqual(a.read(), b.read())
            pair = []
            for root in (self.folder, out):
                with open(os.path.join(root, "chapters/%d/concepts.json" % n), encoding="utf-8") as f:
                    pair.append(json.load(f)["concepts"])
            self.assertEqual(*pair)

    def test_other_numbers(self):
        """Their first chapter is our third: it quotes it. The scene's picture goes along."""
        quote = "Elin ran through the wet grass, her yellow scarf bright in the pale morning light. It was the evening 0 of part 3."
        self.write(".imaginize.state.json", json.dumps({"version": "2.0.0", "phases": {"analyze": {"chapters": {"1": {
            "status": "completed", "completedAt": "2024-02-29T23:59:58.007Z", "sceneConcepts": [{"quote": quote, "description": "A girl runs", "mood": "bright"}],
            "elements": [{"type": "character", "name": "Elin", "description": "a yellow scarf"}]}}}}}))
        shutil.copy(os.path.join(self.folder, "images/chapter_2_scene_1.png"), self.path("theirs/chapter_1_run_scene_1.png"))
        self.taken(self.path("theirs"), "taken: 1 chapters, 1 pictures; there already: 0; not taken: 0")
        concept = self.chapter(3)["concepts"][0]
        self.assertEqual((concept["description"], concept["mood"], concept["quote"]), ("A girl runs", "bright", quote))
        self.assertEqual(self.chapter(3)["completedAt"], "2024-02-29T23:59:58.007Z")
        self.assertEqual(os.listdir(os.path.join(self.exported(), "images")), ["chapter_3_scene_1.png"])

    def test_cast_of_the_book(self):
        self.write("Chapters.md", "### Chapter 2\n#### Scene 1\n> Captain Morrow, an old man with a grey beard\n"
                   "**Visual Elements:** The captain\n")
        self.write("Elements.md", "## Characters\n### Captain Morrow\nA sailor.\n### Nobody\nIs not in it.\n")
        self.taken(self.path("theirs"), "taken: 1 chapters, 0 pictures; there already: 0; not taken: 1",
                   'not taken: Elements.md: "Nobody": no chapter that was taken names it')
        with open(os.path.join(self.exported(), "chapters/2/elements.json"), encoding="utf-8") as f:
            self.assertEqual([e["name"] for e in json.load(f)["elements"]], ["Captain Morrow"])

    def test_pictures_of_a_document(self):
        """Their Chapters.md alone says which chapter a picture's number is of: it links to it."""
        self.write("Chapters.md", "### Chapter 2\n#### Scene 1\n> Captain Morrow, an old man with a grey beard\n"
                   "**Visual Elements:** a\n**Generated Image:** [View Image](images/chapter_1_scene_1.png)\n")
        self.write(".imaginize.state.json", json.dumps({"version": "2.0.0", "phases": {"analyze": {"chapters": {"1": {
            "status": "completed", "concepts": 1, "tokensUsed": 7}}}}}))
        shutil.copy(os.path.join(self.folder, "images/chapter_2_scene_1.png"), self.path("theirs/chapter_1_scene_1.png"))
        self.taken(self.path("theirs"), "taken: 1 chapters, 1 pictures; there already: 0; not taken: 0")
        self.assertEqual(os.listdir(os.path.join(self.exported(), "images")), ["chapter_2_scene_1.png"])
        self.assertEqual(self.chapter(2)["tokensUsed"], 7)

    def test_named_and_left(self):
        with open(os.path.join(self.folder, "images/chapter_2_scene_1.png"), "rb") as f:
            data = f.read()
        self.write("Chapters.md", "### Chapter 2\n#### Scene 1\n> Captain Morrow, an old man with a grey beard\n"
                   "**Visual Elements:** a\n\n### Elsewhere\n#### Scene 1\n> No such words.\n**Visual Elements:** b\n")
        self.write(".analyze.state/chapter_2.json", "{ broken")
        self.write(".analyze.state/chapter_2b.json", json.dumps({"chapterNumber": 2, "chapterTitle": "Chapter 2", "concepts": [
            {"quote": "Captain Morrow, an old man with a grey beard", "description": "c"}]}))
        self.write("images/chapter_2_scene_1.png", data[:len(data) // 2])
        self.write("images/chapter_2_scene_7.png", data)
        self.write("images/chapter_5_scene_1.png", data)
        os.symlink("/etc/passwd", self.path("theirs/images/chapter_3_scene_1.png"))
        os.mkfifo(self.path("theirs/images/chapter_4_scene_1.png"))
        os.symlink("/dev/zero", self.path("theirs/Elements.md"))
        self.taken(self.path("theirs"), "taken: 1 chapters, 0 pictures; there already: 0; not taken: 8",
                   "not read: .analyze.state/chapter_2.json: not JSON", "Elements.md: is no regular file",
                   "\"Elsewhere\": its quotes and its title lead to no chapter", "chapter_2_scene_1.png: the PNG picture is cut",
                   "chapter_2_scene_7.png: its scene was not found", "chapter_3_scene_1.png: is no regular file",
                   "chapter_4_scene_1.png: is no regular file", "chapter_5_scene_1.png: its scene was not found")
        self.assertEqual(self.chapter(2)["concepts"][0]["description"], "c")

    def said_beside(self):
        """The lines of a mount, which `bookfs status` says too."""
        mnt = self.path("mnt")
        os.makedirs(mnt, exist_ok=True)
        mount = harness.Mount(self.book, mnt, program=BOOKFS)
        try:
            said = [line for line in mount.messages().splitlines() if "beside the book" in line]
            status = [line for line in bookfs("status", self.book).stdout.splitlines() if "beside the book" in line]
        finally:
            mount.end()
        self.assertEqual(said, ["bookfs: " + line for line in status])
        return sorted(said)

    def test_beside(self):
        """A folder that can be imported is named with the command that does it, until something was."""
        self.assertEqual(self.said_beside(), [])
        for name, files in (("imaginize_book", [".imaginize.state.json"]), ("it's \x1b[31mred\n", ["Chapters.md", "Elements.md"]),
                            ("notes", ["Chapters.md"]), ("state", [".analyze.state/manifest.json"])):
            for file in files:
                path = self.path(name, file)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as f:
                    f.write("{}")
        os.symlink(self.path("state"), self.path("linked"))
        shutil.copytree(self.folder, self.path("exported"))
        shutil.copytree(self.folder, self.path("of-another"))
        with open(self.path("of-another/book.json"), "w", encoding="utf-8") as f:
            json.dump({"title": "Another Light"}, f)
        said = self.said_beside()
        command = "bookfs import %s " % self.book
        self.assertEqual(len(said), 4)
        self.assertIn("bookfs: exported beside the book holds an export of bookfs: %s%s" % (command, self.path("exported")), said)
        self.assertIn("bookfs: imaginize_book beside the book holds what another illustrator made: %s%s" %
                      (command, self.path("imaginize_book")), said)
        self.assertIn("bookfs: it's ?[31mred? beside the book holds what another illustrator made: %s'%s/it'\\''s ?[31mred?'" %
                      (command, self.dir), said)
        self.write("Chapters.md", "### Chapter 2\n#### Scene 1\n> Captain Morrow, an old man with a grey beard\n"
                   "**Visual Elements:** The captain\n")
        self.taken(self.path("theirs"), "taken: 1 chapters, 0 pictures; there already: 0; not taken: 0")
        self.assertEqual(self.said_beside(), [])

    def test_a_mount(self):
        """Of the same book: what it shows changes with each chapter that is taken. A copy of it stands."""
        self.assertEqual(bookfs("run", self.book).returncode, 0)
        before, mnt, copy = self.exported(), self.path("mnt"), self.path("copy")
        os.mkdir(mnt)
        mount = harness.Mount(self.book, mnt, program=BOOKFS)
        try:
            done = bookfs("import", self.book, mnt)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1))
            self.assertIn("is a mount", done.stderr)
            self.assertEqual(sorted(os.listdir(os.path.join(mnt, "images"))), sorted(os.listdir(before + "/images")))
            subprocess.run(["cp", "-r", mnt, copy], check=True)
        finally:
            mount.end()
        self.taken(copy, "taken: 0 chapters, 0 pictures; there already: 12; not taken: 0")

    def test_nothing(self):
        os.mkdir(self.path("theirs"))
        for args, says in ((("/nowhere",), "No such file"), ((self.path("theirs"),), "nothing that is known"),
                           ((self.book,), "Not a directory"), ((), "name a book and a folder")):
            done = bookfs("import", self.book, *args)
            self.assertEqual((done.stdout, done.stderr.count("\n")), ("", 1), done.stderr)
            self.assertIn(says, done.stderr)
            self.assertIn(done.returncode, (1, 2))
        self.assertEqual(sorted(os.listdir(self.dir)), ["book.epub", "theirs"])
        self.write("chapters/1/concepts.json", '{"chapterNumber": 1, "status": "skipped", "concepts": []}')
        done = bookfs("import", self.book, self.path("theirs"))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^bookfs: \S+ holds no analysis and no picture\n$")


if __name__ == "__main__":
    unittest.main()
