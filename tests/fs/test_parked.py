# SPDX-License-Identifier: MIT
"""Opens that wait: interrupted, limited in time, refused. Many at once: tests/system/parked.py."""

import errno
import json
import os
import signal
import subprocess
import time

from harness import Background, Case, main, wait_for, within


class Parked(Case):
    def wait_parked(self, m, count=1):
        wait_for(lambda: m.read(".bookfs/waiting").count(", since ") == count, what="%d to wait" % count)

    def interrupt(self, m, kind):
        """How long a reader that waits takes to end."""
        cat = subprocess.Popen(["cat", m.path("chapters/1/concepts.json")], stdout=subprocess.DEVNULL)
        self.wait_parked(m)
        self.assertIn("chapters/1/concepts.json: cat (pid %d)" % cat.pid, m.read(".bookfs/waiting"))
        began = time.monotonic()
        cat.send_signal(kind)
        self.assertEqual(cat.wait(30), -kind)
        took = time.monotonic() - began
        self.assertEqual(m.read(".bookfs/waiting"), "nobody waits\n")
        return took

    def test_interrupt_returns_at_once_and_work_goes_on(self):
        gate = self.gate()
        m = self.mount(SLOW_GATE=gate.path)
        for kind in (signal.SIGINT, signal.SIGKILL):
            within(0.05, lambda: self.interrupt(m, kind))
        gate.open()
        wait_for(lambda: os.stat(m.path("chapters/1/concepts.json")).st_size != 4096, what="the result")
        self.assertEqual(self.asked(), 1)

    def test_time_limit(self):
        gate = self.gate()
        m = self.mount("wait=1", SLOW_GATE=gate.path)

        def in_vain():
            began = time.monotonic()
            with self.errno(errno.ETIMEDOUT):
                m.read("chapters/1/concepts.json")
            took = time.monotonic() - began
            self.assertGreaterEqual(took, 0.99)
            return took
        within(1.2, in_vain)
        self.assertIn("errno: ETIMEDOUT", m.read(".bookfs/why"))
        gate.open()
        wait_for(lambda: os.stat(m.path("chapters/1/concepts.json")).st_size != 4096, what="the result")
        self.assertEqual(json.loads(m.read("chapters/1/concepts.json"))["status"], "completed")
        self.assertEqual(self.asked(), 1)

    def test_nonblocking(self):
        gate = self.gate()
        m = self.mount(SLOW_GATE=gate.path)
        path = m.path("chapters/1/concepts.json")
        with self.errno(errno.EAGAIN):
            os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        gate.open()
        wait_for(lambda: os.stat(path).st_size != 4096, what="the result")
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        self.assertEqual(self.asked(), 1)

    def test_failure_is_an_errno(self):
        gate = self.gate()
        m = self.mount(SLOW_GATE=gate.path, SLOW_FAIL="the ink ran out")
        readers = [Background(m.read, "chapters/1/concepts.json") for _ in range(20)]
        self.wait_parked(m, 20)
        gate.open()
        for r in readers:
            with self.errno(errno.EIO):
                r.result()
        self.assertIn("the ink ran out", m.read(".bookfs/why"))
        self.assertIn("the ink ran out", m.read("chapters/1/status.json"))
        asked = self.asked()
        with self.errno(errno.EIO):
            m.read("chapters/1/concepts.json")
        self.assertEqual(self.asked(), asked)
        self.assertEqual(os.stat(m.path("chapters/1/concepts.json")).st_size, 4096)

    def test_never(self):
        m = self.mount("trigger=never")
        with self.errno(errno.ENODATA):
            m.read("chapters/1/concepts.json")
        self.assertIn("errno: ENODATA", m.read(".bookfs/why"))
        m.command("analyze 1\n")
        wait_for(lambda: os.stat(m.path("chapters/1/concepts.json")).st_size != 4096, what="the result")
        self.assertEqual(json.loads(m.read("chapters/1/concepts.json"))["status"], "completed")

    def test_never_for_some(self):
        m = self.mount("no_trigger=head:a-name-of-more-than-fifteen")
        path = m.path("chapters/1/concepts.json")
        long_name = os.path.join(self.tmp, "a-name-of-more-than-fifteen")
        os.symlink("/usr/bin/tail", long_name)
        for program in ("head", long_name):
            done = subprocess.run([program, path], capture_output=True, text=True)
            self.assertIn(os.strerror(errno.ENODATA), done.stderr)
        self.assertEqual(self.asked(), 0)
        subprocess.run(["cat", path], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["head", path], check=True, stdout=subprocess.DEVNULL)

    def test_thread_is_known_by_its_process(self):
        m = self.mount("no_trigger=python3:python", SLOW_MS="0")
        with open("/proc/self/comm") as f:
            name = f.read().strip()
        if not name.startswith("python"):
            self.skipTest("the interpreter is called " + name)

        def read():
            with open("/proc/thread-self/comm", "w") as f:
                f.write("other")
            return m.read("chapters/1/concepts.json")
        with self.errno(errno.ENODATA):
            Background(read).result()

    def test_unmount_wakes_all(self):
        m = self.mount("grace=1", SLOW_GATE=self.gate().path)
        readers = [subprocess.Popen(["cat", m.path("chapters/%d/concepts.json" % n)], stderr=subprocess.PIPE,
                                    text=True) for n in (1, 1, 2)]
        self.wait_parked(m, 3)
        m.process.send_signal(signal.SIGTERM)
        for r in readers:
            self.assertIn(os.strerror(errno.EINTR), r.communicate(timeout=30)[1])

    def test_two_mounts_share(self):
        gate = self.gate()
        one, two = self.mount(name="one", SLOW_GATE=gate.path), self.mount(name="two", SLOW_GATE=gate.path)
        readers = [Background(m.read, "chapters/1/concepts.json") for m in (one, two) for _ in range(10)]
        self.wait_parked(one, 10)
        self.wait_parked(two, 10)
        gate.open()
        self.assertEqual(len({r.result() for r in readers}), 1)
        self.assertEqual(self.asked(), 1)
        wait_for(lambda: os.listdir(two.path("images")) == os.listdir(one.path("images")) != [],
                 what="the picture on both")
        self.assertEqual(self.asked("paint"), 1)


if __name__ == "__main__":
    main()
