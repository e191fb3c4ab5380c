# SPDX-License-Identifier: MIT
"""What a lock covers the kernel writes by itself, for who was let in; whoever gets the lock has it alone all the same."""

import json
import os
import signal
import subprocess

import harness
from agents import BUSY, STALE, Hand
from harness import wait_for

PICTURE = "Manuscript/images/fig-01-1.png"
TEXT = "Manuscript/Chapters/Chapter_03/Chapter_03.md"
SIZE = 1 << 20
ROUNDS = 6

# What late writers try: each way in which the kernel writes.
OPEN = "globals().update(f=os.open(%r, os.O_WRONLY | os.O_CREAT), SIZE=%d, source=os.open('/proc/self/exe', 0))"
WRITE = "os.pwrite(f, b'x' * SIZE, 0)"
LATE = (WRITE, "os.writev(f, [b'x', b'y'])", "os.sendfile(f, source, 0, 100)",
        "globals().update(p=os.pipe()) or os.write(p[1], b'xyz') and os.splice(p[0], f, 3)", "os.ftruncate(f, 0)",
        "os.posix_fallocate(f, 0, 2 * SIZE)")
ON_AND_ON = "exec('while True: os.pwrite(f, os.urandom(8) * (SIZE // 8), 0)')"


class Delegated(harness.Project):
    def setUp(self):
        super().setUp()
        for name in (PICTURE, TEXT):
            os.makedirs(os.path.dirname(self.of(name)), exist_ok=True)
            with open(self.of(name), "wb") as f:
                f.write(b"." * SIZE)
        self.m = self.mount()
        self.writer, self.other = self.hand(self.m, "CLI-1"), self.hand(self.m, "CLI-2")
        self.start(PICTURE)
        if self.by_us():
            self.skipTest("this kernel does not do it, or not for us")

    def hand(self, mount, instance):
        h = Hand(mount.dir, instance)
        self.addCleanup(h.end)
        return h

    def start(self, name):
        self.assertIsNone(self.writer.do(OPEN % (name, SIZE)))
        self.assertEqual(self.writer.do(WRITE), SIZE)

    def by_us(self, write=WRITE):
        def read():
            with open(f"/proc/{self.m.process.pid}/io") as io:
                return int(io.read().split("rchar: ")[1].split()[0])
        before = read()
        self.assertEqual(self.writer.do(write), SIZE)
        return read() - before >= SIZE

    def stays(self, name):
        with open(self.of(name), "rb") as f:
            before = f.read()
        self.assertEqual(before[:1], b"x")
        for late in LATE:
            self.assertIn(self.writer.do(late), (STALE, BUSY), late)
        with open(self.of(name), "rb") as f:
            self.assertEqual(f.read(), before)

    def take(self, hand, resource):
        return hand.do("put('locks/%s', '')" % resource)

    def give(self, hand, resource):
        self.assertIsNone(hand.do("os.unlink('locks/%s')" % resource))

    def force(self, hand, m, resource):
        token = os.stat(m.path("locks", resource)).st_ino
        self.assertIsNone(hand.do("put('locks/.ctl', 'break %s token=%d reason=\"he went home\"')" % (resource, token)))
        self.assertIsNone(self.take(hand, resource))

    def test_changes_hands(self):
        for name, resource in ((PICTURE, "ImageRegistry"), (TEXT, "Chapter_03")):
            with self.subTest(name=name):
                self.start(name)
                self.assertFalse(self.by_us())
                self.assertIsNone(self.take(self.other, resource))    # it was nobody's
                self.stays(name)
                self.assertIn("%s is held by CLI-2" % resource, self.writer.do("get('locks/.why')"))
                self.give(self.other, resource)
                self.assertIsNone(self.take(self.writer, resource))
                self.start(name)
                self.assertFalse(self.by_us())
                self.assertEqual(self.take(self.other, resource), BUSY)
                self.assertFalse(self.by_us())  # he may go on, and does so without us
                self.assertIsNone(self.writer.do("os.close(f)"))
                self.start(name)
                self.force(self.other, self.m, resource)
                self.stays(name)
                self.give(self.other, resource)
        # What goes past the page cache may be under way when its write has returned.
        self.assertIsNone(self.writer.do("globals().update(f=os.open(%r, os.O_WRONLY | os.O_DIRECT))" % PICTURE))
        self.assertTrue(self.by_us("os.pwrite(f, mmap.mmap(-1, SIZE), 0)"))
        self.assertNotIn("behind", self.m.read("locks", ".log"))

    def test_in_the_midst(self):
        """While he writes on and on it is taken: in this mount, in another, by a command."""
        second = self.mount(name="second")
        by_mount = self.hand(second, "CLI-2")
        command = [os.environ["BOOKFS"], "lock", "--as", "CLI-3", self.project, "ImageRegistry", "--", "cat", self.of(PICTURE)]

        def by_command():
            while True:
                done = subprocess.run(command, capture_output=True, start_new_session=True, check=False)
                if done.returncode != 75:
                    self.assertEqual(done.returncode, 0, done.stderr)
                    return done.stdout

        # Another process waits 250 ms, which a busy machine may take.
        ways = (lambda: self.take(self.other, "ImageRegistry"),
                lambda: wait_for(lambda: self.take(by_mount, "ImageRegistry") is None), by_command)
        for i in range(ROUNDS):
            with self.subTest(way=i % len(ways)):
                self.start(PICTURE)
                self.writer.send(ON_AND_ON)
                written = os.stat(self.of(PICTURE)).st_mtime_ns
                wait_for(lambda: os.stat(self.of(PICTURE)).st_mtime_ns != written)
                at_once = ways[i % len(ways)]()
                with open(self.of(PICTURE), "rb") as f:
                    seen = f.read()
                if at_once is not None:
                    self.assertEqual(at_once, seen)     # by who held it while it ran
                self.assertEqual(seen[:8] * (SIZE // 8), seen)     # whole writes only
                self.assertIn(harness.Background(self.writer.process.stdout.readline).result(30).strip('"\n')[:1], ("E",))
                with open(self.of(PICTURE), "rb") as f:
                    self.assertEqual(f.read(), seen)
                if at_once is None:
                    self.give(self.other, "ImageRegistry")

    def test_who_waits(self):
        """Gets it when the holder gives it back, though he does not close his file, and writes on."""
        self.assertIsNone(self.take(self.writer, "ImageRegistry"))
        self.start(PICTURE)
        self.other.send("exec(\"globals().update(w=os.open('locks/.all/ImageRegistry', 0)); import fcntl; "
                        "fcntl.flock(w, fcntl.LOCK_EX)\")")
        wait_for(lambda: harness.waits_in(self.other.process.pid, self.m.dir))
        self.assertFalse(self.by_us())
        self.give(self.writer, "ImageRegistry")
        harness.Background(self.other.process.stdout.readline).result(30)
        self.assertIn("CLI-2", self.m.read("locks", "ImageRegistry"))
        self.stays(PICTURE)

    def test_names(self):
        """Beneath its own lock a file goes anywhere while it is written, beneath another it does not; one that was removed
        is in nobody's way."""
        self.assertIsNone(self.writer.do("os.rename(%r, 'Manuscript/images/other.png')" % PICTURE))
        self.assertIn("Invalid cross-device link",
                      self.writer.do("os.rename('Manuscript/images/other.png', %r)" % (TEXT + "~")))
        self.assertFalse(self.by_us())
        self.assertIsNone(self.take(self.other, "ImageRegistry"))
        self.assertIn(self.writer.do(WRITE), (BUSY, STALE))
        self.give(self.other, "ImageRegistry")
        self.start(PICTURE)
        os.unlink(self.of(PICTURE))
        self.assertIsNone(self.take(self.other, "ImageRegistry"))
        self.give(self.other, "ImageRegistry")
        # Who reads and writes has another file, of our kind.
        self.start(PICTURE)
        self.assertIsNone(self.other.do("globals().update(r=open(%r, 'r+b', buffering=0))" % PICTURE))
        self.assertFalse(self.by_us())
        self.assertEqual(self.other.do("r.write(b'both')"), 4)
        self.assertIsNone(self.take(self.hand(self.m, "CLI-3"), "ImageRegistry"))
        self.assertIn(self.writer.do(WRITE), (BUSY, STALE))
        self.assertIn(self.other.do("r.write(b'both')"), (BUSY, STALE))

    def test_killed(self):
        """Who has it open goes on, and nobody has the lock until he has closed it and nobody stands in that mount."""
        self.writer.do("os.chdir('/')")
        self.other.end()
        self.m.process.kill()
        self.m.process.wait()
        subprocess.run(["umount", "-l", self.m.dir], check=True)
        second = self.mount(name="second")
        other = self.hand(second, "CLI-2")
        self.assertEqual(self.writer.do("os.pwrite(f, b'on', 0)"), 2)
        self.assertEqual(self.take(other, "ImageRegistry"), BUSY)
        self.assertIn("if a bookfs was killed", other.do("get('locks/.why')"))
        self.assertIsNone(self.take(other, "Chapter_03"))
        self.assertEqual(self.writer.do("os.close(f)"), "E Transport endpoint is not connected")
        wait_for(lambda: self.take(other, "ImageRegistry") is None)

    def helper(self):
        return int(subprocess.check_output(["pgrep", "-P", str(self.m.process.pid), "-x", "bookfs-helper"]))

    def locker(self, mount, instance, resource):
        """One who needs no name of locks/, where another may be making one, to take a lock."""
        h = self.hand(mount, instance)
        self.assertIsNone(h.do("globals().update(w=os.open('locks/.all/%s', 0), fcntl=__import__('fcntl'))" % resource))
        return h

    def lock(self, hand, do=Hand.do):
        return do(hand, "fcntl.flock(w, fcntl.LOCK_EX)")

    def waits(self, hand):
        self.lock(hand, Hand.send)
        wait_for(lambda: harness.waits_in(hand.process.pid, self.tmp))

    def answer(self, hand):
        return json.loads(harness.Background(hand.process.stdout.readline).result(30))

    def stop_helper(self):
        """Nothing is recalled meanwhile, as if the write that is under way stalled with its disk."""
        helper = self.helper()
        self.assertFalse(self.by_us())
        os.kill(helper, signal.SIGSTOP)
        self.addCleanup(os.kill, helper, signal.SIGCONT)
        return helper

    def test_stalls(self):
        """A write that does not end is waited for."""
        third, helper = self.locker(self.m, "CLI-3", "Chapter_04"), self.stop_helper()
        self.other.send("put('locks/ImageRegistry', '')")
        wait_for(lambda: harness.waits_at(self.other.process.pid, "locks/ImageRegistry"))
        # Whoever wants any lock is put aside at first; not for longer, if it is another's.
        self.assertIsNone(self.lock(third))
        self.assertTrue(harness.waits_at(self.other.process.pid, "locks/ImageRegistry"))
        os.kill(helper, signal.SIGCONT)
        self.assertIsNone(self.answer(self.other))
        self.stays(PICTURE)

    def test_gives_up(self):
        """Who is killed while he waits gets nothing, and is not held up by it, whoever else waits."""
        one, two = (self.locker(self.m, "CLI-%d" % i, "ImageRegistry") for i in (3, 4))
        third, helper = self.locker(self.m, "CLI-5", "Chapter_04"), self.stop_helper()
        self.waits(one)
        self.waits(two)
        self.assertIsNone(self.lock(third))
        two.end()
        self.assertTrue(harness.waits_in(one.process.pid, self.m.dir))
        os.kill(helper, signal.SIGCONT)
        self.assertIsNone(self.answer(one))
        self.assertNotIn("ImageRegistry CLI-4", self.m.read("locks", ".log"))

    def test_stalls_elsewhere(self):
        """The same, of another mount; and who waits in that keeps nobody else from anything."""
        second = self.mount(name="second")
        by_mount = self.locker(second, "CLI-3", "ImageRegistry")
        helper = self.stop_helper()
        self.waits(by_mount)
        self.assertIsNone(self.take(self.hand(second, "CLI-4"), "Chapter_04"))
        with self.assertRaises(AssertionError):
            (said := harness.Background(by_mount.process.stdout.readline)).result(1)
        os.kill(helper, signal.SIGCONT)
        self.assertEqual(said.result(30), "null\n")
        self.stays(PICTURE)
        self.assertIn("CLI-3", self.m.read("locks", "ImageRegistry"))

    def test_stalls_for_a_command(self):
        helper = self.stop_helper()
        p = subprocess.Popen([os.environ["BOOKFS"], "lock", "--as", "CLI-3", self.project, "ImageRegistry", "--", "true"],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        with self.assertRaises(subprocess.TimeoutExpired):
            p.wait(1)
        os.kill(helper, signal.SIGCONT)
        self.assertEqual(p.communicate(timeout=30)[0], "")
        self.assertEqual(p.returncode, 0)

    def test_no_helper(self):
        """Nothing can be recalled any more: what is open keeps the lock, and what is opened is written by us."""
        os.kill(self.helper(), 9)
        wait_for(lambda: "helper process ended" in self.m.messages())
        self.assertEqual(self.take(self.other, "ImageRegistry"), BUSY)
        self.assertIn("is under way", self.other.do("get('locks/.why')"))
        self.assertEqual(self.writer.do("os.close(f) or 0"), 0)
        wait_for(lambda: self.take(self.other, "ImageRegistry") is None)
        self.give(self.other, "ImageRegistry")
        self.start(PICTURE)
        self.assertTrue(self.by_us())


if __name__ == "__main__":
    harness.main()
