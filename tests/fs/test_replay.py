# SPDX-License-Identifier: MIT
"""What -o record=DIR wrote, tests/replay brings back: the same run, the same failures, without the server."""

import glob
import os
import subprocess
import sys

from harness import BOOKFS, Case, main

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER = os.environ.get("SERVER", "")
REPLAY = os.path.join(HERE, "..", "replay")
KEY = "sk-a-secret-that-nobody-sees"


class Replay(Case):
    chapters = 4

    def record(self, text, image):
        """A run against the scripted server, which has ended since. Its output."""
        server = subprocess.Popen([sys.executable, "-B", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.wait)
        self.addCleanup(server.stdout.close)
        base = "http://127.0.0.1:%d/" % int(server.stdout.readline())
        self.records = os.path.join(self.tmp, "records")
        options = "provider=openai,model=m,base_url=%s%s/v1,image_model=p,image_base_url=%s%s/v1,record=%s" % (
            base, text, base, image, self.records)
        done = self.run_bookfs("run", "--yes", "-o", options, self.book, program=BOOKFS, OPENAI_API_KEY=KEY)
        server.stdin.close()
        return done

    def replay(self, *args):
        return subprocess.run([sys.executable, "-B", REPLAY, *args], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "BOOKFS": BOOKFS})

    @staticmethod
    def outcome(done):
        """The exit code, the summary, and what is said of chapters and pictures, in no order."""
        lines = [line for line in done.stderr.splitlines() if line.startswith("chapter")]
        return done.returncode, done.stdout.splitlines()[:1], sorted(lines)

    def test_a_failure_comes_back(self):
        was = self.record("second", "500~cut~url")
        self.assertEqual(was.returncode, 1, was.stderr)
        self.assertIn("this chapter will not do", was.stderr)
        again = self.replay(self.records, self.book, "--yes")
        self.assertEqual(self.outcome(again), self.outcome(was), again.stderr)
        self.assertIn(" 0 with others, 0 never recorded; ", again.stderr)
        self.assertIn(" with the bytes that were recorded", again.stderr)

    def test_without_the_book(self):
        was = self.record("good", "policy")
        again = self.replay(self.records)
        self.assertEqual(again.returncode, 1)
        self.assertIn("chapters: 4 of 4 analysed; pictures: 0 of 4 painted; failed: 4", was.stdout)
        self.assertIn("chapters: 4 of 4 analysed; pictures: 0 of 4 painted; failed: 4", again.stdout)

    def test_records_are_private_and_have_no_key(self):
        self.record("unauthorized", "good")
        files = glob.glob(self.records + "/*")
        self.assertEqual(len(files), 3 * 4)
        for name in files:
            self.assertEqual(os.stat(name).st_mode & 0o777, 0o600)
            with open(name, "rb") as f:
                self.assertNotIn(KEY.encode(), f.read())
        again = self.replay(self.records, self.book)
        self.assertEqual(again.stderr.count("refused the key"), 4, again.stderr)

    def test_no_record(self):
        folder = os.path.join(self.tmp, "odd")
        os.mkdir(folder)
        for text, says in ((None, "nothing was recorded there"), ("{", "no record of an exchange"), ("[]", "no record of"),
                           ('{"method": 1, "path": "/"}', "no record of"), ('{"method": "GET"}', "no record of")):
            if text:
                for end in (".meta.json", ".req", ".body"):
                    with open(os.path.join(folder, "000001" + end), "w") as f:
                        f.write(text)
            done = self.replay(folder)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1), done.stderr)
            self.assertIn(says, done.stderr)

    def test_a_folder_that_takes_nothing(self):
        done = self.run_bookfs("run", "-o", "provider=openai,model=m,base_url=http://127.0.0.1:1/v1,record=/proc/nowhere",
                               self.book, program=BOOKFS)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/proc/nowhere: nothing can be recorded there", done.stderr)


if __name__ == "__main__":
    main()
