# SPDX-License-Identifier: MIT
"""Analyses that are asked for before they are read: of whom, how many, and who goes first."""

import os
import shutil
import subprocess

from harness import Background, Case, main, wait_for


class Ahead(Case):
    chapters = 12

    def order(self):
        """The chapters in the order in which the provider was asked for them."""
        if not os.path.exists(self.log):
            return []
        with open(self.log) as f:
            return [int(line.split()[1]) for line in f if line.startswith("analyze") and line.endswith("\n")]

    def concepts(self, m, chapter, name="concepts.json"):
        return m.path("chapters", str(chapter), name)

    def read(self, m, *chapters):
        """By a new process each, as a loop of a shell does."""
        for n in chapters:
            subprocess.run(["cat", self.concepts(m, n)], stdout=subprocess.DEVNULL, check=True)

    def wait_asked(self, *chapters):
        wait_for(lambda: sorted(self.order()) == sorted(chapters), what="%s, not %s" % (chapters, self.order()))

    def settled(self, m, *chapters):
        """What was wished for when 12 is asked for is asked for when it is there: it came before."""
        self.read(m, 12)
        self.wait_asked(*chapters, 12)

    def test_one_alone(self):
        m = self.mount("images=off")
        self.read(m, 3, 3)
        with open(self.concepts(m, 3, "elements.json")):
            pass
        self.read(m, 7)
        self.read(m, 5)
        self.settled(m, 3, 7, 5)

    def test_two_in_order(self):
        m = self.mount("images=off,readahead=2")
        self.read(m, 3, 4)
        self.wait_asked(3, 4, 5, 6)
        self.read(m, 5)  # is there, and moves on what is seen ahead
        self.wait_asked(3, 4, 5, 6, 7)
        self.settled(m, 3, 4, 5, 6, 7)

    def test_to_the_end(self):
        m = self.mount("images=off,readahead=5")
        self.read(m, 10, 11)
        self.wait_asked(10, 11, 12)
        self.read(m, 12)
        self.assertEqual(sorted(self.order()), [10, 11, 12])

    def test_two_readers_at_two_places(self):
        m = self.mount("images=off,readahead=1")
        self.read(m, 2, 7, 3, 8)
        self.wait_asked(2, 3, 4, 7, 8, 9)

    def test_as_many_as_there_are_slots(self):
        m = self.mount("images=off")
        self.read(m, 1, 2)
        self.wait_asked(1, 2, 3, 4, 5, 6)
        self.settled(m, 1, 2, 3, 4, 5, 6)

    def test_off(self):
        m = self.mount("images=off,readahead=0")
        self.read(m, 1, 2, 3)
        self.settled(m, 1, 2, 3)

    def test_who_waits_goes_first(self):
        """Before all that is not claimed yet: as much as there are slots, and as much again that is prepared."""
        gate = self.gate()
        m = self.mount("images=off,readahead=8", SLOW_GATE=gate.path)
        first = Background(self.read, m, 1)
        wait_for(lambda: self.order() == [1], what="the first")
        second = Background(self.read, m, 2)
        wait_for(lambda: len(self.order()) == 4, what="the slots to be taken")
        third = Background(self.read, m, 12)  # 3 to 10 were wished for before
        wait_for(lambda: '"event":"queued","chapter":12' in m.read(".bookfs/events.log"), what="its wish")
        gate.open()
        for reader in first, second, third:
            reader.result()
        self.wait_asked(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12)
        self.assertLess(self.order().index(12), self.order().index(9), self.order())

    def test_programs_that_start_nothing(self):
        m = self.mount("images=off,no_trigger=indexer,readahead=3")
        self.read(m, 1)
        self.read(m, 3)
        self.read(m, 2)  # ahead of it: 4
        self.wait_asked(1, 2, 3, 4, 5)
        for n in 4, 5:
            wait_for(lambda n=n: os.stat(self.concepts(m, n)).st_size != 4096, what="chapter %d" % n)
        indexer = os.path.join(self.tmp, "indexer")
        shutil.copy("/bin/cat", indexer)
        subprocess.run([indexer] + [self.concepts(m, n) for n in (3, 4, 5)], stdout=subprocess.DEVNULL, check=True)
        self.settled(m, 1, 2, 3, 4, 5)

    def test_grep(self):
        """In order through all of them: each is asked for once."""
        m = self.mount("images=off")
        subprocess.run(["grep", "-rq", "no such word", m.path("chapters")])
        self.assertEqual(sorted(self.order()), list(range(1, 13)))


if __name__ == "__main__":
    main()
