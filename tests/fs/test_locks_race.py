#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One winner of any race, whatever idiom; watchers see what others do; nothing is left behind by a storm.

    test_locks_race.py [--full]     40 processes, 500 rounds an idiom, and a minute of stress-ng, instead of a few
"""

import os
import shutil
import subprocess
import sys
import unittest

import agents
import harness

FULL = "--full" in sys.argv
IDIOMS = ["touch", "redirect", "noclobber", "name", "flock", "fcntl", "ctl"]


class Race(agents.Case):
    def setUp(self):
        super().setUp()
        self.m = self.mount()

    def race(self, idiom, processes, rounds):
        done = subprocess.run([agents.LOCKERS, "race", idiom, self.m.path("locks"), "Chapter_03", str(processes),
                               str(rounds)], capture_output=True, text=True, timeout=1800, start_new_session=True)
        self.assertEqual((done.returncode, done.stdout), (0, "%d\n" % rounds), (idiom, done.stderr))
        self.assertEqual(self.held(self.m), [], idiom)

    def test_one_winner(self):
        for idiom in IDIOMS:
            self.race(idiom, 40 if FULL else 16, 500 if FULL else 12)

    def test_one_winner_over_two_mounts(self):
        """Two crowds, a mount each: whoever has it is alone, as a file that all would write shows."""
        other = self.mount(name="other")
        script = r"""
n=0
while [ $n -lt %d ]; do
	if touch Chapter_03 2>/dev/null; then
		mkdir "$1" || { echo "two of them"; exit 1; }
		rmdir "$1"
		rm Chapter_03 || { echo "it was taken away"; exit 1; }
		n=$((n+1))
	fi
done
echo done
""" % (50 if FULL else 8)
        path, alone = os.path.join(self.tmp, "loop.sh"), os.path.join(self.tmp, "alone")
        with open(path, "w") as f:
            f.write(script)
        crowd = [subprocess.Popen(["sh", path, alone], cwd=(self.m, other)[i % 2].path("locks"), text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  env={**os.environ, "BOOKFS_INSTANCE": "CLI-%d" % i}) for i in range(6)]
        for p in crowd:
            self.assertEqual(p.communicate(timeout=300)[0], "done\n")
        self.assertEqual(self.held(self.m), [])

    @unittest.skipUnless(shutil.which("stress-ng"), "no stress-ng")
    def test_storm(self):
        """What a stress test of file locks does in locks/ and beside it leaves a table that is right."""
        work = self.m.path("locks")
        before = len(os.listdir("/proc/%d/fd" % self.m.process.pid))
        subprocess.run(["stress-ng", "--temp-path", work, "--timeout", "60s" if FULL else "2s", "--flock", "2",
                        "--lockf", "2", "--lockofd", "2", "--open", "1", "--dentry", "1", "--dir", "1", "--quiet"],
                       timeout=180, capture_output=True, cwd=self.tmp)
        hammer = [subprocess.Popen(["sh", "-c", "for i in $(seq %d); do flock -w 60 .all/Chapter_0%d true || exit 1; done"
                                    % (200 if FULL else 20, 1 + i % 2)], cwd=work,
                                   env={**os.environ, "BOOKFS_INSTANCE": "S-%d" % i}) for i in range(6)]
        for p in hammer:
            self.assertEqual(p.wait(120), 0)
        harness.wait_for(lambda: self.held(self.m) == [], what="everything to be given back")
        a = self.agent("CLI-1")
        a.ok("touch Chapter_03 && rm Chapter_03")
        self.assertLess(len(os.listdir("/proc/%d/fd" % self.m.process.pid)), before + 80)

    @unittest.skipUnless(shutil.which("inotifywait"), "no inotify-tools")
    def test_watchers(self):
        """What another mount does, a descriptor, or a death, is seen as if it were done here."""
        other = self.mount(name="other")
        watch = subprocess.Popen(["inotifywait", "-m", "-e", "create,delete", "--format", "%e %f",
                                  self.m.path("locks")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (watch.kill(), watch.wait(), watch.stdout.close(), watch.stderr.close()))
        while "established" not in watch.stderr.readline():
            self.assertIsNone(watch.poll())

        def sees(*events):
            self.assertEqual([harness.Background(watch.stdout.readline).result().strip() for _ in events],
                             list(events))
        a, b = self.agent("CLI-1", other.path("locks")), self.agent("CLI-2")
        b.ok("touch Chapter_01; rm Chapter_01")
        sees("CREATE Chapter_01", "DELETE Chapter_01")
        a.ok("touch Chapter_02")
        sees("CREATE Chapter_02")
        a.ok("rm Chapter_02")
        sees("DELETE Chapter_02")
        held = subprocess.Popen(["flock", ".all/Chapter_03", "cat"], cwd=self.m.path("locks"), stdin=subprocess.PIPE)
        sees("CREATE Chapter_03")
        held.communicate()
        sees("DELETE Chapter_03")
        a.ok("touch Chapter_04")
        sees("CREATE Chapter_04")
        a.kill()
        sees("DELETE Chapter_04")
        b.ok("touch Chapter_05+Chapter_06")
        self.assertEqual(self.held(self.m), ["Chapter_05", "Chapter_06"])


if __name__ == "__main__":
    if FULL:
        sys.argv.remove("--full")
        os.environ["FULL"] = "1"
    FULL = FULL or os.environ.get("FULL") == "1"
    agents.main()
