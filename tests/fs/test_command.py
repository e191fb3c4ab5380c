# SPDX-License-Identifier: MIT
"""The command line: what it says, where, and its exit status; starting and ending a mount."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time

from harness import Background, Case, SLOWFS, has_ended, is_mounted, main, make_book, unmount_hard, wait_for


class Words(Case):
    chapters = 2

    def check(self, args, status, err=None, out=""):
        done = self.run_bookfs(*args)
        self.assertEqual((args, done.returncode), (args, status))
        self.assertEqual(done.stdout != "", out != "", done.stdout)
        if err is not None:
            self.assertIn(err, done.stderr)
        if status:
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done

    def test_usage(self):
        for args, err in (([], "bookfs BOOK DIR"), (["book.epub"], "name the directory too"),
                          (["statsu", "x"], '"status" is near'), (["mount", "a", "b", "c"], "one word too many"),
                          (["umount"], "name one directory"), (["run"], "name one book"),
                          (["check"], "name one book"), (["status", "a", "b"], "name one book"),
                          (["run", "--jsno", "x"], "--json is near"), (["run", "--chapters"], "needs a value"),
                          (["-x", "a", "b"], "-x is not known"), (["run", "--json=1", "x"], "--json=1"),
                          (["-o", "wiat=3", "book.epub", "m"], "wait is near"),
                          (["-o", "wait=soon", "book.epub", "m"], "a number from"),
                          (["-o", "trigger=maybe", "book.epub", "m"], '"read" or "never"'),
                          (["-o", "zzzzzzzzz", "book.epub", "m"], "zzzzzzzzz is not known"),
                          (["-o", "allow_other=1", "book.epub", "m"], "takes no value"),
                          (["-o", "depth", "book.epub", "m"], "depth=")):
            self.check(args, 2, err)
        self.assertFalse(os.path.exists(os.path.join(self.tmp, "m")))

    def test_answers(self):
        self.assertIn("bookfs 0.", self.check(["--version"], 0, out="x").stdout)
        self.assertIn("umount", self.check(["--help"], 0, out="x").stdout)
        for name in ("mount", "umount", "run", "status", "check"):
            self.assertIn("usage: bookfs", self.check([name, "--help"], 0, out="x").stdout)

    def test_what_cannot_be_mounted(self):
        open(os.path.join(self.tmp, "file"), "w").close()
        os.makedirs(os.path.join(self.tmp, "full/x"))
        with open(os.path.join(self.tmp, "junk.epub"), "wb") as f:
            f.write(bytes(range(256)) * 8)
        self.addCleanup(unmount_hard, os.path.join(self.tmp, "m"))
        for args, err in ((["none.epub", "m"], "no such book"), (["book.epub", "file"], "not a directory"),
                          (["book.epub", "full"], "not empty"), (["junk.epub", "m"], "junk.epub"),
                          (["book.epub", "none/m"], "none/m"), (["umount", "full"], "no book is mounted"),
                          (["status", "book.epub"], "no store yet")):
            self.check(args, 1, err)
        self.assertFalse(is_mounted(os.path.join(self.tmp, "m")))

    def test_refused_leaves_nothing(self):
        """No store, no locks, no directory of a mount that could be known to fail."""
        for name, text in (("project/Manuscript/Chapters/Chapter_01.md", "# One\n"),
                           ("project/.config/locks.json", '{"rules": 7}'), ("cut.epub", "PK\x03\x04 and no more"),
                           ("empty.txt", ""), ("file", "mine")):
            path = os.path.join(self.tmp, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as f:
                f.write(text)
        os.mkdir(os.path.join(self.tmp, "empty"))

        def tree():
            return sorted((folder, sorted(folders), sorted(files)) for folder, folders, files in os.walk(self.tmp))
        before = tree()
        for args in (["project", "m"], ["project", "project"], ["cut.epub", "m"], ["empty.txt", "m"], ["empty", "m"],
                     ["-o", "wait=x", "book.epub", "m"], ["book.epub", "none/m"], ["book.epub", "file"],
                     ["--store", "none/s", "book.epub", "m"], ["--store", "file", "book.epub", "m"],
                     ["none.epub", "m"]):
            for front in ([], ["-f"]):
                done = self.run_bookfs(*front, *args)
                self.assertIn(done.returncode, (1, 2), args)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertEqual(tree(), before, args)

    def test_no_fuse(self):
        """In a mount namespace where /dev/fuse is missing, and as a user who may not use it."""
        script = "mount -t tmpfs none /dev && %s book.epub m" % SLOWFS
        done = subprocess.run(["unshare", "-m", "sh", "-c", script], cwd=self.tmp, capture_output=True, text=True)
        if done.stderr.startswith("unshare:"):
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(os.listdir(self.tmp), ["book.epub"])
        self.assertIn("there is no /dev/fuse", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_not_permitted(self):
        os.chmod(self.tmp, 0o755)
        os.mkdir(os.path.join(self.tmp, "m"))
        os.mkdir(os.path.join(self.tmp, "state"), 0o777)
        os.chmod(os.path.join(self.tmp, "state"), 0o777)
        program = os.path.join(self.tmp, "program")
        shutil.copy(SLOWFS, program)
        os.chmod(program, 0o755)
        done = subprocess.run([program, "--store", "state/s", "book.epub", "m"], cwd=self.tmp, capture_output=True,
                              text=True, user=65534, group=65534)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertFalse(is_mounted(os.path.join(self.tmp, "m")))


class Life(Case):
    def background(self, *options, book=None, name="mnt", **env):
        path = os.path.join(self.tmp, name)
        self.addCleanup(self.end_background, path)
        done = self.run_bookfs(*options, book or self.book, path, **env)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        with open(os.path.join(path, ".bookfs/pid")) as f:
            self.pid = int(f.read())
        return path

    def end_background(self, path):
        if is_mounted(path):
            self.run_bookfs("umount", path)
        unmount_hard(path)

    def test_returns_when_it_answers(self):
        path = self.background()
        self.assertIn("book.json", os.listdir(path))
        self.assertEqual(os.readlink("/proc/%d/cwd" % self.pid), "/")
        for fd in (0, 1, 2):
            self.assertEqual(os.readlink("/proc/%d/fd/%d" % (self.pid, fd)), "/dev/null")
        with open("/proc/self/mountinfo", errors="surrogateescape") as f:
            line = next(l for l in f if " %s " % path in l)
        for word in ("nosuid", "nodev", "noexec", "fuse.bookfs", self.book):
            self.assertIn(word, line)
        self.assertNotIn("allow_other", line)
        done = self.run_bookfs("umount", path)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertTrue(has_ended(self.pid))

    def test_a_known_book_needs_no_library(self):
        """What reads books is loaded when one is read: it would take most of the time until it answers."""
        for known in (False, True):
            path = self.background()
            self.assertIn("text.md", os.listdir(path + "/chapters/1"))
            with open("/proc/%d/maps" % self.pid) as f:
                maps = f.read()
            for library in ("libzip", "libxml2", "libcrypto", "libicu"):
                self.assertEqual(library in maps, not known, library)
            self.run_bookfs("umount", path)

    def test_without_standard_streams(self):
        """What was closed is not given to a file of ours: a message would go into it, or the answer would never come."""
        path = os.path.join(self.tmp, "mnt")
        self.addCleanup(self.end_background, path)
        for closed in ("<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"):
            with self.subTest(closed=closed):
                subprocess.run(["sh", "-c", 'exec "$0" "$@" ' + closed, SLOWFS, self.book, path], check=True, timeout=60)
                self.assertIn("book.json", os.listdir(path))
                with open(os.path.join(path, ".bookfs/pid")) as f:
                    pid = int(f.read())
                for fd in (0, 1, 2):
                    self.assertEqual(os.readlink("/proc/%d/fd/%d" % (pid, fd)), "/dev/null")
                self.assertEqual(self.run_bookfs("umount", path).returncode, 0)
                done = subprocess.run(["sh", "-c", 'exec "$0" --version ' + closed, SLOWFS], timeout=60,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                self.assertEqual(done.returncode, 1 if ">&-" in closed.replace("2>&-", "") else 0)

    def test_interrupted_while_it_starts(self):
        """Its process is held at the import, by the store's lock; what comes after the import nobody wants any more."""
        self.assertEqual(self.run_bookfs("run", "--no-images", self.book).returncode, 0)
        make_book(self.book, chapters=2)
        path = os.path.join(self.tmp, "mnt")
        self.addCleanup(self.end_background, path)
        with contextlib.closing(sqlite3.connect(self.book + ".bookfs", isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            command = subprocess.Popen([SLOWFS, self.book, path], cwd=self.tmp)
            children = "/proc/%d/task/%d/children" % (command.pid, command.pid)
            wait_for(lambda: read(children).strip(), what="the process behind")
            behind = int(read(children))
            wait_for(lambda: os.path.isdir(path), what="the folder")
            command.send_signal(signal.SIGINT)
            self.assertEqual(command.wait(60), -signal.SIGINT)
            db.execute("ROLLBACK")
        wait_for(lambda: has_ended(behind), what="its end")
        self.assertFalse(os.path.exists(path))

    def test_twice_on_one_directory(self):
        path = self.background()
        done = self.run_bookfs(self.book, path)
        self.assertEqual(done.returncode, 1)
        self.assertIn("mounted there already", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertIn("book.json", os.listdir(path))

    def test_a_mount_is_no_book(self):
        """It shows texts, and would be a folder of some; who means its book is told which that is."""
        path = self.background()
        before = sorted(os.listdir(self.tmp))
        for words in (["run", path], ["estimate", path], ["check", path], ["export", path, "out"],
                      ["export", "--epub", path, "out"], ["import", path, path], [path, "other"]):
            done = self.run_bookfs(*words)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1), words)
            self.assertIn("is a mount of %s" % self.book, done.stderr)
        self.assertEqual(sorted(os.listdir(self.tmp)), before)

    def test_dead_mount_is_cleared(self):
        path = self.background()
        os.kill(self.pid, signal.SIGKILL)
        wait_for(lambda: not alive(path), what="the mount to be dead")
        self.assertTrue(is_mounted(path))
        for words in (["status", path], ["history", path], ["locks", path], ["lock", path, "Chapter_01"]):
            done = self.run_bookfs(*words)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1))
            self.assertIn("was killed: bookfs umount %s" % path, done.stderr)
        self.background()
        self.assertIn("book.json", os.listdir(path))
        os.kill(self.pid, signal.SIGKILL)
        wait_for(lambda: not alive(path), what="the mount to be dead")
        done = self.run_bookfs("umount", path)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_busy(self):
        path = self.background()
        with open(os.path.join(path, "book.json")):
            done = self.run_bookfs("umount", path)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
        self.assertIn("in use", done.stderr)

    def chapter(self, n):
        return json.loads(self.run_bookfs("status", "--json", self.book).stdout)["chapters"][n - 1]

    def begin(self, path, n=1):
        with open(os.path.join(path, ".bookfs/ctl"), "w") as f:
            f.write("analyze %d\n" % n)
        wait_for(lambda: self.asked() == n, what="the work to begin")

    def test_umount_waits_for_work(self):
        gate = self.gate()
        path = self.background("-o", "grace=300", SLOW_GATE=gate.path)
        self.begin(path)
        umount = subprocess.Popen([SLOWFS, "umount", path], stderr=subprocess.PIPE, text=True)
        self.assertIn("requests in flight", umount.stderr.readline())
        self.assertIsNone(umount.poll())
        gate.open()
        umount.communicate(timeout=60)
        self.assertEqual(umount.returncode, 0)
        self.assertEqual(self.chapter(1)["status"], "completed")

    def test_plain_umount_stores_too(self):
        gate = self.gate()
        path = self.background(SLOW_GATE=gate.path)
        self.begin(path)
        subprocess.run(["umount", path], check=True)
        gate.open()
        wait_for(lambda: self.chapter(1)["status"] == "completed", what="the result")

    def test_term_and_twice(self):
        """Once: what is in flight is stored. Twice: it leaves it."""
        for signals in (1, 2):
            gate = self.gate("gate%d" % signals)
            m = self.mount("grace=300", name="m%d" % signals, SLOW_GATE=gate.path)
            self.begin(m.dir, signals)
            m.process.send_signal(signal.SIGTERM)
            wait_for(lambda: not is_mounted(m.dir), what="the directory to be free")
            wait_for(lambda: "in flight" in m.messages(), what="the message")
            self.assertIsNone(m.process.poll())
            if signals == 2:
                m.process.send_signal(signal.SIGINT)
            else:
                gate.open()
            self.assertEqual(m.process.wait(60), 0)
            self.assertEqual(self.chapter(signals)["status"] == "completed", signals == 1)

    def test_grace_is_a_limit(self):
        m = self.mount("grace=1", SLOW_GATE=self.gate().path)
        self.begin(m.dir)
        began = time.monotonic()
        m.process.send_signal(signal.SIGTERM)
        self.assertEqual(m.process.wait(60), 0)
        self.assertGreaterEqual(time.monotonic() - began, 0.99)

    def test_store_elsewhere(self):
        store = os.path.join(self.tmp, "elsewhere")
        path = self.background("--store", store)
        self.assertTrue(os.path.exists(store))
        done = self.run_bookfs("status", "--store", store, path)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1))
        self.assertIn("leave --store out", done.stderr)
        self.assertFalse(os.path.exists(self.book + ".bookfs"))
        self.assertEqual(self.run_bookfs("umount", path).returncode, 0)
        done = self.run_bookfs("check", "--store", store, self.book)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "%s: no fault\n" % store, ""))

    def test_mount_8(self):
        """As mount(8) and fstab call it; mount(8) itself looks for the program where it is installed."""
        path = os.path.join(self.tmp, "mnt")
        os.mkdir(path)
        programs = os.path.join(self.tmp, "bin")
        os.mkdir(programs)
        os.symlink(SLOWFS, os.path.join(programs, "bookfs"))
        self.addCleanup(unmount_hard, path)
        options = "noauto,user,nofail,_netdev,x-systemd.automount,ro,wait=5,dev,suid"
        subprocess.run(["mount.fuse3", self.book, path, "-o", options, "-t", "fuse.bookfs"], check=True,
                       env={**os.environ, "PATH": programs + ":" + os.environ["PATH"]})
        self.assertIn("book.json", os.listdir(path))
        with open("/proc/self/mountinfo", errors="surrogateescape") as f:
            line = next(l for l in f if " %s " % path in l)
        self.assertIn(" ro,nosuid,nodev,noexec", line)
        self.run_bookfs("umount", path)

    def test_odd_names(self):
        book = os.path.join(self.tmp, "a b, c\\d.epub")
        shutil.copy(self.book, book)
        path = self.background(book=book, name="m n")
        self.assertIn("book.json", os.listdir(path))
        self.assertEqual(json.loads(self.run_bookfs("status", "--json", path).stdout)["provider"], "slow")
        self.assertEqual(self.run_bookfs("umount", path).returncode, 0)


