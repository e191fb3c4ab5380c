# SPDX-License-Identifier: MIT
"""What is said of a book that cannot be read: .bookfs/why speaks of what was read, status of the file."""

import errno
import os
import zipfile

from agents import Agent
from harness import BOOKFS, Case, main, make_book, wait_for


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

    def test_what_works_again_is_told_no_more(self):
        """To him for whom it works, and to his next of kin; and a file that is read says nothing of what was written."""
        m = self.mount("trigger=never", program=BOOKFS)
        over = "nothing of yours was refused"
        with self.errno(errno.EINVAL):
            m.command("analyse everything")
        with self.errno(errno.ENODATA):
            m.read("chapters/1/concepts.json")
        self.assertIn("path: chapters/1/concepts.json\nerrno: ENODATA", m.read(".bookfs/why"))
        m.command("analyze 1")
        wait_for(lambda: '"completed"' in m.read("chapters/1/status.json"))
        self.assertIn("errno: ENODATA", m.read(".bookfs/why"))
        text = m.read("chapters/1/concepts.json")
        self.assertIn(over, m.read(".bookfs/why"))
        with self.errno(errno.EINVAL):
            self.put(m, "chapters/1/concepts.json", "{}")
        self.assertEqual(m.read("chapters/1/concepts.json"), text)
        self.assertIn("errno: EINVAL", m.read(".bookfs/why"))
        self.put(m, "chapters/1/concepts.json", text)
        self.assertIn(over, m.read(".bookfs/why"))
        other = Agent(m.dir, "CLI-2")
        self.addCleanup(other.end)
        self.put(m, "locks/Chapter_01", "CLI-1")
        other.fails("touch locks/Chapter_01 2>&1", "busy")
        with self.errno(errno.EINVAL):
            self.put(m, "locks/Chapter_01", "ttl=never")
        self.put(m, "locks/Chapter_01", "ttl=60")
        self.assertIn("nothing of yours", m.read("locks/.why"))
        self.assertIn("Chapter_01 is held by CLI-1", other.ok("cat locks/.why"), "another's success is no answer to him")
        os.unlink(m.path("locks/Chapter_01"))
        other.ok("touch locks/Chapter_01")
        self.assertIn("nothing of yours", other.ok("cat locks/.why"))
        self.assertIn(over, other.ok("cat .bookfs/why"))

    def put(self, m, name, text):
        fd = os.open(m.path(name), os.O_WRONLY | os.O_TRUNC | os.O_CREAT)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)

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
