#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bookfs history and bookfs undo: what they say, with a mount and without, and whom they ask."""

import json
import os
import sqlite3
import unittest

import harness

REMOVED, STYLE = 1, 5  # enum edit_kind


class History(harness.Case):
    def setUp(self):
        super().setUp()
        self.store = self.book + ".bookfs"

    def analyse(self, chapters="2-4"):
        self.assertEqual(self.run_bookfs("run", "--no-images", "--chapters", chapters, self.book).returncode, 0)

    def edit(self, kind, chapter, subject, *also):
        """As a mount does it, in one transaction."""
        db = sqlite3.connect(self.store, timeout=30)
        with db:
            edit = db.execute("INSERT INTO edit (time_ms, kind, chapter, subject, detail) VALUES (?, ?, ?, ?, '')",
                              (1700000000123, kind, chapter, subject)).lastrowid
            for sql in also:
                db.execute(sql, {"edit": edit, "chapter": chapter})
        db.close()
        return edit

    def remove(self, chapter):
        return self.edit(REMOVED, chapter, "chapters/%d/concepts.json" % chapter,
                         "UPDATE analysis SET hidden_by = :edit WHERE text ="
                         " (SELECT text FROM chapter WHERE number = :chapter)")

    def history(self, where, *flags):
        done = self.run_bookfs("history", *flags, where)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def edits(self, where):
        return json.loads(self.history(where, "--json"))["edits"]

    def done(self, where):
        """The chapters that have an analysis."""
        status = json.loads(self.run_bookfs("status", "--json", where).stdout)
        return [c["number"] for c in status["chapters"] if c["status"] == "completed"]

    def undo(self, *words):
        done = self.run_bookfs("undo", *words)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_lists_and_takes_back(self):
        self.analyse()
        self.assertEqual(self.history(self.book), "nothing was edited or removed\n")
        self.assertEqual(self.undo(self.book), "nothing is left to undo\n")
        for chapter in (2, 3, 4):
            self.remove(chapter)
        self.assertEqual(self.done(self.book), [])
        lines = self.history(self.book).splitlines()
        self.assertEqual(lines[0], "   3  2023-11-14T22:13:20Z  removed        chapters/4/concepts.json")
        self.assertEqual(len(lines), 3)
        self.assertEqual(self.undo(self.book), "undone: %s\n" % lines[0])
        self.assertEqual(self.done(self.book), [4])
        self.assertTrue(self.history(self.book).startswith(lines[0] + "  (undone)\n" + lines[1] + "\n"))
        newest, older = self.edits(self.book)[:2]
        self.assertEqual((newest["number"], newest["what"], newest["subject"], newest["chapter"]),
                         (3, "removed", "chapters/4/concepts.json", 4))
        self.assertEqual(newest["time"], "2023-11-14T22:13:20.123Z")
        self.assertIsNotNone(newest["undone"])
        self.assertIsNone(older["undone"])
        self.assertEqual(self.undo(self.book, "1").splitlines(), ["undone: " + lines[1]])
        self.assertEqual(self.undo(self.book, "--all").splitlines(), ["undone: " + lines[2]])
        self.assertEqual(self.done(self.book), [2, 3, 4])
        self.assertEqual(self.run_bookfs("check", self.book).returncode, 0)

    def test_mounted(self):
        self.analyse()
        m = self.mount("trigger=never,images=off")
        with open(m.path("chapters/3/concepts.json")) as f:
            before = f.read()
        self.remove(3)
        self.assertEqual(len(self.edits(m.dir)), 1)
        self.assertTrue(self.undo(m.dir).startswith("undone:    1 "))
        harness.wait_for(lambda: 3 in self.done(m.dir), what="the mount to show it")
        self.assertEqual(m.read("chapters/3/concepts.json"), before)
        self.assertEqual(self.undo(m.dir, "--all"), "nothing is left to undo\n")

    def test_asks_for_locks(self):
        self.analyse()
        self.remove(2)
        self.assertEqual(self.run_bookfs("lock", "--as", "other-1", self.book, "Chapter_02").returncode, 0)
        refused = self.run_bookfs("undo", "--as", "me-1", self.book)
        self.assertEqual((refused.returncode, refused.stdout), (75, ""))
        self.assertIn("Chapter_02 is held by other-1", refused.stderr)
        self.assertEqual(refused.stderr.count("\n"), 1)
        self.assertEqual(self.done(self.book), [3, 4])
        self.assertEqual(len(self.undo("--as", "other-1", self.book).splitlines()), 1)  # whose lock it is
        self.assertEqual(self.done(self.book), [2, 3, 4])
        self.assertIn("Chapter_02", self.run_bookfs("locks", self.book).stdout)  # and stays
        self.edit(STYLE, 0, "style.md")
        self.assertEqual(self.run_bookfs("lock", "--as", "other-1", self.book, "StyleSystem").returncode, 0)
        self.assertEqual(self.run_bookfs("undo", "--as", "me-1", self.book).returncode, 75)

    def test_refuses(self):
        for words in (["history"], ["undo"], ["undo", self.book, "0"], ["undo", self.book, "x"],
                      ["undo", self.book, "1", "--all"], ["undo", self.book, "1", "2"],
                      ["history", self.book, "2"], ["history", "--all", self.book]):
            done = self.run_bookfs(*words)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), words)
        for command in ("history", "undo"):
            done = self.run_bookfs(command, self.book)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("has no store yet", done.stderr)
            self.assertEqual(os.listdir(self.tmp), ["book.epub"], "and nothing is made for it")
            self.assertIn("usage: bookfs " + command, self.run_bookfs(command, "--help").stdout)


if __name__ == "__main__":
    harness.main()