class Work(Case):
    def test_run(self):
        done = self.run_bookfs("run", self.book)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("chapters: 6 of 6", done.stdout)
        self.assertEqual(done.stderr.count(": analysed\n"), 6)
        self.assertEqual(done.stderr.count(": painted\n"), 6)
        again = self.run_bookfs("run", "--json", self.book)
        self.assertEqual(again.returncode, 0)
        self.assertEqual(json.loads(again.stdout)["totals"]["chapters"]["completed"], 6)
        self.assertEqual((self.asked(), self.asked("paint")), (6, 6))
        self.assertIn("6 completed", self.run_bookfs("status", self.book).stdout)

    def test_some_chapters_then_their_pictures(self):
        done = self.run_bookfs("run", "--no-images", "--chapters", "1-2,4", self.book)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.asked(), self.asked("paint")), (3, 0))
        done = self.run_bookfs("run", "--chapters", "4", self.book)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.asked(), self.asked("paint")), (3, 1))
        for wrong in ("0", "7", "2-1", "x", "1,,2", "1-"):
            done = self.run_bookfs("run", "--chapters", wrong, self.book)
            self.assertEqual((wrong, done.returncode), (wrong, 2))
            self.assertIn("names no chapters", done.stderr)

    def test_failure_shows(self):
        done = self.run_bookfs("run", self.book, SLOW_FAIL="the ink ran out")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the ink ran out", done.stderr)
        status = self.run_bookfs("status", self.book)
        self.assertIn("6 failed", status.stdout)
        self.assertIn("the ink ran out", status.stdout)
        self.assertEqual(self.run_bookfs("run", self.book).returncode, 0)

    def test_terminated_it_stores_what_is_in_flight(self):
        gate = self.gate()
        p = subprocess.Popen([SLOWFS, "run", self.book], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                             env={**os.environ, "SLOW_GATE": gate.path, "SLOW_LOG": self.log})
        wait_for(lambda: self.asked() > 0, what="the work to begin")
        p.send_signal(signal.SIGTERM)
        while "in flight" not in p.stderr.readline():
            self.assertIsNone(p.poll())
        gate.open()
        p.communicate(timeout=60)
        self.assertEqual(p.returncode, 1)
        state = json.loads(self.run_bookfs("status", "--json", self.book).stdout)
        self.assertEqual(state["totals"]["chapters"]["completed"], self.asked())
        self.assertEqual(state["totals"]["chapters"]["in_progress"], 0)

    def test_nohup(self):
        """The end of the terminal does not end it; what it is asked to end by does."""
        gate = self.gate()
        p = subprocess.Popen(["nohup", SLOWFS, "run", "--no-images", self.book], stderr=subprocess.PIPE, text=True,
                             stdout=subprocess.PIPE, env={**os.environ, "SLOW_GATE": gate.path, "SLOW_LOG": self.log})
        wait_for(lambda: self.asked() > 0, what="the work to begin")
        p.send_signal(signal.SIGHUP)
        gate.open()
        out, err = p.communicate(timeout=60)
        self.assertEqual((p.returncode, err.count(": analysed\n")), (0, 6), err)
        self.assertIn("6 of 6 analysed", out)

    def test_run_beside_a_mount(self):
        m = self.mount(SLOW_MS="200")
        readers = [Background(m.read, "chapters/%d/concepts.json" % n) for n in range(1, 7)]
        done = self.run_bookfs("run", self.book, SLOW_MS="200")
        self.assertEqual(done.returncode, 0, done.stderr)
        for r in readers:
            r.result()
        self.assertEqual((self.asked(), self.asked("paint")), (6, 6))

    def test_check_finds_damage(self):
        self.assertEqual(self.run_bookfs("run", self.book).returncode, 0)
        with open(self.book + ".bookfs", "r+b") as f:
            for page in range(3, os.path.getsize(f.name) // 4096):
                f.seek(page * 4096)
                f.write(b"\xff" * 100)
        done = self.run_bookfs("check", self.book)
        self.assertEqual(done.returncode, 1)
        self.assertNotEqual(done.stdout + done.stderr, "")


def read(path):
    with open(path) as f:
        return f.read()


def alive(path):
    try:
        os.stat(path)
        return True
    except OSError:
        return False


if __name__ == "__main__":
    main()
