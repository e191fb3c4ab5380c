#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who a caller is: agents that detach each call, terminals, multiplexers, other users, and who cannot be seen."""

import errno
import os
import pty
import shutil
import signal
import subprocess
import unittest

import agents
import harness


class Who(agents.Case):
    def setUp(self):
        super().setUp()
        self.m = self.mount("allow_other")
        self.locks = self.m.path("locks")

    def holder(self, resource="Chapter_03"):
        f = self.fields(self.m, resource)
        return f["instance"], int(f["pid"].split()[0]) if "pid" in f else 0

    def environ(self, **more):
        return {**{k: v for k, v in os.environ.items() if k != "BOOKFS_INSTANCE"}, **more}

    def gets_free(self):
        """By the holder's death, as it is not idle for its ttl. How soon: tests/system/locks.py."""
        harness.wait_for(lambda: not self.held(self.m), what="the lock to be free")

    def node(self, script, **env):
        p = subprocess.Popen(["node", "-e", script], cwd=self.locks, stdout=subprocess.PIPE, text=True,
                             env=self.environ(**env))
        self.addCleanup(lambda: (p.poll() is None and p.kill(), p.wait(), p.stdout.close()))
        return p

    def test_agent_that_detaches_each_call(self):
        script = """
const {spawn} = require('child_process');
const call = (line, next) => spawn('bash', ['-c', line], {detached: true, stdio: ['ignore', 'inherit', 'inherit']})
    .on('exit', code => next(code));
call('touch Chapter_03', code => call('touch Chapter_03 && echo CLI-5 > Chapter_04 && rm Chapter_04',
    again => console.log(code, again)));
setInterval(() => {}, 1000);
"""
        for env, name in (({}, None), ({"BOOKFS_INSTANCE": "CLI-77"}, "CLI-77")):
            p = self.node(script, **env)
            self.assertEqual(p.stdout.readline(), "0 0\n")
            self.assertEqual(self.holder(), (name or "sh-%d" % p.pid, p.pid))
            other = self.node(script)
            self.assertEqual(other.stdout.readline(), "1 1\n", "another agent is another holder")
            self.assertEqual(self.held(self.m), ["Chapter_03"])
            other.kill()
            a = self.agent("CLI-88")    # whose death is seen after that of the other
            a.ok("touch Chapter_05")
            a.kill()
            harness.wait_for(lambda: "Chapter_05" not in self.held(self.m))
            self.assertEqual(self.held(self.m), ["Chapter_03"])
            p.send_signal(signal.SIGKILL)
            self.gets_free()

    @harness.TERMINALS
    def test_terminal(self):
        """All commands of a terminal are its session leader's."""
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(self.locks)
            os.environ.pop("BOOKFS_INSTANCE", None)
            os.execlp("bash", "bash", "--norc", "--noprofile", "-i")
        try:
            os.write(fd, b"touch Chapter_03; bash -c 'touch Chapter_03; echo 1 | (cat; touch Chapter_04)'\n")
            harness.wait_for(lambda: len(self.held(self.m)) == 2)
            self.assertEqual(self.holder(), ("sh-%d" % pid, pid))
            self.assertEqual(self.holder("Chapter_04"), ("sh-%d" % pid, pid))
            os.write(fd, b"rm Chapter_04; exit\n")
            self.gets_free()
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(fd)

    @harness.TERMINALS
    @unittest.skipUnless(shutil.which("script"), "no script")
    def test_script(self):
        done = subprocess.run(["script", "-qec", "touch %s/Chapter_03; cat %s/.me" % (self.locks, self.locks),
                               "/dev/null"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
                              env=self.environ())
        self.assertIn("instance: sh-", done.stdout)
        self.gets_free()

    @unittest.skipUnless(shutil.which("tmux"), "no tmux")
    def test_multiplexer(self):
        server = ["tmux", "-L", "bookfs-test-%d" % os.getpid(), "-f", "/dev/null"]
        subprocess.run(server + ["new-session", "-d", "-x", "80", "-y", "24",
                                 "bash --norc --noprofile"], check=True, env=self.environ(), timeout=60)
        try:
            pane = int(subprocess.run(server + ["list-panes", "-F", "#{pane_pid}"], capture_output=True, text=True,
                                      check=True).stdout)
            subprocess.run(server + ["send-keys", "touch %s/Chapter_03" % self.locks, "Enter"], check=True)
            harness.wait_for(lambda: self.held(self.m))
            self.assertEqual(self.holder(), ("sh-%d" % pane, pane))
            subprocess.run(server + ["kill-pane"], check=True)
            self.gets_free()
        finally:
            subprocess.run(server + ["kill-server"], stderr=subprocess.DEVNULL)

    def test_environment(self):
        for command in ("BOOKFS_INSTANCE=CLI-1 touch Chapter_03",
                        "export BOOKFS_INSTANCE=CLI-1; bash -c 'touch Chapter_03; true'",
                        "export BOOKFS_INSTANCE=CLI-1; bash -c 'bash -c \"touch Chapter_03; true\"; true'",
                        "/bin/echo CLI-1 > Chapter_03", "echo CLI-1 > Chapter_03", "echo CLI-1 | cat > Chapter_03",
                        "(BOOKFS_INSTANCE=CLI-1 touch Chapter_03)", "BOOKFS_INSTANCE=CLI-1 timeout 5 touch Chapter_03"):
            a = self.agent()
            a.ok(command)
            self.assertEqual(self.holder(), ("CLI-1", a.pid), command)
            a.kill()
            self.gets_free()

    def test_an_id_that_is_none(self):
        a = self.agent()
        a.ok("export BOOKFS_INSTANCE='no id'")
        said = a.ok("cat .me")
        self.assertIn("instance: sh-%d\n" % a.pid, said)
        self.assertIn("your BOOKFS_INSTANCE is not used: an id is 1 to 63 letters", said)
        self.assertNotIn("not used", self.agent("CLI-1").ok("cat .me"))
        done = self.run_bookfs("lock", self.book, "Chapter_03", BOOKFS_INSTANCE="no id")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, "bookfs: BOOKFS_INSTANCE=no id: an id is 1 to 63 letters, digits and . _ : @ -\n")
        self.assertEqual(self.held(self.m), [])

    def test_me_says_whom_it_lives_with(self):
        a = self.agent()
        for command, because in (("BOOKFS_INSTANCE=CLI-1 bash -c 'cat .me; true'", "the first ancestor that outlives"),
                                 ("BOOKFS_INSTANCE=CLI-1 cat .me", "the first ancestor that outlives")):
            self.assertIn("lives with: pid %d, %s" % (a.pid, because), a.ok(command))
        b = self.agent("CLI-1")
        self.assertIn("lives with: pid %d, the topmost ancestor with this" % b.pid, b.ok("bash -c 'cat .me; true'"))

    def test_script_of_a_shell(self):
        path = os.path.join(self.tmp, "prompt.sh")
        with open(path, "w") as f:
            f.write("#!/bin/sh\nexport BOOKFS_INSTANCE=CLI-4\ntouch %s/Chapter_03 || exit 1\nread line\n" % self.locks)
        p = subprocess.Popen(["sh", path], stdin=subprocess.PIPE, env=self.environ())
        harness.wait_for(lambda: self.held(self.m))
        self.assertEqual(self.holder(), ("CLI-4", p.pid))
        p.stdin.close()
        p.wait()
        self.gets_free()

    def test_other_programs_of_a_shell(self):
        a = self.agent()
        a.ok("touch Chapter_03; exec 9< Chapter_03; cat <&9 > /dev/null")
        b = self.agent()
        b.fails("touch Chapter_03", "busy")
        a.ok("python3 -c 'open(\"Chapter_03\", \"w\").close()'")
        a.ok("perl -e 'unlink(\"Chapter_03\") or die'")

    def test_one_tree_two_names(self):
        a = self.agent()
        a.ok("touch Chapter_01; echo CLI-1 > Chapter_02; echo CLI-2 > Chapter_03")
        self.assertEqual(sorted(self.holder(c)[0] for c in self.held(self.m)), ["CLI-1", "CLI-2", "sh-%d" % a.pid])
        a.ok("touch Chapter_01 Chapter_02 Chapter_03")
        a.ok("rm Chapter_01 Chapter_02 Chapter_03")

    def test_pid(self):
        a = self.agent()
        p = subprocess.Popen(["sleep", "100"])
        try:
            a.ok("echo 'CLI-1 pid=%d' > Chapter_03" % p.pid)
            self.assertEqual(self.holder(), ("CLI-1", p.pid))
            a.fails("echo 'CLI-2 pid=4194303' > Chapter_04", "No such process")
        finally:
            p.kill()
            p.wait()
        self.gets_free()

    def test_two_trees_one_name(self):
        a, b = self.agent("CLI-1"), self.agent("CLI-1")
        a.ok("touch Chapter_01")
        b.fails("touch Chapter_02", "exists")
        self.assertIn(str(a.pid), b.ok("cat .why"))
        a.kill()
        b.ok("touch Chapter_02")

    def test_other_users(self):
        if not shutil.which("setpriv"):
            self.skipTest("no setpriv")
        os.chmod(self.tmp, 0o755)
        a = self.agent()
        a.ok("setpriv --reuid=65534 --clear-groups touch Chapter_03")
        self.assertEqual(os.stat(self.m.path("locks/Chapter_03")).st_uid, 65534)
        b = self.agent(before=("setpriv", "--reuid=65533", "--clear-groups"))
        b.fails("rm -f Chapter_03", "busy")
        b.fails("echo 'CLI-3 pid=%d' > Chapter_04" % a.pid, "not permitted")
        a.ok("rm Chapter_03")       # rule 3 crosses to root

    @harness.NAMESPACES
    def test_child_namespace_is_seen(self):
        a = self.agent()
        a.ok("unshare --pid --fork --mount-proc bash -c 'touch Chapter_03; true'")
        self.assertEqual(self.holder(), ("sh-%d" % a.pid, a.pid))
        a.fails("unshare --pid --fork --mount-proc bash -c 'echo CLI-9 pid=77777 > Chapter_04'", "No such process")
        a.ok("unshare --pid --fork --mount-proc bash -c 'echo CLI-9 pid=1 > Chapter_04; cat Chapter_04' | grep '^pid: '")
        harness.wait_for(lambda: self.held(self.m) == ["Chapter_03"])


