# SPDX-License-Identifier: MIT
"""What is said of a book that cannot be read: .bookfs/why speaks of what was read, status of the file."""

import errno
import os
import zipfile

from harness import BOOKFS, Case, main, make_book


class Why(Case):
    chapters = 3

    def damage(self, member):
        """Two bytes of the member's compressed data are others."""
        with zipfile.ZipFile(self.book) as z:
            at = z.getinfo(member).header_offset + 30 + len(member) + 20
        with open(self.book, "r+b") as f:
            f.seek(at)
            was = f.read(2)
            f.seek(at)
            f.write(bytes(b ^ 0xff for b in was))

    def test_a_damaged_member(self):
        self.damage("c2.xhtml")
        m = self.mount(program=BOOKFS)
        with self.errno(errno.EIO):
            m.read("source/c2.xhtml")
        why = m.read(".bookfs/why")
        self.assertIn("path: source/c2.xhtml\n", why)
        self.assertIn("reason: the book's file is damaged in this place\n", why)
        self.assertIn("remedy: put an undamaged copy of the book there", why)
        self.assertIn("Chapter 1", m.read("source/c1.xhtml"))

    def test_status_of_a_mount_whose_book_changed(self):
        """Its store is not beside the book."""
        os.mkdir(os.path.join(self.tmp, "elsewhere"))
        m = self.mount("store=%s/elsewhere/s" % self.tmp, program=BOOKFS)
        self.assertNotIn("changed", self.run_bookfs("status", m.dir, program=BOOKFS).stdout)
        make_book(self.book, 4)
        said = self.run_bookfs("status", m.dir, program=BOOKFS)
        self.assertIn("the book's file has changed since it was imported: bookfs run, or mounting it again", said.stdout)
        self.assertEqual(said.returncode, 0)


if __name__ == "__main__":
    main()
