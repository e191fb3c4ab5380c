# SPDX-License-Identifier: MIT
"""inotify sees what arrives: by this mount, by another mount, by a process without one."""

import os
import shutil
import signal
import subprocess

from harness import Case, has_ended, main, wait_for


class Watching(Case):
    def watch(self, *folders):
        path = os.path.join(self.tmp, "watched")
        with open(path, "w") as out:
            p = subprocess.Popen(["inotifywait", "-m", "-e", "create,close_write,moved_to,delete", *folders],
                                 stdout=out, stderr=subprocess.PIPE, text=True)
        self.addCleanup(p.stderr.close)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        while "established" not in p.stderr.readline():
            pass

        def lines():
            with open(path) as f:
                return f.read().splitlines()
        return lines

    def arrived(self, lines, folder, name):
        return any(l == "%s/ MOVED_TO %s" % (folder, name) for l in lines())

    def setUp(self):
        if not shutil.which("inotifywait"):
            self.skipTest("needs inotifywait (inotify-tools)")
        super().setUp()

    def test_a_result_is_seen(self):
        m = self.mount()
        images, chapter = m.path("images"), m.path("chapters/1")
        lines = self.watch(images, chapter)
        text = m.read("chapters/1/concepts.json")
        picture = "chapter_1_scene_1.png"
        for folder, name in ((chapter, "concepts.json"), (chapter, "elements.json"), (images, picture)):
            wait_for(lambda: self.arrived(lines, folder, name), what=name)
        seen = [l.split(" ", 2)[1:] for l in lines() if l.startswith(images)]
        self.assertEqual([what for what, _ in seen], ["CREATE", "CLOSE_WRITE,CLOSE", "MOVED_TO"])
        self.assertEqual(m.read("chapters/1/concepts.json"), text)
        self.assertEqual(os.listdir(images), [picture])
        with open(os.path.join(images, picture), "rb") as f:
            self.assertEqual(f.read(4), b"\x89PNG")
        self.assertEqual(os.stat(os.path.join(images, picture)).st_nlink, 1)

    def test_every_picture_once(self):
        m = self.mount()
        lines = self.watch(m.path("images"))
        m.command("analyze all\n")
        wait_for(lambda: len(os.listdir(m.path("images"))) == self.chapters, what="all pictures")
        names = sorted(os.listdir(m.path("images")))

        def moved():
            return sorted(l.split()[-1] for l in lines() if " MOVED_TO " in l)
        wait_for(lambda: len(moved()) >= len(names), what="all to be seen")
        self.assertEqual(moved(), names)
        self.assertFalse([l for l in lines() if " DELETE " in l])

    def test_work_of_others_is_seen(self):
        m = self.mount()
        lines = self.watch(m.path("images"))
        done = self.run_bookfs("run", "--chapters", "2", self.book)
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_for(lambda: self.arrived(lines, m.path("images"), "chapter_2_scene_1.png"), what="the picture")

    def helper_of(self, m):
        with open("/proc/%d/task/%d/children" % (m.process.pid, m.process.pid)) as f:
            for pid in f.read().split():
                with open("/proc/%s/comm" % pid) as comm:
                    if comm.read().strip() == "bookfs-helper":
                        return int(pid)
        self.fail("there is no helper")

    def test_helper_ends_with_the_daemon(self):
        m = self.mount()
        helper = self.helper_of(m)
        m.process.kill()
        m.process.wait()
        wait_for(lambda: has_ended(helper), what="the helper to end")

    def test_without_its_helper_all_goes_on(self):
        m = self.mount()
        helper = self.helper_of(m)
        os.kill(helper, signal.SIGSTOP)
        m.read("chapters/1/concepts.json")
        os.kill(helper, signal.SIGKILL)
        m.read("chapters/4/concepts.json")
        wait_for(lambda: len(os.listdir(m.path("images"))) == 2, what="the pictures")
        wait_for(lambda: "helper" in m.read(".bookfs/log"), what="its death to be seen")

    def test_helper_holds_nothing(self):
        m = self.mount()
        m.read("chapters/1/concepts.json")
        helper = self.helper_of(m)

        def held():
            folder = "/proc/%d/fd" % helper
            return [l for l in (os.readlink(os.path.join(folder, n)) for n in os.listdir(folder))
                    if "fuse" in l or l.startswith(self.tmp)]
        wait_for(lambda: os.listdir(m.path("images")) and not held(), what="the helper to hold nothing")


if __name__ == "__main__":
    main()