class OneBook(agents.Case):
    """A book by another name is the same book, with the same locks."""

    def setUp(self):
        super().setUp()
        state = os.path.join(self.tmp, "state")
        self.here, self.there = os.path.join(self.tmp, "here"), os.path.join(self.tmp, "there")
        for folder in (state, self.here, self.there):
            os.mkdir(folder)
        self.book = shutil.move(self.book, self.here)
        self.other = os.path.join(self.there, "other.epub")
        self.env = {"XDG_STATE_HOME": state, "BOOKFS_INSTANCE": "CLI-1"}

    def lock(self, book, instance, *words):
        return self.run_bookfs("lock", *words, book, "Chapter_03", **{**self.env, "BOOKFS_INSTANCE": instance})

    def test_a_hard_link(self):
        os.link(self.book, self.other)
        self.assertEqual(self.lock(self.book, "CLI-1").returncode, 0)
        self.assertEqual(self.lock(self.other, "CLI-2").returncode, 75)
        self.assertEqual(os.listdir(self.there), ["other.epub"], "one store")
        one = self.mount(name="one", XDG_STATE_HOME=self.env["XDG_STATE_HOME"])
        self.book = self.other
        two = self.mount(name="two", XDG_STATE_HOME=self.env["XDG_STATE_HOME"])
        self.assertEqual((self.held(one), self.held(two)), (["Chapter_03"], ["Chapter_03"]))

    def test_a_book_that_moved(self):
        self.assertEqual(self.lock(self.book, "CLI-1").returncode, 0)
        os.rename(self.book, self.other)
        self.assertEqual(self.lock(self.other, "CLI-2").returncode, 75)
        shutil.copy(self.other, self.book)
        self.assertEqual(self.lock(self.book, "CLI-2", "--as", "CLI-2").returncode, 75, "its store is there as before")

    def test_two_tables_that_are_there_already(self):
        """Nothing says where the other one is; but who uses the book is seen."""
        self.assertEqual(self.lock(self.book, "CLI-1").returncode, 0)
        shutil.copy(self.book, self.other)
        for book in (self.book, self.other):
            self.assertEqual(self.run_bookfs("run", "--no-images", book, **self.env).returncode, 0)
        self.assertEqual(self.lock(self.other, "CLI-2").returncode, 0, "a copy is another book")
        os.unlink(self.other)
        os.link(self.book, self.other)
        m = self.mount(name="one", XDG_STATE_HOME=self.env["XDG_STATE_HOME"])
        for book in (self.other, self.book):
            done = self.lock(book, "CLI-3")
            self.assertEqual(done.returncode, 1 if book == self.other else 75, done.stderr)
            self.assertEqual("in use by another name" in done.stderr, book == self.other, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)
        self.book = self.other
        two = self.mount(name="two", XDG_STATE_HOME=self.env["XDG_STATE_HOME"])
        with self.errno(errno.ENOLCK):
            os.close(os.open(two.path("locks/Chapter_04"), os.O_WRONLY | os.O_CREAT))
        self.assertIn("in use by another name", two.read("locks/.why"))
        m.end()
        self.assertEqual(self.lock(self.other, "CLI-2").returncode, 0)


