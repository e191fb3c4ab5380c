# SPDX-License-Identifier: MIT
"""A folder that is mounted as a book is not ours alone: our files stand in its root beside its own, others change and
lock it behind the mount, the mount may be over it, and what other users make through it is theirs."""

import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import threading

import harness
from harness import Background, Project, wait_for


class Merged(Project):
    def test_root(self):
        os.mkdir(self.of("images"))
        with open(self.of("images/mine"), "w") as f:
            f.write("mine")
        os.mkdir(self.of("locks"))
        m = self.mount()
        listed = os.listdir(m.dir)
        self.assertEqual(len(listed), len(set(listed)))
        for name in ("Manuscript", "images", "chapters", "book.json", "locks", ".locks", ".bookfs"):
            self.assertIn(name, listed)
        self.assertFalse([n for n in listed if n.startswith(".bookfs.db")])
        self.assertIn("images; ours are in .bookfs/", m.messages())
        self.assertEqual(m.read("images/mine"), "mine")
        self.assertNotIn("mine", os.listdir(m.path(".bookfs/images")))
        self.assertIn("images", os.listdir(m.path(".bookfs")))
        with open(m.path("locks/Chapter_01"), "w"):
            pass
        self.assertEqual(os.listdir(m.path("locks")), ["Chapter_01"])
        self.assertEqual(os.listdir(self.of("locks")), [])
        self.assertIn("lighthouse", m.read("chapters/1/text.md"))

    def test_a_gap_is_no_chapter(self):
        m = self.mount()
        self.assertEqual(sorted(os.listdir(m.path("chapters"))), ["1", "3"])
        self.assertEqual(len(os.listdir(m.path("by-title"))), 2)
        with self.errno(errno.ENOENT):
            os.stat(m.path("chapters/2"))
        self.assertEqual([c["number"] for c in json.loads(m.read("book.json"))["chapters"]], [1, 3])
        status = json.loads(m.read("status.json"))
        self.assertEqual([c["number"] for c in status["chapters"]], [1, 3])
        self.assertEqual(sum(status["totals"]["chapters"].values()), 2)
        self.assertEqual(json.loads(m.read(".analyze.state/manifest.json"))["totalChapters"], 2)
        self.assertEqual(m.read("Contents.md").count("Part"), 2)
        self.assertIn("Chapter_02", m.read("locks/.resources"))
        m.end()
        self.assertEqual(self.run_bookfs("check", self.project).returncode, 0)

    def test_a_gap_has_no_analysis(self):
        """Of a chapter that is gone there is one, and a chapter without a word has the text that a gap has."""
        first = self.of("Manuscript/Chapters/Chapter_01/Chapter_01.md")
        m = self.mount("fresh=both")
        m.read("chapters/1/concepts.json")
        os.unlink(first)
        wait_for(lambda: "1" not in os.listdir(m.path("chapters")), what="the chapter to be gone")
        self.assertNotIn("Part 1", m.read("Chapters.md"))
        m.end()
        with open(first, "w"):
            pass
        m = self.mount()
        self.assertEqual(json.loads(m.read("chapters/1/concepts.json"))["concepts"], [])
        self.assertIn("\n### Chapter 01\n", m.read("Chapters.md"))
        events = [json.loads(line) for line in m.read(".bookfs/events.log").splitlines()]
        self.assertNotIn(2, [e.get("chapter") for e in events])

    def test_store_is_not_there(self):
        m = self.mount()
        self.assertIn(".bookfs.db", os.listdir(self.project))
        with self.errno(errno.ENOENT):
            os.stat(m.path(".bookfs.db"))
        for name in (".bookfs.db", ".bookfs.db-wal", ".bookfs.db-new"):
            with self.errno(errno.EPERM):
                os.open(m.path(name), os.O_CREAT | os.O_WRONLY)
            with self.errno(errno.EPERM):
                os.mkdir(m.path(name))
            with self.errno(errno.EPERM):
                os.rename(m.path("Manuscript"), m.path(name))
            with self.errno(errno.ENOENT):
                os.unlink(m.path(name))

    def test_between_ours_and_theirs(self):
        m = self.mount()
        for a, b in (("chapters/1/text.md", "x"), ("Manuscript", "elements/x"), ("book.json", "x")):
            with self.errno(errno.EXDEV):
                os.rename(m.path(a), m.path(b))
        with self.errno(errno.EXDEV):
            os.link(m.path("chapters/1/title"), m.path("x"))
        with self.errno(errno.EEXIST):
            os.mkdir(m.path("chapters"))
        shutil.copyfile(m.path("chapters/1/title"), m.path("title.copy"))
        self.assertEqual(m.read("title.copy"), m.read("chapters/1/title"))
        with self.errno(errno.EOPNOTSUPP):
            os.getxattr(m.path("chapters/1/title"), "user.x")
        subprocess.run(["cp", "-a", m.path("chapters"), m.path("kept")], check=True, timeout=60)
        self.assertTrue(os.path.exists(self.of("kept/1/title")))

    def test_ours_have_no_holes(self):
        """Who copies what is no hole gets all of it."""
        m = self.mount()
        m.read("chapters/1/concepts.json")
        put = os.open(m.path("style.md"), os.O_RDWR | os.O_CREAT)
        os.write(put, b"ink")
        ours = [os.open(m.path(name), os.O_RDONLY) for name in (
            "book.json", "status.json", "progress.md", "chapters/1/concepts.json", "illustrated.epub", ".bookfs/why",
            ".bookfs/log", ".bookfs/ctl", "locks/.table", "locks/.log", "locks/.for/x.md", ".locks/locks.json")]
        for fd in [put] + ours:
            size = len(os.pread(fd, 1 << 20, 0))
            self.assertEqual(os.lseek(fd, 1, os.SEEK_DATA), 1)
            self.assertEqual(os.lseek(fd, 0, os.SEEK_HOLE), size)
            with self.errno(errno.ENXIO):
                os.lseek(fd, size, os.SEEK_DATA)
            os.close(fd)

    def limited(self, limit):
        program = os.path.join(self.tmp, "limited")
        with open(program, "w") as f:
            f.write("#!/bin/bash\nulimit %s\nexec '%s' \"$@\"\n" % (limit, harness.SLOWFS))
        os.chmod(program, 0o755)
        return self.mount(program=program)

    def test_a_limit_on_files(self):
        """It is said of the one write, whether the kernel writes the file or we do."""
        m = self.limited("-f %d" % (16 << 10))
        for name in ("note.md", "note.bin"):
            with open(m.path(name), "w+b", buffering=0) as f:
                with self.errno(errno.EFBIG):
                    os.ftruncate(f.fileno(), 17 << 20)
                with self.errno(errno.EFBIG):
                    os.posix_fallocate(f.fileno(), 0, 17 << 20)
        with open(m.path("note.md"), "r+b", buffering=0) as f, self.errno(errno.EFBIG):
            os.pwrite(f.fileno(), b"x", 17 << 20)
        self.assertIn("title", m.read("book.json"))

    def test_a_limit_on_open_files(self):
        """Whoever has too many open gets no more; who has a lock is told all the same."""
        m = self.limited("-n 256")
        opened = []
        with self.errno(errno.ENFILE):
            while len(opened) < 256:
                opened.append(os.open(m.path("Manuscript/Chapters/Chapter_01/Chapter_01.md"), os.O_RDONLY))
        with self.errno(errno.ENFILE):
            os.open(m.path("new"), os.O_CREAT | os.O_WRONLY)
        with self.errno(errno.ENFILE):
            os.listdir(m.path("Manuscript"))
        self.assertFalse(os.path.exists(self.of("new")))
        subprocess.run(["touch", m.path("locks/Chapter_01")], env={**os.environ, "BOOKFS_INSTANCE": "CLI-1"}, check=True)
        self.assertIn("CLI-1", m.read("locks/.log"))
        for fd in opened:
            os.close(fd)
        wait_for(lambda: subprocess.run(["ls", m.path("Manuscript")], capture_output=True).returncode == 0, what="room")

    def test_does_not_leave_the_project(self):
        """The mount point in the project is nobody's entry, and another file system in it is not entered."""
        os.mkdir(self.of("mnt"))
        m = self.mount(name="project/mnt")
        self.assertNotIn("mnt", os.listdir(m.dir))
        with self.errno(errno.ENOENT):
            os.stat(m.path("mnt"))
        os.mkdir(self.of("other"))
        subprocess.run(["mount", "-t", "tmpfs", "none", self.of("other")], check=True)
        self.addCleanup(harness.unmount_hard, self.of("other"))
        with self.errno(errno.EXDEV):
            os.stat(m.path("other"))
        os.mkdir(self.of("bound"))
        subprocess.run(["mount", "--bind", self.of("Manuscript"), self.of("bound")], check=True)
        self.addCleanup(harness.unmount_hard, self.of("bound"))
        os.stat(m.path("Manuscript"))
        with self.errno(errno.EXDEV):
            os.stat(m.path("bound"))

    def test_git_does_not_see_ours(self):
        subprocess.run(["git", "init", "-q", self.project], check=True)
        m = self.mount()

        def status(where):
            return subprocess.run(["git", "status", "--porcelain", "-uall"], cwd=where, capture_output=True, check=True,
                                  timeout=60).stdout
        self.assertEqual(status(m.dir), status(self.project))
        self.assertIn(b"Chapter_03.md", status(m.dir))
        self.assertNotIn(b"book.json", status(m.dir))
        shutil.rmtree(m.path(".git"))
        subprocess.run(["git", "init", "-q", m.dir], check=True, timeout=60)
        subprocess.run(["git", "add", "-A"], cwd=m.dir, check=True, timeout=60)
        self.assertEqual(status(m.dir), status(self.project))
        self.assertNotIn(b"chapters/", status(m.dir))
        self.assertEqual(self.asked(), 0)


