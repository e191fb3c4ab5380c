#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Locks as written: the lines that contrib/ and README.md give to agents and authors, each of them run."""

import os
import re

import harness
from agents import Commands, main

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


class Written(Commands):
    """What contrib/ and README.md tell people and agents to type is typed here."""

    def read(self, *path):
        with open(os.path.join(ROOT, *path)) as f:
            return f.read()

    def test_prompts(self):
        """Each prompt's set by two at once: one has it, then the other."""
        rows = re.findall(r"^\| (\d+) .*?\| `(bookfs lock .*?)` *\|$", self.read("contrib/author-nonfiction/README.md"),
                          re.M)
        expected = {1: "Book", 2: "Chapter_07 ProjectConfig QuoteRegistry StyleSystem", 3: "Chapter_07",
                    4: "Chapter_07", 5: "BackMatter Chapter_07 FrontMatter ProjectConfig QuoteRegistry StyleSystem",
                    6: "BackMatter Chapter_07 FrontMatter ImageRegistry", 11: "Chapter_07 StyleSystem",
                    14: "BackMatter Chapter_07", 15: "Chapter_07 ImageRegistry", 16: "Chapter_07 ImageRegistry"}
        self.assertEqual([int(n) for n, _ in rows], sorted(expected))
        shells = {"CLI-11111": self.shell("CLI-11111"), "Desktop-22222": self.shell("Desktop-22222")}
        for number, line in rows:
            line = line.replace("XX", "07")
            runs = {who: harness.Background(a.run, line) for who, a in shells.items()}
            harness.wait_for(lambda: any(not r.is_alive() for r in runs.values()))
            self.wait_queue(1)
            first = [who for who, r in runs.items() if not r.is_alive()]
            self.assertEqual(len(first), 1, "one winner")
            second = (set(runs) - set(first)).pop()
            self.assertEqual(runs[first[0]].result()[0], 0)
            held = self.owners()
            self.assertEqual(" ".join(sorted(held)), expected[int(number)])
            self.assertEqual(set(held.values()), set(first))
            shells[first[0]].ok('bookfs unlock "$BOOK" --all')
            self.assertEqual(runs[second].result()[0], 0)
            self.assertEqual(self.owners(), dict.fromkeys(held, second))
            shells[second].ok('bookfs unlock "$BOOK" --all')

    def test_what_prompts_write(self):
        """Each resource that a prompt's files fall under is one that its line takes, or the table names the gap."""
        text = self.read("contrib/author-nonfiction/README.md")
        takes = {n: set(re.findall(r"[A-Z][A-Za-z]+_?(?:XX)?", line.split("--wait")[0].split('"$BOOK"')[1]))
                 for n, line in re.findall(r"^\| (\d+) .*?\| `(bookfs lock .*?)` *\|$", text, re.M)}
        rows = re.findall(r"^\| (\d+) \| (`.*?`) \| (`\w+`|none) \| (.*) \|$", text, re.M)
        self.assertEqual({n for n, *_ in rows}, set(takes))
        self.assertEqual(len(rows), len(re.findall(r"^\| \d+ \| ", text, re.M)))
        for n, files, resource, note in rows:
            had = resource.strip("`") in takes[n] or (resource != "none" and "Book" in takes[n])
            self.assertRegex(note, "^taken$" if had else "^gap: ", (n, files))

    def lines(self, text):
        """The commands of its `sh` blocks."""
        return [line for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S) for line in block.splitlines()
                if line and not line.startswith("#")]

    def run_block(self, text, skip=(), before="true"):
        a = self.shell("CLI-12345")
        a.ok(before)
        count = 0
        for line in self.lines(text):
            if line.startswith(skip):
                continue
            a.ok(line.replace("XX", "07"))
            count += 1
        a.ok("cd /")        # it may be in the mount
        return count

    def test_agents_md(self):
        self.mount()
        text = self.read("contrib/agents.md")
        self.assertGreater(self.run_block(text), 8)
        for part in re.findall(r"^```text\n(.*?)^```", text, re.M | re.S):
            self.assertLessEqual(len(part.splitlines()), 10, "ten lines")
            for command in re.findall(r"`((?:bookfs|touch|rm|cat|flock) [^`]*)`", part):
                self.assertIn(command, self.lines(text), "is run above")

    def test_author_nonfiction(self):
        project = os.path.join(self.tmp, "project")
        os.makedirs(os.path.join(project, "Manuscript/Chapters"))
        with open(os.path.join(project, "Manuscript/Chapters/Chapter_07.md"), "w") as f:
            f.write("# Seven\n\nA lamp.\n")
        self.addCleanup(harness.unmount_hard, project)
        text = self.read("contrib/author-nonfiction/README.md")
        self.assertGreater(self.run_block(text, ("BOOKFS_INSTANCE=",), "cd project"), 12)
        self.assertEqual(self.run_bookfs("umount", project).returncode, 0)
        start = re.search(r"^(BOOKFS_INSTANCE=\S*\$\(.*?\)) claude$", text, re.M).group(1)
        a = self.shell(None)
        said = a.ok(start + " sh -c 'bookfs lock \"$BOOK\" Chapter_09 && bookfs unlock \"$BOOK\" --all'")
        self.assertRegex(said, r"^Chapter_09 token=\d+ instance=CLI-\d{5}$")

    def test_gitignore(self):
        """No file that bookfs makes beside a book is committed by accident."""
        lines = re.search(r"^```gitignore\n(.*?)^```", self.read("contrib/author-nonfiction/README.md"),
                          re.M | re.S).group(1).split()
        for line in lines:
            self.assertTrue(line.startswith(("*", "mnt", ".bookfs.db")), line)
        import fnmatch
        m = self.mount()
        self.ok("CLI-1", "lock", "mnt", "Chapter_03")
        made = [n for n in os.listdir(self.tmp) if n.startswith("book.epub") and n != "book.epub"]
        self.assertGreater(len(made), 2)
        for name in made:
            self.assertTrue(any(fnmatch.fnmatch(name, l) for l in lines), name)
        m.end()

    def test_readme(self):
        """The console block of README.md's section: the same commands say the same, but for numbers and times."""
        text = self.read("README.md").split("\n## Locks\n")[1].split("\n## ")[0]
        block = re.search(r"^```console\n(.*?)^```", text, re.M | re.S).group(1)
        os.rename(self.book, os.path.join(self.tmp, "gannet-stair.epub"))
        self.book = os.path.join(self.tmp, "gannet-stair.epub")
        self.mount()
        other = self.agent("CLI-12345", cwd=self.tmp)
        other.ok("export PATH='%s'; touch mnt/locks/Chapter_03" % self.env["PATH"])
        a = self.shell("Desktop-67890")
        plain = lambda s: re.sub(r"\d+(?= s ago)|[-0-9]+T[0-9:]+Z|(?<=pid )\d+|(?<=token[= ])\d+| \d+ s +\d+ +\d+ \S+",
                                 "N", s)
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            line, _, said = part.partition("\n")
            self.assertEqual(plain(a.run(line)[1]), plain(said.rstrip("\n")), line)


if __name__ == "__main__":
    main()