class Unseen(agents.Case):
    """The mount lives in a pid namespace of its own, so that its callers have no number there."""

    def setUp(self):
        super().setUp()
        os.mkdir(os.path.join(self.tmp, "mnt"))
        self.dir = os.path.join(self.tmp, "mnt")
        self.process = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", harness.SLOWFS, "-f", self.book,
                                         self.dir], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.end)
        harness.wait_for(lambda: harness.is_mounted(self.dir))

    def end(self):
        harness.unmount_hard(self.dir)
        self.process.kill()
        self.process.wait()

    def held(self):
        return sorted(os.listdir(os.path.join(self.dir, "locks")))

    def test_by_lease(self):
        a, b = self.agent(), self.agent()
        self.assertIn("cannot be seen", a.ok("cat .me"))
        a.ok("echo CLI-1 > Chapter_03")
        b.fails("touch Chapter_03", "busy")
        a.fails("touch Chapter_03", "busy")     # nothing says that it is the same
        a.ok("echo CLI-1 >> Chapter_03")
        a.fails("rm -f Chapter_03", "busy")
        a.ok("echo release as CLI-1 Chapter_03 > .ctl")
        self.assertEqual(self.held(), [])
        a.ok("touch Chapter_04")
        b.fails("touch Chapter_04", "busy")
        a.ok("flock -n .all/Chapter_05 cat Chapter_05 | grep -q descriptor")
        a.kill()
        self.assertEqual(self.held(), ["Chapter_04"])
        with open(os.path.join(self.dir, "locks/Chapter_04")) as f:
            self.assertNotIn("\npid:", f.read())


if __name__ == "__main__":
    agents.main()