class Behind(Project):
    """The folder is changed by others meanwhile."""

    def put(self, name, text):
        with open(self.of(name), "w") as f:
            f.write(text)

    def test_content_is_seen(self):
        m = self.mount()
        for i in range(30):
            with open(self.of("note"), "w") as f:
                f.write("version %d" % i)
            self.assertEqual(m.read("note"), "version %d" % i)

    def test_names_are_seen(self):
        m = self.mount()
        self.assertFalse(os.path.exists(m.path("late")))
        with open(self.of("late"), "w") as f:
            f.write("x")
        wait_for(lambda: os.path.exists(m.path("late")), 5)
        os.rename(self.of("late"), self.of("later"))
        wait_for(lambda: not os.path.exists(m.path("late")), 5)
        self.assertEqual(m.read("later"), "x")
        os.rename(self.of("Manuscript"), self.of("Moved"))
        wait_for(lambda: os.path.exists(m.path("Moved/Chapters/Chapter_01")), 5)

    def test_a_name_leads_elsewhere(self):
        """Before anybody could tell the kernel: it is opened as what it is now, and a pipe keeps nobody waiting."""
        m = self.mount()
        for name, make, result in (("a", lambda _: self.put("a", "other"), (0, b"other")), ("b", os.mkfifo, (0, b"")),
                                   ("c", lambda path: os.symlink("/dev/null", path), (1, b""))):
            self.put(name, "mine")
            self.assertEqual(m.read(name), "mine")
            m.process.send_signal(signal.SIGSTOP)
            os.unlink(self.of(name))
            make(self.of(name))
            reader = subprocess.Popen(["dd", "if=" + m.path(name), "iflag=nonblock,nofollow", "status=none"],
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            wait_for(lambda: harness.waits_at(reader.pid, m.path(name)), what="the reader to ask")
            m.process.send_signal(signal.SIGCONT)
            out, _ = reader.communicate(timeout=20)
            self.assertEqual((reader.returncode, out), result)

    def test_a_missing_name_leads_somewhere(self):
        """The same of a name that the kernel takes for missing and so has made."""
        m = self.mount()
        self.put("there", "text")
        for name, make, result in (("a", os.mkfifo, 1), ("b", lambda path: os.symlink("there", path), 0),
                                   ("c", lambda _: self.put("c", "text"), 0)):
            self.assertFalse(os.path.exists(m.path(name)))
            m.process.send_signal(signal.SIGSTOP)
            make(self.of(name))
            writer = subprocess.Popen(["dd", "of=" + m.path(name), "oflag=nonblock", "conv=notrunc", "status=none"],
                                      stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
            wait_for(lambda: harness.waits_at(writer.pid, m.path(name)), what="the writer to ask")
            m.process.send_signal(signal.SIGCONT)
            writer.communicate(b"TE", timeout=20)
            self.assertEqual(writer.returncode, result, name)
        self.assertEqual((m.read("there"), m.read("c")), ("TExt", "TExt"))

    def lease(self, f):
        """It is had when the mount has closed the file, too."""
        try:
            fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except BlockingIOError:
            return False
        return True

    def test_a_lease_keeps_nobody_else_waiting(self):
        """Who opens a file of which another has a lease waits until that is given back, and he alone."""
        m = self.mount()
        self.put("leased", "text")
        path, asked = m.path("leased"), threading.Event()
        self.addCleanup(signal.signal, signal.SIGIO, signal.signal(signal.SIGIO, lambda *_: asked.set()))
        with open(self.of("leased"), "r+") as holder:
            for act in (lambda: os.close(os.open(path, os.O_RDONLY)), lambda: os.close(os.open(path, os.O_WRONLY)),
                        lambda: os.close(os.open(path, os.O_WRONLY | os.O_TRUNC)), lambda: os.truncate(path, 2)):
                asked.clear()
                wait_for(lambda: self.lease(holder), what="the lease")
                opener = Background(act)
                wait_for(asked.is_set, what="the lease to be asked back")
                self.assertIn("pid", Background(m.read, "locks/.me").result(20))
                self.assertTrue(opener.is_alive())
                fcntl.fcntl(holder, fcntl.F_SETLEASE, fcntl.F_UNLCK)
                opener.result()
            self.assertEqual(os.stat(path).st_size, 2)
            asked.clear()
            wait_for(lambda: self.lease(holder), what="the lease")
            for end, result in ((lambda opener: opener.kill(), -signal.SIGKILL),
                                (lambda _: m.process.send_signal(signal.SIGINT), 1)):
                with subprocess.Popen(["cat", path], stderr=subprocess.DEVNULL) as opener:
                    wait_for(lambda: asked.is_set() and harness.waits_at(opener.pid, path), what="the reader to wait")
                    end(opener)
                    self.assertEqual(opener.wait(20), result)

    def test_without_a_name(self):
        """What is open goes on when its name is gone or leads elsewhere, and is opened once more by what is open of it."""
        m = self.mount()
        for take in (os.unlink, lambda path: os.rename(path, self.of("away"))):
            with open(m.path("new"), "x+b", buffering=0) as f:
                f.write(b"text")
                os.setxattr(f.fileno(), "user.it", b"is")
                take(self.of("new"))
                self.put("new", "another")
                self.assertEqual(os.fstat(f.fileno()).st_size, 4)
                self.assertEqual(os.getxattr(f.fileno(), "user.it"), b"is")
                os.fchmod(f.fileno(), 0o600)
                self.assertEqual(os.fstat(f.fileno()).st_mode & 0o777, 0o600)
                wait_for(lambda: m.read("new") == "another")
                os.unlink(self.of("new"))
            wait_for(lambda: not os.path.exists(m.path("new")))
        with open(m.path("new"), "x+b", buffering=0) as f:
            f.write(b"text")
            os.unlink(m.path("new"))
            with open("/proc/self/fd/%d" % f.fileno(), "rb") as again:
                self.assertEqual(again.read(), b"text")
        # And what nobody has open is said to be gone, and what it was.
        self.put("new", "text")
        held = os.open(m.path("new"), os.O_PATH)
        os.unlink(m.path("new"))
        st = os.fstat(held)
        os.close(held)
        self.assertEqual((st.st_nlink, st.st_size), (0, 4))

    def takes(self, f):
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def test_locks_reach_the_folder(self):
        m = self.mount()
        with open(self.of("f"), "w") as f:
            f.write("0123456789")
        a, b = open(m.path("f"), "r+"), open(self.of("f"), "r+")
        with a, b:
            fcntl.flock(a, fcntl.LOCK_EX)
            with self.errno(errno.EWOULDBLOCK):
                fcntl.flock(b, fcntl.LOCK_EX | fcntl.LOCK_NB)
            waiting = Background(fcntl.flock, b, fcntl.LOCK_SH)
            fcntl.flock(a, fcntl.LOCK_UN)
            waiting.result()
            waiting = Background(fcntl.flock, a, fcntl.LOCK_EX)
            fcntl.flock(b, fcntl.LOCK_UN)
            waiting.result()
        for mode in ("r", "r+"):        # and end as their file is closed, which nobody has opened before
            with open(self.of(mode), "w") as f:
                f.write("0123456789")
            with open(m.path(mode), mode) as a, open(self.of(mode), "r+") as b:
                fcntl.flock(a, fcntl.LOCK_SH)
                a.close()
                wait_for(lambda b=b: self.takes(b), what=mode)

    def test_ranges_are_a_process(self):
        m = self.mount()
        with open(self.of("f"), "w") as f:
            f.write("0123456789")

        def child(where, how):
            code = "import fcntl,sys\nf=open(sys.argv[1],'r+')\ntry: fcntl.lockf(f, fcntl.LOCK_EX|%s, 3, 5)\n" \
                   "except OSError as e: sys.exit(e.errno)" % how
            return subprocess.run(["python3", "-c", code, where], timeout=30, check=False).returncode
        with open(m.path("f"), "r+") as a:
            fcntl.lockf(a, fcntl.LOCK_EX, 4, 4)
            for where in (m.path("f"), self.of("f")):
                self.assertEqual(child(where, "fcntl.LOCK_NB"), errno.EAGAIN)
            with open(m.path("f"), "r+") as b:
                fcntl.lockf(b, fcntl.LOCK_EX | fcntl.LOCK_NB, 10)  # the process's own
            # POSIX: the close of any descriptor ends them all.
            self.assertEqual(child(m.path("f"), "fcntl.LOCK_NB"), 0)
            fcntl.lockf(a, fcntl.LOCK_EX, 4, 4)
            waits = Background(child, m.path("f"), "0")
            fcntl.lockf(a, fcntl.LOCK_UN, 4, 4)
            self.assertEqual(waits.result(), 0)

    def test_a_waiter_can_be_interrupted(self):
        m = self.mount()
        with open(self.of("f"), "w"):
            pass
        with open(self.of("f"), "r+") as a:
            fcntl.flock(a, fcntl.LOCK_EX)
            p = subprocess.Popen(["flock", m.path("f"), "true"])
            wait_for(lambda: harness.waits_in(p.pid, m.dir))
            p.terminate()
            self.assertNotEqual(p.wait(30), 0)


class Over(Project):
    """The folder is mounted over itself."""

    def test_one_path(self):
        m = self.mount(name="project")
        self.assertIn("chapters", os.listdir(self.project))
        self.assertNotIn(".bookfs.db", os.listdir(self.project))
        with open(self.of("note"), "w") as f:
            f.write("through")
        self.assertIn('"status":\t"completed"', m.read("chapters/1/concepts.json"))
        self.assertEqual(self.asked(), 1)
        # What other processes are told of the store is the same store.
        r = self.run_bookfs("status", self.project)
        self.assertRegex(r.stdout, "chapters: 1 completed")
        self.assertNotIn("has changed", r.stdout)
        with open(m.path("locks/Chapter_01"), "w") as f:
            f.write("CLI-1")
        self.assertRegex(self.run_bookfs("locks", self.project).stdout, "Chapter_01 +CLI-1")
        r = self.run_bookfs("run", self.project)
        self.assertEqual(r.returncode, 1)
        self.assertIn("is mounted over itself", r.stderr)
        m.end()
        self.assertEqual(sorted(os.listdir(self.project)), [".bookfs.db", ".bookfs.db-locks", "Manuscript", "note"])
        self.assertRegex(self.run_bookfs("status", self.project).stdout, "chapters: 1 completed")
        m = self.mount()
        self.assertIn('"status":\t"completed"', m.read("chapters/1/concepts.json"))
        self.assertEqual(self.asked(), 1)

    def test_after_a_kill(self):
        m = self.mount(name="project")
        m.read("chapters/1/concepts.json")
        m.process.kill()
        m.process.wait()
        with self.errno(errno.ENOTCONN):
            os.listdir(self.project)
        r = self.run_bookfs(self.project, self.project)
        self.assertEqual((r.returncode, r.stderr), (0, ""))
        self.addCleanup(self.run_bookfs, "umount", self.project)
        self.assertIn("lighthouse", m.read("chapters/1/text.md"))
        m.read("chapters/1/concepts.json")
        self.assertEqual(self.asked(), 1)

    def test_only_over_itself(self):
        os.mkdir(os.path.join(self.tmp, "full"))
        os.mkdir(os.path.join(self.tmp, "full", "x"))
        r = self.run_bookfs(self.project, os.path.join(self.tmp, "full"))
        self.assertIn("is not empty", r.stderr)


class Others(Project):
    def test_files_are_their_makers(self):
        os.chmod(self.tmp, 0o755)
        os.mkdir(self.of("open"))
        os.chmod(self.of("open"), 0o777)
        m = self.mount("allow_other")
        code = "import os,sys\nos.chdir(sys.argv[1])\nopen('open/f','w').write('x')\nos.mkdir('open/d')\nos.symlink('f','open/l')\n" \
               "os.link('open/f','open/h')\n" \
               "try: open('Manuscript/f','w')\nexcept PermissionError: sys.exit(7)"
        r = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "python3", "-c", code, m.dir],
                           timeout=60, check=False)
        self.assertEqual(r.returncode, 7)
        for name in ("f", "d", "l", "h"):
            st = os.lstat(self.of("open", name))
            self.assertEqual((st.st_uid, st.st_gid), (65534, 65534), name)


if __name__ == "__main__":
    harness.main()
