# SPDX-License-Identifier: MIT
"""What -o record=DIR wrote, tests/replay brings back: the same run, the same failures, without the server."""

import glob
import json
import os
import re
import subprocess
import sys
import urllib.request

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

    def test_forms(self):
        """A picture with references: the word between a form's parts is another each time."""
        def form(boundary, name):
            lines = ("--" + boundary, 'Content-Disposition: form-data; name="model"', "", name, "--" + boundary + "--", "")
            return "multipart/form-data; boundary=" + boundary, "\r\n".join(lines).encode()
        folder = os.path.join(self.tmp, "forms")
        os.mkdir(folder)
        for number, name in enumerate(("gpt-image-1", "gpt-image-2")):
            kind, body = form("recorded", name)
            meta = {"method": "POST", "host": "h", "path": "/v1/images/edits", "request_headers": {"Content-Type": kind}}
            for end, data in ((".req", body), (".body", name.encode()), (".meta.json", json.dumps(meta).encode())):
                with open("%s/%06d%s" % (folder, number, end), "wb") as f:
                    f.write(data)
        server = subprocess.Popen([sys.executable, "-B", REPLAY, "--serve", folder], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        options = server.stdout.readline()
        self.assertIn("image_model=gpt-image-1", options)
        url = re.search(r"image_base_url=([^,\s]+)", options)[1] + "/images/edits"
        for name in ("gpt-image-2", "gpt-image-1"):
            kind, body = form("another", name)
            with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": kind})) as answer:
                self.assertEqual(answer.read(), name.encode())
        said = server.communicate()[1]
        self.assertIn("2 requests with the bytes that were recorded, 0 with others", said)

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
