# SPDX-License-Identifier: MIT
"""What the kernel was told of a project's files it keeps, and hears when it is not so any more."""

import os
import signal
import subprocess
import tempfile
import time

import harness
from harness import Project, wait_for


class Told(Project):
    """The kernel keeps names and attributes for a minute (of a name that is none, ten seconds), and asks nobody, until they
    change, whoever changed them."""

    def setUp(self):
        super().setUp()
        for name in ("a", "b"):
            os.makedirs(self.of("Drafts", name))
            for i in range(50):
                with open(self.of("Drafts", name, str(i)), "w") as f:
                    f.write("%s %d" % (name, i))
        filled = time.time()
        self.m, self.other = self.mount(), self.mount(name="other")
        wait_for(lambda: time.time() - filled > 3.1)    # what was changed just now is not kept
        self.walk(self.other)
        self.walk(self.m)

    def path(self, name):
        return self.m.path("Drafts", name)

    def put(self, name, text):
        with open(self.of("Drafts", name), "w") as f:
            f.write(text)

    def walk(self, m):
        for name in ("a", "b"):
            for i in range(50):
                os.stat(m.path("Drafts", name, str(i)))
                self.assertFalse(os.path.exists(m.path("Drafts", name, "no%d" % i)))

    def see(self, name, text):
        """Attributes, as an open asks in any case."""
        wait_for(lambda: os.stat(self.path(name)).st_size == len(text), what=name)
        self.assertEqual(self.m.read("Drafts", name), text)

    def see_no(self, name):
        wait_for(lambda: not os.path.exists(self.path(name)), what=name)

    def see_new(self, name):
        wait_for(lambda: os.path.lexists(self.path(name)), 8, name)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.m.process.pid}/fd"))

    def test_whatever_changes(self):
        before = os.open(self.path("b"), os.O_PATH)
        self.addCleanup(os.close, before)
        for fn in (self.nothing, self.lists, self.contents, self.names, self.folders, lambda: self.by_another_mount(before),
                   self.more_than_can_be_told):
            fn()

    def nothing(self):
        self.assertLess(self.descriptors(), 70)     # of a hundred files that were looked up and nothing more

        def answers():
            with open(f"/proc/{self.m.process.pid}/io") as io:
                return int(io.read().split("syscw: ")[1].split()[0])
        since, before = time.monotonic(), answers()
        wait_for(lambda: time.monotonic() - since > 1.1)
        self.walk(self.m)
        self.assertLess(answers() - before, 50)

    def lists(self):
        """Who opens a folder whose list the kernel has needs no descriptor, until he asks for what that does not have."""
        os.listdir(self.path("a"))
        before, held = self.descriptors(), [os.open(self.path("a"), os.O_RDONLY | os.O_DIRECTORY) for _ in range(20)]
        try:
            self.assertLess(self.descriptors() - before, 5)
            os.fsync(held[0])
            self.put("a/no49", "new")
            wait_for(lambda: "no49" in os.listdir(held[1]))
            os.unlink(self.of("Drafts/a/no49"))
            wait_for(lambda: "no49" not in os.listdir(held[2]))
        finally:
            for fd in held:
                os.close(fd)

    def contents(self):
        with open(self.of("Drafts/a/0"), "a") as f:
            f.write(" and more")
            f.flush()
            self.see("a/0", "a 0 and more")     # before it is closed
        os.truncate(self.of("Drafts/a/2"), 1)
        self.see("a/2", "a")
        os.chmod(self.of("Drafts/a/1"), 0o640)
        wait_for(lambda: os.stat(self.path("a/1")).st_mode & 0o777 == 0o640)
        with open(self.path("a/3"), "rb") as f:
            os.unlink(self.of("Drafts/a/3"))
            wait_for(lambda: os.fstat(f.fileno()).st_nlink == 0)
        os.link(self.of("Drafts/a/8"), self.of("Drafts/a/no8"))
        wait_for(lambda: os.stat(self.path("a/8")).st_nlink == 2)

    def names(self):
        self.see_no("a/3")
        self.put("a/no1", "new")
        self.see_new("a/no1")
        os.rename(self.of("Drafts/a/4"), self.of("Drafts/a/5"))
        self.see_no("a/4")
        self.see("a/5", "a 4")
        self.put("put", "put in its place")
        os.rename(self.of("Drafts/put"), self.of("Drafts/a/6"))
        self.see("a/6", "put in its place")
        os.symlink("7", self.of("Drafts/a/no2"))
        self.see_new("a/no2")
        os.mkdir(self.of("Drafts/a/no3"))
        self.see_new("a/no3")
        self.assertEqual(sorted(os.listdir(self.path("a"))), sorted(os.listdir(self.of("Drafts/a"))))

    def folders(self):
        os.rename(self.of("Drafts/b"), self.of("Drafts/c"))
        self.see_no("b")
        self.see("c/8", "b 8")
        self.put("c/9", "nine")
        self.see("c/9", "nine")

    def by_another_mount(self, before):
        def until_seen():
            size = os.stat("1", dir_fd=before).st_size + 1
            with open(self.other.path("Drafts/c/1"), "w") as f:
                f.write("x" * size)
            since = time.monotonic()
            wait_for(lambda: os.stat("1", dir_fd=before).st_size == size)
            return time.monotonic() - since
        harness.within(0.2, until_seen)
        os.rename(self.other.path("Drafts/c/2"), self.other.path("Drafts/c/no2"))
        self.see_no("c/2")
        self.see_new("c/no2")

    def more_than_can_be_told(self):
        """The queue of events is not endless: then everything is asked for again."""
        kept = os.open(self.path("a/12"), os.O_RDONLY)
        self.addCleanup(os.close, kept)
        self.m.process.send_signal(signal.SIGSTOP)
        with open("/proc/sys/fs/inotify/max_queued_events") as f:
            room = int(f.read())
        for _ in range(room // 2 + 1):
            os.utime(self.of("Drafts/a/10"))
            os.utime(self.of("Drafts/a/11"))
        os.truncate(self.of("Drafts/a/12"), 1)
        os.rename(self.of("Drafts/a/13"), self.of("Drafts/a/14"))
        self.m.process.send_signal(signal.SIGCONT)
        wait_for(lambda: os.fstat(kept).st_size == 1)
        self.see("a/12", "a")
        self.see_no("a/13")
        self.see("a/14", "a 13")


class Untold(Project):
    """Where no more folders can be watched, what is known is kept for a second only."""

    def mount_with_watches(self, count):
        inside = os.path.join(self.tmp, "inside")
        os.mkdir(inside)
        script = 'echo %d > /proc/sys/user/max_inotify_watches && exec "$@"' % count
        log = self.enterContext(tempfile.TemporaryFile())
        p = subprocess.Popen(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", harness.SLOWFS, "-f",
                              self.project, inside], stdin=subprocess.DEVNULL, stderr=log)
        self.addCleanup(p.wait)
        self.addCleanup(p.terminate)

        def said():
            log.seek(0)
            return log.read().decode()
        wait_for(lambda: "is mounted" in said() or p.poll() is not None)
        if p.poll() is not None:
            self.skipTest("no mounts in namespaces of users here: " + said())
        return f"/proc/{p.pid}/root{inside}", said

    def test_names(self):
        os.makedirs(self.of("Drafts/a"))
        with open(self.of("Drafts/a/f"), "w") as f:
            f.write("text")
        inside, said = self.mount_with_watches(2)
        self.assertTrue(os.path.exists(inside + "/Drafts/a/f"))
        self.assertFalse(os.path.exists(inside + "/Drafts/a/g"))
        self.assertEqual(said().count("more folders are in use than can be watched"), 1)
        os.rename(self.of("Drafts/a/f"), self.of("Drafts/a/g"))
        wait_for(lambda: os.path.exists(inside + "/Drafts/a/g") and not os.path.exists(inside + "/Drafts/a/f"), 8)


if __name__ == "__main__":
    harness.main()
