#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a demanding newcomer and a hostile machine try: wrong words, odd books, stores that are not
stores, names at the limits, a dead helper, no fonts, a book that changes."""

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import unittest

import harness
from harness import BOOKFS, make_book, wait_for

NO_FONTS = '<?xml version="1.0"?><fontconfig></fontconfig>\n'
SENTENCE = "The tall lighthouse stood white against a black sky, and Captain Morrow lifted the brass lantern."


def markdown(chapters):
    return "\n\n".join("# Chapter %d\n\n%s" % (n, text) for n, text in enumerate(chapters, 1)) + "\n"


class User(harness.Case):
    chapters = 3

    def bookfs(self, *args, **kw):
        return self.run_bookfs(*args, program=BOOKFS, **kw)

    def write(self, name, data):
        path = os.path.join(self.tmp, name)
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return path

    def fails(self, status, said, *args, **kw):
        """One line, on stderr, that says what to do."""
        r = self.bookfs(*args, **kw)
        self.assertEqual(r.returncode, status, r)
        self.assertRegex(r.stderr, said)
        self.assertEqual(r.stderr.count("\n"), 1, r.stderr)
        self.assertEqual(r.stdout, "")


class Words(User):
    def test_a_folder_is_no_book_and_gets_no_store(self):
        folder = os.path.join(self.tmp, "folder")
        os.mkdir(folder)
        for command in (["run", folder], ["check", folder], [folder, "mnt"]):
            self.fails(1, "name an EPUB, text, Markdown or HTML file", *command)
        self.fails(1, "no book is mounted|name an EPUB", "status", folder)
        self.assertFalse(os.path.exists(folder + ".bookfs"))

    def test_a_book_without_an_end_is_refused_at_once(self):
        fifo = os.path.join(self.tmp, "fifo")
        os.mkfifo(fifo)
        for path in ("/dev/zero", fifo):
            self.fails(1, "is no book", "run", path, timeout=30)

    def test_an_empty_word_is_named(self):
        self.fails(2, "word 1 is empty", "", "mnt")
        self.fails(2, "word 2 is empty", self.book, "")
        self.fails(2, "word 1 is empty", "run", "")

    def test_what_was_typed_is_one_line(self):
        """Without an escape for the terminal; and what is wrong with it stands behind, however long it is."""
        for word in ("a\nb", "\033[31mred", b"\xff\xfe", "x" * 20000):
            for said, command in (("one word too many", ["config", word]), ("is not known", ["run", b"--" + os.fsencode(word)]),
                                  ("how many edits", ["undo", self.book, word])):
                r = subprocess.run([BOOKFS, *command], capture_output=True)
                self.assertEqual((r.returncode, r.stdout), (2, b""))
                self.assertRegex(r.stderr.decode(), r"^bookfs: [^\0-\x1f\x7f]{1,600}\(see bookfs %s --help\)\n$" % command[0])
                self.assertIn(said, r.stderr.decode())

    def test_a_wrong_list_of_chapters_is_a_usage_error(self):
        for text in ("", ",", "1,", "1,,2", "x", "3-1", "0", "99", "-1", "99999999999999999999"):
            with self.subTest(chapters=text):
                self.fails(2, "--chapters", "run", "--chapters=" + text, self.book)

    def test_an_answer_that_cannot_be_printed_is_a_failure(self):
        self.assertEqual(self.bookfs("run", "--no-images", self.book).returncode, 0)
        for command in (["--help"], ["run", "--help"], ["status", self.book], ["status", "--json", self.book],
                        ["check", self.book], ["run", "--json", self.book], ["run", "--no-images", self.book]):
            with self.subTest(command=command), open("/dev/full", "w") as full:
                r = subprocess.run([BOOKFS, *command], stdout=full, stderr=subprocess.PIPE, text=True, cwd=self.tmp)
                self.assertEqual(r.returncode, 1)
                self.assertIn("No space left on device", r.stderr)

    def test_a_reason_is_not_lost_behind_a_long_path(self):
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        os.chdir(self.tmp)
        while len(os.getcwd()) < 3000:
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
        r = subprocess.run([BOOKFS, "run", "nothing.epub"], capture_output=True, text=True)
        self.assertIn("there is no such book", r.stderr)
        with open("empty.epub", "w"):
            r = subprocess.run([BOOKFS, "run", "empty.epub"], capture_output=True, text=True)
        self.assertIn("empty", r.stderr.rsplit("empty.epub", 1)[-1][-60:])


class Books(User):
    def test_only_the_changed_chapter_is_analysed_again(self):
        texts = [SENTENCE * 9 + " Part %d." % n for n in range(5)]
        book = self.write("b.md", markdown(texts))

        def analysed():
            r = self.bookfs("run", "--no-images", book)
            self.assertEqual(r.returncode, 0, r.stderr)
            return re.findall(r"chapter (\d+): analysed", r.stderr)
        self.assertEqual(sorted(analysed()), ["1", "2", "3", "4", "5"])
        changed = list(texts)
        changed[2] += " Something else happened."
        self.write("b.md", markdown(changed))
        self.assertEqual(analysed(), ["3"])
        self.write("b.md", markdown(texts))
        self.assertEqual(analysed(), [])

    def test_a_renamed_book_finds_its_store_and_shows_its_name(self):
        book = self.write("old.md", markdown([SENTENCE * 9] * 2))
        self.assertEqual(self.bookfs("run", "--no-images", book).returncode, 0)
        new = os.path.join(self.tmp, "new.md")
        os.rename(book, new)
        self.assertIn("2 completed", self.bookfs("status", new).stdout)
        self.book = new
        m = self.mount("trigger=never", program=BOOKFS)
        self.assertEqual(os.listdir(m.path("source")), ["new.md"])
        self.assertIn(SENTENCE, m.read("source/new.md"))

    def test_names_of_every_kind(self):
        with open(self.book, "rb") as f:
            data = f.read()
        for name in (b"a b.epub", b"new\nline.epub", b"it's \"q\".epub", b"bad\xff\xfe.epub", b"-o.epub",
                     b"\\x.epub", b"a,b=c.epub"):
            with self.subTest(name=name):
                path = os.path.join(os.fsencode(self.tmp), name)
                with open(path, "wb") as f:
                    f.write(data)
                mnt = os.path.join(self.tmp, "mnt")
                for words in (["run", "--no-images", "--", name], ["-o", "trigger=never", "--", name, mnt],
                              ["status", mnt], ["umount", mnt]):
                    r = subprocess.run([BOOKFS, *words], cwd=self.tmp, capture_output=True, timeout=30)
                    self.assertEqual(r.returncode, 0, r.stderr)

    def test_a_name_of_255_bytes_keeps_its_results(self):
        for stem in ("x" * 250, "é" * 125, "y" * 240):
            with self.subTest(stem=stem[:1]):
                path = os.path.join(self.tmp, stem + ".epub")
                make_book(path, 1)
                r = self.bookfs("run", "--no-images", path)
                self.assertEqual(r.returncode, 0, r.stderr[-200:])
                self.assertIn("1 completed", self.bookfs("status", path).stdout)

    def test_text_in_every_coding(self):
        word = "Café"
        for name, data in (("latin1", word.encode("latin-1")), ("utf8", word.encode()),
                           ("le", b"\xff\xfe" + word.encode("utf-16-le")),
                           ("be", b"\xfe\xff" + word.encode("utf-16-be"))):
            with self.subTest(coding=name):
                self.book = self.write(name + ".txt", data)
                m = self.mount("trigger=never", name="mnt-" + name, program=BOOKFS)
                self.assertIn(word, m.read("chapters/1/text.md"))

    def test_titles_cannot_leave_their_folder(self):
        titles = ["Same"] * 40 + ["../../etc/passwd", ".", "..", "a/b", "X" * 10000, "שלום", "🚀"]
        self.book = self.write("t.md", "\n\n".join("# %s\n\n%s" % (t, SENTENCE) for t in titles))
        m = self.mount("trigger=never", program=BOOKFS)
        names = os.listdir(m.path("by-title"))
        self.assertEqual(len(set(names)), len(titles))
        for n in names:
            self.assertLessEqual(len(os.fsencode(n)), 255)
            self.assertRegex(os.readlink(m.path("by-title", n)), r"^\.\./chapters/\d+$")


    def test_a_book_that_was_overwritten_says_so(self):
        make_book(self.book, 120, 2000)  # more than what was read of it by the way
        m = self.mount("trigger=never", program=BOOKFS)
        text = m.read("chapters/60/text.md")
        with open(self.book, "r+b") as f:
            f.write(os.urandom(1000000))
        with self.assertRaises(OSError):
            m.read("source/c60.xhtml")
        self.assertRegex(m.read(".bookfs/why"), "changed")
        self.assertEqual(m.read("chapters/60/text.md"), text)


class Stores(User):
    def test_a_store_of_no_bytes_is_a_new_one(self):
        self.write("book.epub.bookfs", "")
        r = self.bookfs("run", "--no-images", self.book)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("no fault", self.bookfs("check", self.book).stdout)

    def test_a_store_without_a_book_says_so(self):
        """Its import failed, as on a full disk."""
        for command in (["check"], ["export", "--pdf"], ["export"]):
            self.fails(1, "no store yet; bookfs run", *command, self.book, *(["out"] if command[0] == "export" else []))
        self.assertEqual(self.bookfs("run", "--no-images", self.book).returncode, 0)
        with contextlib.closing(sqlite3.connect(self.book + ".bookfs")) as c, c:
            c.execute("DELETE FROM book")
        for command in (["status"], ["export"], ["export", "--epub"], ["export", "--html"]):
            self.fails(1, "holds no book yet; bookfs run", *command, self.book, *(["out"] if command[0] == "export" else []))
        self.assertFalse(os.path.exists(os.path.join(self.tmp, "out")))
        self.assertEqual(self.bookfs("run", "--no-images", self.book).returncode, 0)

    def test_what_is_no_store_is_left_alone(self):
        for data in (b"hello world", bytes(8192), b"SQLite format 3\0" + os.urandom(4080)):
            with self.subTest(data=data[:16]):
                self.write("book.epub.bookfs", data)
                for command in ("run", "status", "check"):
                    self.fails(1, "--store", command, self.book)
                with open(self.book + ".bookfs", "rb") as f:
                    self.assertEqual(f.read(), data)

    def test_a_newer_store_is_named_as_such(self):
        self.assertEqual(self.bookfs("run", "--no-images", self.book).returncode, 0)
        c = sqlite3.connect(self.book + ".bookfs")
        c.execute("PRAGMA user_version=99")
        c.close()
        for command in ("run", "status", "check"):
            self.fails(1, "newer bookfs", command, self.book)

    def test_a_damaged_store_says_what_to_do(self):
        self.assertEqual(self.bookfs("run", "--no-images", self.book).returncode, 0)
        with open(self.book + ".bookfs", "r+b") as f:
            for at in range(8192, os.path.getsize(f.name), 3 * 4096):
                f.seek(at)
                f.write(b"\x5a" * 200)
        r = self.bookfs("check", self.book)
        lines = r.stdout.splitlines()
        self.assertEqual(r.returncode, 1)
        self.assertEqual(len(lines), len(set(lines)), "no line twice")
        for command in ("run", "status"):
            r = self.bookfs(command, self.book)
            self.assertEqual(r.returncode, 1)
            self.assertRegex(r.stderr, "damaged.*(move|remove|copy|--store)")


class Machine(User):
    def test_without_fonts_no_picture_is_called_done(self):
        conf = self.write("fonts.conf", NO_FONTS)
        r = self.bookfs("run", "--chapters", "1", self.book, FONTCONFIG_FILE=conf)
        self.assertEqual(r.returncode, 1)
        self.assertIn("font", r.stderr)
        r = self.bookfs("run", "--chapters", "1", self.book)  # with fonts again
        self.assertEqual(r.returncode, 0, r.stderr)

    def test_few_descriptors_give_one_line(self):
        r = subprocess.run(["sh", "-c", "ulimit -n 9 && exec \"$0\" run \"$1\"", BOOKFS, self.book],
                           capture_output=True, text=True, timeout=30)
        self.assertEqual(r.returncode, 1)
        self.assertIn("Too many open files", r.stderr)

    def test_homeless(self):
        for name in ("HOME", "PATH", "XDG_STATE_HOME"):
            env = {k: v for k, v in os.environ.items() if k != name}
            r = subprocess.run([BOOKFS, "run", "--no-images", self.book], env=env, capture_output=True, timeout=30)
            self.assertEqual(r.returncode, 0, r.stderr)

    def test_a_store_that_cannot_be_written_says_so(self):
        """On a disk that is read only: what would make an analysis elsewhere does not here."""
        self.assertEqual(self.bookfs("run", "--no-images", "--chapters", "1", self.book).returncode, 0)
        os.mkdir(os.path.join(self.tmp, "mnt"))
        script = """mount --bind . . && mount -o remount,ro,bind . && cd "$PWD" && mount -t tmpfs none mnt &&
            "$0" book.epub mnt/m || exit
            cat mnt/m/chapters/1/title mnt/m/chapters/2/concepts.json; cat mnt/m/.bookfs/why
            echo analyze 2 > mnt/m/.bookfs/ctl; cat mnt/m/.bookfs/why; "$0" umount mnt/m"""
        r = subprocess.run(["unshare", "-m", "sh", "-c", script, BOOKFS], cwd=self.tmp, capture_output=True, text=True, timeout=60)
        if r.stderr.startswith("unshare:"):
            self.skipTest(r.stderr.strip())
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(re.findall("^errno: ([A-Z]+)", r.stdout, re.M), ["ENODATA", "EROFS"])
        self.assertEqual(re.findall("^reason: (.*)", r.stdout, re.M),
                         ["chapter 2 is not analysed, and reading it starts no analysis here", "the store cannot be written"])
        self.assertEqual(len(re.findall("^remedy: .*--store PATH", r.stdout, re.M)), 2, r.stdout)

    def test_an_estimate_needs_no_place_for_a_store(self):
        script = """mount --bind . . && mount -o remount,ro,bind . && cd "$PWD" && export XDG_STATE_HOME="$PWD" || exit
            "$0" run book.epub; "$0" estimate book.epub"""
        r = subprocess.run(["unshare", "-m", "sh", "-c", script, BOOKFS], cwd=self.tmp, capture_output=True, text=True, timeout=60)
        if r.stderr.startswith("unshare:"):
            self.skipTest(r.stderr.strip())
        self.assertRegex(r.stderr, "^bookfs: .*say where to keep the store with --store\n$")
        self.assertEqual((r.returncode, r.stdout), (0, "3 chapters to analyse, 3 pictures to paint\nno server is asked\n"))

    def test_a_dead_helper_leaves_no_zombie(self):
        m = self.mount(program=BOOKFS)
        children = "/proc/%d/task/%d/children" % (m.process.pid, m.process.pid)

        def of_mount():
            with open(children) as f:
                return f.read().split()
        helper = of_mount()
        self.assertEqual(len(helper), 1)
        os.kill(int(helper[0]), signal.SIGKILL)
        wait_for(lambda: not os.path.exists("/proc/" + helper[0]), what="the helper to be reaped")
        self.assertIn("completed", m.read("chapters/1/concepts.json"))

    def test_a_stopped_daemon_goes_on(self):
        m = self.mount(program=BOOKFS)
        m.process.send_signal(signal.SIGSTOP)
        path = m.path("chapters/2/concepts.json")
        reader = subprocess.Popen(["cat", path], stdout=subprocess.PIPE, text=True)
        wait_for(lambda: harness.waits_at(reader.pid, path), what="the reader to ask")
        self.assertIsNone(reader.poll())
        m.process.send_signal(signal.SIGCONT)
        self.assertIn("completed", reader.communicate(timeout=60)[0])

    def test_head_of_the_events_says_nothing_else(self):
        m = self.mount(program=BOOKFS)
        wait_for(lambda: "mounted" in m.read(".bookfs/events.log"), what="the mount's own event")
        head = subprocess.Popen(["head", "-n", "1", m.path(".bookfs/events")], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)
        self.addCleanup(head.kill)
        wait_for(lambda: harness.waits_in(head.pid, m.dir), what="head to wait in its read")
        m.command("analyze all\n")
        out, err = head.communicate(timeout=60)
        self.assertEqual(err, "")
        self.assertEqual(out.count("\n"), 1)

    def test_commands_through_every_shell_idiom(self):
        m = self.mount("images=off", program=BOOKFS)
        ctl = m.path(".bookfs/ctl")
        for line in ("echo analyze 1 > %s", "echo -n analyze 2 >> %s", "printf 'analyze 1\\nanalyze 3\\n' > %s",
                     "echo resume | tee %s", "printf 'resume\\r\\n' > %s", "cp cmd %s", "dd if=cmd of=%s conv=notrunc"):
            with self.subTest(line=line):
                self.write("cmd", "analyze 2\n")
                r = subprocess.run(["bash", "-c", line % ctl], cwd=self.tmp, capture_output=True, text=True)
                self.assertEqual(r.returncode, 0, r.stderr)
        for line in ("echo bogus > %s", "echo analyze 99 > %s", "head -c 9999 /dev/zero > %s", "echo analyze -1 > %s",
                     "head -c 99 /dev/urandom > %s", "rm %s", "mv %s x", "truncate -s 0 ../book.json"):
            with self.subTest(line=line):
                r = subprocess.run(["bash", "-c", line % ctl if "%s" in line else line], cwd=m.path(".bookfs"),
                                   capture_output=True, text=True)
                self.assertNotEqual(r.returncode, 0)


if __name__ == "__main__":
    harness.main()
