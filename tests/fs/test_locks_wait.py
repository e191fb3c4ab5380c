#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""flock, fcntl and OFD locks on resources, and those who wait: in one mount and over two."""

import errno
import fcntl
import os
import signal
import struct
import subprocess
import sys
import time

import agents
import harness

OFD_SETLK, OFD_SETLKW = 37, 38
WHOLE = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)
UNLOCK = struct.pack("hhqqi4x", fcntl.F_UNLCK, 0, 0, 0, 0)


class Waiting(agents.Case):
    def setUp(self):
        super().setUp()
        self.m = self.mount()
        self.a, self.b = self.agent("CLI-1"), self.agent("Desktop-2")

    def child(self, *command, instance="CLI-9", mount=None):
        """Its input is a pipe: `cat` goes on until that is closed."""
        p = subprocess.Popen(command, cwd=(mount or self.m).path("locks"), stdin=subprocess.PIPE, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             env={**os.environ, "BOOKFS_INSTANCE": instance})
        self.addCleanup(lambda: (p.stdin.close(), p.poll() is None and p.kill(), p.wait(), p.stdout.close()))
        return p

    def parks(self, p, m=None):
        """Until it waits: cat in its open, all others in a call on the file that they opened."""
        folder = (m or self.m).dir
        harness.wait_for(lambda: harness.waits_at(p.pid, p.args[1]) if p.args[0] == "cat" else
                         harness.waits_in(p.pid, folder), what="%s to wait" % p.args[0])

    def waits(self, m=None, count=1):
        """Until so many wait, as the history tells."""
        def number():
            log = (m or self.m).read("locks/.log")
            return log.count(" waiting ") - log.count(" gave up ") >= count
        harness.wait_for(number, what="somebody to wait")

    def test_flock_runs_a_command(self):
        self.a.ok("flock -n .all/Chapter_03 cat Chapter_03 | grep -q 'held by: descriptor'")
        self.assertEqual(self.held(self.m), [])
        for _ in range(20):     # the descriptor of the one before may not be closed yet
            self.a.ok("flock -n .all/Chapter_03 true")
            self.b.ok("flock -n Chapter_03 true")

    def test_flock_right_after_a_close(self):
        """The kernel tells of a closed file when it has time to."""
        done = subprocess.run([agents.LOCKERS, "pairs", "flock", self.m.path("locks"), "Chapter_03", "2000"],
                              capture_output=True, text=True, timeout=150)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_flock_is_refused(self):
        self.a.ok("touch Chapter_03")
        status, _ = self.b.run("flock -n .all/Chapter_03 true")
        self.assertEqual(status, 1)
        self.assertIn("CLI-1", self.b.ok("cat .why"))
        self.a.ok("flock -n .all/Chapter_03 true")
        self.assertEqual(self.held(self.m), ["Chapter_03"], "the lock by name is there as before")
        pid = self.a.ok("flock .all/Chapter_05 sleep 100 & echo $!")
        harness.wait_for(lambda: "Chapter_05" in self.held(self.m))
        self.assertEqual(self.a.run("flock -n .all/Chapter_05 true")[0], 1, "two descriptors, though of one holder")
        self.a.ok("touch Chapter_05")
        self.assertIn("name and descriptor", self.m.read("locks/Chapter_05"))
        self.a.ok("kill $(ps -o pid= --ppid %s)" % pid)

    def test_flock_waits_its_time(self):
        self.a.ok("touch Chapter_03")

        def in_vain():
            start = time.monotonic()
            self.assertEqual(self.b.run("flock -w 1 .all/Chapter_03 true")[0], 1)
            took = time.monotonic() - start
            self.assertGreaterEqual(took, 0.99)
            return took
        harness.within(1.3, in_vain)

    def test_order_of_arrival(self):
        self.a.ok("touch Chapter_03")
        order = os.path.join(self.tmp, "order")
        waiters = []
        for i in range(5):
            waiters.append(self.child("flock", ".all/Chapter_03", "sh", "-c", "echo %d >> %s" % (i, order),
                                      instance="W-%d" % i))
            self.waits(count=i + 1)
        self.assertEqual(self.b.run("flock -n .all/Chapter_03 true")[0], 1)
        self.a.ok("rm Chapter_03")
        for w in waiters:
            self.assertEqual(w.wait(60), 0)
        with open(order) as f:
            self.assertEqual(f.read().split(), list("01234"))

    def test_nobody_passes_those_who_wait(self):
        self.a.ok("touch Chapter_03")
        w = self.child("flock", ".all/Chapter_03", "cat")
        self.waits()
        self.a.ok("rm Chapter_03")
        self.b.fails("touch Chapter_03", "busy")
        w.communicate(timeout=60)
        self.b.ok("flock .all/Chapter_03 true")

    def test_book_is_shared(self):
        """By those who read all of it: nobody else has any of it meanwhile, and who waits for it is not passed."""
        self.a.ok("touch Chapter_03")
        reader = self.child("flock", "-s", ".all/Book", "cat")
        self.waits()
        self.b.fails("touch Chapter_05", "busy")       # it holds nothing, so it comes later
        self.a.ok("touch Chapter_05")                       # it is waited for, and goes on
        self.a.ok("rm Chapter_03 Chapter_05")
        self.held_at_last("Book.1")
        self.b.ok("flock -n -s .all/Book ls | grep -qx Book.2")
        self.b.fails("touch Chapter_03", "busy")
        self.assertIn("Book.1 is held by CLI-9", self.b.ok("cat .why"))
        self.b.fails("flock -n .all/Book true")
        self.b.fails("touch Book", "busy")
        self.b.fails("touch Book.2", "Invalid argument")
        reader.communicate(timeout=10)
        self.b.ok("flock -n .all/Book sh -c 'test $(ls) = Book; touch Chapter_03'")     # alone, it is his own
        self.b.ok("rm Chapter_03")

    def held_at_last(self, name):
        harness.wait_for(lambda: self.held(self.m) == [name], what=name + " to be held")

    def test_wait_file(self):
        self.assertEqual(self.child("cat", ".wait/Chapter_03").wait(60), 0)
        self.a.ok("touch Chapter_03")
        p = self.child("cat", ".wait/Chapter_03")
        self.parks(p)
        self.assertIsNone(p.poll())
        os.stat(self.m.path("locks/.wait/Chapter_03"))
        self.a.ok("rm Chapter_03")
        self.assertEqual(p.wait(60), 0)
        self.a.ok("touch Chapter_03")
        self.assertEqual(self.b.run("timeout 0.2 cat .wait/Chapter_03")[0], 124)

    def end_by(self, number, command):
        """How long a waiter takes to end."""
        p = self.child(*command)
        self.parks(p)
        if command[0] != "cat":
            self.waits()
        start = time.monotonic()
        p.send_signal(number)
        p.wait(60)
        took = time.monotonic() - start
        harness.wait_for(self.quiet, what="the queue to be empty")
        return took

    def test_signals_end_a_waiter(self):
        self.a.ok("touch Chapter_03")
        for command in (["flock", ".all/Chapter_03", "true"], ["cat", ".wait/Chapter_03"],
                        [sys.executable, "-c", "import fcntl,os; fcntl.lockf(os.open('.all/Chapter_03', os.O_RDWR), "
                                               "fcntl.LOCK_EX)"]):
            for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
                harness.within(0.5, lambda: self.end_by(number, command))
        self.a.ok("rm Chapter_03")
        self.b.ok("flock -n .all/Chapter_03 true")

    def quiet(self):
        log = self.m.read("locks/.log")
        return log.count(" waiting ") == log.count(" gave up ")

    def hand_over(self, m):
        """How long after the holder's death, here, a waiter of that mount has the lock."""
        a = self.agent("H-" + os.path.basename(m.dir))
        a.ok("touch Chapter_04")
        p = self.child("flock", ".all/Chapter_04", "sh", "-c", "date +%s.%N; cat", mount=m)
        self.parks(p, m)
        start = time.time()
        a.kill()
        took = float(p.stdout.readline()) - start
        p.communicate(timeout=60)
        harness.wait_for(lambda: not self.held(m))
        return took

    def test_dead_holder_hands_over(self):
        for m in (self.m, self.mount(name="other")):
            harness.within(0.2, lambda: self.hand_over(m))

    def test_two_mounts_are_one_table(self):
        other = self.mount(name="other")
        c = self.agent("CLI-3", other.path("locks"))
        self.a.ok("touch Chapter_03")
        self.assertEqual(self.held(other), ["Chapter_03"])
        c.fails("touch Chapter_03", "busy")
        c.fails("rm -f Chapter_03", "busy")
        self.assertEqual(c.run("flock -n .all/Chapter_03 true")[0], 1)
        p = self.child("flock", ".all/Chapter_03", "true", mount=other)
        self.waits()
        self.a.ok("rm Chapter_03")
        self.assertEqual(p.wait(60), 0)
        c.ok("touch Chapter_03")
        self.a.fails("touch Chapter_03", "busy")

    def test_fcntl(self):
        path = self.m.path("locks/.all/Chapter_03")
        one, two = os.open(path, os.O_RDWR), os.open(path, os.O_RDWR)
        fcntl.fcntl(one, OFD_SETLK, WHOLE)
        with self.errno(errno.EAGAIN):
            fcntl.fcntl(two, OFD_SETLK, WHOLE)
        self.assertEqual(self.held(self.m), ["Chapter_03"])
        fcntl.fcntl(one, OFD_SETLK, UNLOCK)
        fcntl.fcntl(two, OFD_SETLK, WHOLE)
        os.close(two)           # an OFD lock names no owner when it goes
        fcntl.fcntl(one, OFD_SETLK, WHOLE)
        os.close(one)
        harness.wait_for(lambda: not self.held(self.m))
        one, two = os.open(path, os.O_RDWR), os.open(path, os.O_RDWR)
        fcntl.lockf(one, fcntl.LOCK_EX)
        fcntl.lockf(two, fcntl.LOCK_EX | fcntl.LOCK_NB)     # POSIX: the process has it already
        os.close(two)                                       # and any close gives it back
        harness.wait_for(lambda: not self.held(self.m))
        os.close(one)

    def test_fcntl_ranges(self):
        fd = os.open(self.m.path("locks/.all/Chapter_03"), os.O_RDWR)
        fcntl.lockf(fd, fcntl.LOCK_EX, 10, 0)
        fcntl.lockf(fd, fcntl.LOCK_EX, 10, 20)
        fcntl.lockf(fd, fcntl.LOCK_UN, 10, 0)
        self.assertEqual(self.held(self.m), ["Chapter_03"])
        self.assertNotEqual(self.a.run("flock -n .all/Chapter_03 true")[0], 0)
        fcntl.lockf(fd, fcntl.LOCK_UN, 40, 0)
        self.a.ok("flock -n .all/Chapter_03 true")
        os.close(fd)

    def test_fcntl_waits(self):
        self.a.ok("touch Chapter_03")
        p = self.child(sys.executable, "-c", "import fcntl,os; fd=os.open('.all/Chapter_03', os.O_RDWR); "
                       "fcntl.lockf(fd, fcntl.LOCK_EX); print(open('Chapter_03').read())")
        self.waits()
        self.a.ok("rm Chapter_03")
        self.assertIn("instance: CLI-9", p.stdout.read())

    def test_a_child_keeps_what_it_inherited(self):
        self.a.ok("exec 8> .all/Chapter_03; flock -n 8; sleep 100 & exec 8>&-")
        self.assertEqual(self.held(self.m), ["Chapter_03"])
        self.a.ok("kill %1; wait")
        harness.wait_for(lambda: not self.held(self.m))

    def test_deadlock(self):
        self.a.ok("touch Chapter_01")
        self.b.ok("touch Chapter_02")
        self.a.ok("flock .all/Chapter_02 true &")
        self.waits()
        fails = self.b.fails("flock .all/Chapter_01 true", "deadlock")
        self.assertIn("Chapter_01", self.b.ok("cat .why"), fails)
        self.b.ok("rm Chapter_02")
        self.a.ok("wait %1")

    def test_rm_while_a_descriptor_holds(self):
        pid = self.a.ok("flock .all/Chapter_03 sleep 100 & echo $!")
        harness.wait_for(lambda: self.held(self.m))
        self.a.fails("rm -f Chapter_03", "busy")
        self.assertIn("pid", self.a.ok("cat .why"))
        self.a.ok("kill $(ps -o pid= --ppid %s)" % pid)
        self.a.ok("flock -w 2 .all/Chapter_03 true")

    def test_unmount_with_waiters(self):
        self.a.ok("touch Chapter_03")
        p, q = self.child("flock", ".all/Chapter_03", "true"), self.child("cat", ".wait/Chapter_03")
        self.waits()
        self.parks(q)
        self.m.process.send_signal(signal.SIGTERM)
        self.assertNotEqual(p.wait(60), 0)
        self.assertNotEqual(q.wait(60), 0)

    def test_mount_is_killed(self):
        """Who lives keeps his locks; who died, and what a descriptor held, is gone."""
        a, c = self.agent("CLI-7", self.tmp), self.agent("CLI-8", self.tmp)
        locks = self.m.path("locks")
        a.ok("touch %s/Chapter_01" % locks)
        c.ok("touch %s/Chapter_02" % locks)
        p = self.child("flock", ".all/Chapter_03", "sleep", "100")
        harness.wait_for(lambda: len(self.held(self.m)) == 3)
        self.m.process.kill()
        self.m.process.wait()
        harness.unmount_hard(self.m.dir)
        p.kill()
        c.kill()
        m = self.mount()
        self.assertEqual(self.held(m), ["Chapter_01"])
        self.assertEqual(self.fields(m, "Chapter_01")["instance"], "CLI-7")
        a.ok("rm %s/Chapter_01" % locks)

    def test_many_parked(self):
        self.a.ok("touch Chapter_03")
        crowd = subprocess.Popen([agents.LOCKERS, "park", self.m.path("locks"), "Chapter_03", "200"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(crowd.stdout.readline(), "parked\n")
            for what in (lambda: os.stat(self.m.path("locks/Chapter_03")),
                         lambda: (os.close(os.open(self.m.path("locks/Chapter_09"), os.O_WRONLY | os.O_CREAT)),
                                  os.unlink(self.m.path("locks/Chapter_09")))):
                def median():
                    times = []
                    for _ in range(50):
                        start = time.monotonic()
                        what()
                        times.append(time.monotonic() - start)
                    return sorted(times)[len(times) // 2]
                harness.within(0.010, median)
        finally:
            crowd.stdin.close()
            crowd.wait(60)
            crowd.stdout.close()
        harness.wait_for(self.quiet, what="all to have left")
        self.a.ok("rm Chapter_03 && flock -n .all/Chapter_03 true")

    def test_flock_on_the_books_files(self):
        path = self.m.path("book.json")
        one, two = os.open(path, os.O_RDONLY), os.open(path, os.O_RDONLY)
        fcntl.flock(one, fcntl.LOCK_SH)
        fcntl.flock(two, fcntl.LOCK_SH)
        with self.errno(errno.EAGAIN):
            fcntl.flock(two, fcntl.LOCK_EX | fcntl.LOCK_NB)
        waiting = harness.Background(fcntl.flock, two, fcntl.LOCK_EX)
        harness.wait_for(lambda: harness.waits_in(waiting.native_id, self.m.dir), what="it to wait")
        self.assertTrue(waiting.is_alive())
        os.close(one)
        waiting.result()
        fcntl.lockf(two, fcntl.LOCK_SH)
        os.close(two)


if __name__ == "__main__":
    agents.main()
