# SPDX-License-Identifier: MIT
"""A mount whose chapters and pictures come from a server: the scripted one of tests/providers, on loopback."""

import errno
import glob
import json
import os
import re
import signal
import subprocess
import sys
import time
import unittest

from harness import BOOKFS, Case, main, wait_for

SERVER = os.environ.get("SERVER", "")
KEY = "sk-a-secret-that-nobody-sees"


class Openai(Case):
    chapters = 4

    def setUp(self):
        super().setUp()
        self.asked_file = os.path.join(self.tmp, "requests")
        self.server = subprocess.Popen([sys.executable, "-B", SERVER, self.asked_file], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.stdout.close)
        self.addCleanup(self.server.stdin.close)
        self.port = int(self.server.stdout.readline())

    def options(self, text="good", image="good", more=""):
        base = "http://127.0.0.1:%d/" % self.port
        pictures = ",image_model=p,image_base_url=%s%s/v1" % (base, image) if image else ""
        return "provider=openai,model=m,base_url=%s%s/v1%s,illustrate=auto%s" % (base, text, pictures, more)

    def mounted(self, options, **env):
        return self.mount(options, program=BOOKFS, OPENAI_API_KEY=KEY, **env)

    def run_book(self, options, **env):
        return self.run_bookfs("run", "-o", options, self.book, program=BOOKFS, OPENAI_API_KEY=KEY, **env)

    def requests(self, kind=""):
        if not os.path.exists(self.asked_file):
            return []
        with open(self.asked_file) as f:
            lines = [json.loads(line) for line in f if line.endswith("\n")]
        return [r for r in lines if kind in r["path"]]

    def assert_no_key(self, *more):
        for name in glob.glob(self.tmp + "/book.epub.bookfs*") + list(more):
            with open(name, "rb") as f:
                self.assertNotIn(KEY.encode(), f.read(), name)

    def test_analysis_and_pictures(self):
        m = self.mounted(self.options(more=",illustrate=auto"))
        a = json.loads(m.read("chapters/2/concepts.json"))
        self.assertEqual((a["status"], a["provider"], a["model"]), ("completed", "openai", "m"))
        self.assertIn(a["concepts"][0]["quote"], m.read("chapters/2/text.md"))
        wait_for(lambda: os.listdir(m.path("images")), what="the picture")
        with open(m.path("images", os.listdir(m.path("images"))[0]), "rb") as f:
            self.assertTrue(f.read().startswith(b"\x89PNG"))
        sent = self.requests("/chat/")
        self.assertEqual([len(sent), sent[0]["key"]], [1, "Bearer " + KEY])
        prompt = json.loads(sent[0]["body"])["messages"][0]["content"]
        self.assertEqual(prompt, m.read("chapters/2/prompt.txt"))
        self.assertEqual(len(self.requests("/images/")), 1)

    def test_own_words(self):
        """prompt_dir: fields are filled in once, whatever the book says."""
        os.mkdir(self.tmp + "/words")
        with open(self.tmp + "/words/chapter.txt", "w") as f:
            f.write("Of {book}, in verse: {title}\nChapter: {chapter}\nGive {scenes} concept. {nothing}")
        m = self.mounted(self.options(image=None, more=",prompt_dir=%s/words" % self.tmp))
        self.assertEqual(json.loads(m.read("chapters/2/concepts.json"))["status"], "completed")
        prompt = json.loads(self.requests("/chat/")[0]["body"])["messages"][0]["content"]
        self.assertIn("Of \"The Test Light\", in verse: \"Chapter 2\"\nChapter: 2\nGive 1 concept. {nothing}\n", prompt)
        self.assertIn(m.read("chapters/2/text.md").split("\n")[2][:40], prompt)
        self.assertEqual(m.read("chapters/2/prompt.txt"), prompt)
        m.end()
        os.remove(self.tmp + "/words/chapter.txt")
        done = self.run_book(self.options(image=None, more=",prompt_dir=%s/words" % self.tmp))
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
        self.assertIn("words: there is no chapter.txt nor picture.txt", done.stderr)

    def test_own_words_of_pictures(self):
        os.mkdir(self.tmp + "/words")
        options = self.options(more=",prompt_dir=%s/words" % self.tmp)
        for words, refusal in (("In ink: {description}\n{nothing}", None), ("In ink.", "picture.txt: all pictures would be one")):
            with open(self.tmp + "/words/picture.txt", "w") as f:
                f.write(words)
            done = self.run_book(options)
            if refusal:
                self.assertEqual(done.returncode, 2)
                self.assertIn(refusal, done.stderr)
            else:
                self.assertEqual(done.returncode, 0, done.stderr)
        sent = [json.loads(r["body"])["prompt"] for r in self.requests("/images/")]
        self.assertTrue(sent and all(re.fullmatch(r"In ink: [^{}]+\n\{nothing\}", p) for p in sent), sent)
        self.assertEqual(len(set(sent)), len(sent))

    def settings(self, text):
        """A settings' file, and the environment that has it."""
        os.makedirs(self.tmp + "/xdg/bookfs", exist_ok=True)
        with open(self.tmp + "/xdg/bookfs/config", "w") as f:
            f.write(text)
        os.chmod(f.name, 0o600)
        with open(self.tmp + "/key", "w") as f:
            f.write(KEY + "\n")
        os.chmod(f.name, 0o600)
        return {"XDG_CONFIG_HOME": self.tmp + "/xdg"}

    def ways(self, word):
        """Each way to hand over a key, each to another kind of server: options, and an environment."""
        base = "base_url=http://127.0.0.1:%d/%s/" % (self.port, word)
        yield "provider=openai,model=m,%sv1" % base, {"OPENAI_API_KEY": KEY}
        yield "provider=anthropic", self.settings("[anthropic]\n%sv1\napi_key = %s\n" % (base, KEY))
        yield "provider=gemini", self.settings("[gemini]\n%sv1beta\napi_key_command = cat %s/key\n" % (base, self.tmp))

    def refused_mount(self, options, **env):
        m = self.mount(options, program=BOOKFS, **env)
        before = len(self.requests())
        with self.errno(errno.EACCES):
            m.read("chapters/1/concepts.json")
        why = m.read(".bookfs/why")
        self.assertIn("errno: EACCES", why)
        self.assertIn("the server refused the key (401", why)
        sent = self.requests()[before:]
        self.assertEqual([r["key"].replace("Bearer ", "") for r in sent], [KEY])
        files = subprocess.run(["grep", "-rlF", KEY, m.dir], capture_output=True, text=True, timeout=20).stdout
        self.assertEqual(files, "")
        self.assertNotIn(KEY, why + m.read(".bookfs/log") + m.read("chapters/1/status.json") + m.messages())
        children = subprocess.run(["pgrep", "-P", str(m.process.pid)], capture_output=True, text=True).stdout.split()
        self.assertNotEqual(children, [])
        for pid in [str(m.process.pid)] + children:
            for name in ("cmdline", "environ"):
                with open("/proc/%s/%s" % (pid, name), "rb") as f:
                    self.assertNotIn(KEY.encode(), f.read())
        self.assert_no_key()
        m.end()
        self.assert_no_key()

    def test_the_key_is_nowhere(self):
        for options, env in self.ways("unauthorized"):
            self.refused_mount(options, **env)
            for name in glob.glob(self.tmp + "/book.epub.bookfs*"):
                os.remove(name)

    @unittest.skipIf(os.environ.get("SANITIZE", "none") != "none", "a sanitizer's own tracing")
    @unittest.skipIf(subprocess.run(["strace", "-o/dev/null", "true"], stderr=subprocess.DEVNULL, check=False).returncode,
                     "no tracing here")
    def test_where_the_key_passes(self):
        """Of all system calls only these hold it: reading it where it was put, a pipe, and the server's socket."""
        trace, allowed = self.tmp + "/trace", re.compile(
            r"(read|pread64|write|sendto|sendmsg|writev)\(\d+<(pipe:|TCP:|%s/(key|xdg/bookfs/config)>)" % self.tmp)
        for options, env in self.ways("good"):
            done = subprocess.run(["strace", "-ff", "-yy", "-s", "100000", "-e", "trace=!futex", "-o", trace, BOOKFS, "run",
                                   "--chapters", "1", "-o", options, self.book], capture_output=True, text=True,
                                  timeout=60, stdin=subprocess.DEVNULL, env={**os.environ, **env})
            self.assertEqual(done.returncode, 0, done.stderr)
            lines = []
            for name in glob.glob(trace + ".*"):  # one a process, as calls of several would be cut in pieces
                with open(name) as f:
                    lines += [line for line in f if KEY in line]
                os.remove(name)
            self.assertTrue(any("TCP:" in line for line in lines))
            # execve's environment is shown as a number of variables.
            self.assertEqual([line for line in lines if not allowed.match(line)], [])
            self.assertNotIn(KEY, done.stdout + done.stderr)
            self.assert_no_key()
            for name in glob.glob(self.tmp + "/book.epub.bookfs*"):
                os.remove(name)

    def test_a_key_alone_chooses_nothing(self):
        m = self.mounted("", OPENAI_BASE_URL="http://127.0.0.1:%d/good/v1" % self.port)
        self.assertEqual(json.loads(m.read("chapters/1/concepts.json"))["provider"], "builtin")
        self.assertEqual(self.requests(), [])
        self.assertIn("-o provider=openai,model=NAME", m.messages())
        with open("/proc/%d/maps" % m.process.pid) as f:
            self.assertNotIn("libcurl", f.read())

    def test_usage(self):
        for options, says in (("provider=openai", "model=NAME"), ("model=m", "provider=openai"),
                              ("provider=openai,model=m", "OPENAI_API_KEY"), ("provider=gpt", "builtin"),
                              ("provider=openai,model=", "model=...")):
            done = self.run_bookfs("run", "-o", options, self.book, program=BOOKFS)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(says, done.stderr)
        done = self.run_book("provider=openai,model=m,base_url=http://me:%s@127.0.0.1/v1" % KEY)
        self.assertEqual(done.returncode, 2)
        self.assertNotIn(KEY, done.stderr)

    def test_text_alone_leaves_the_pictures_here(self):
        done = self.run_book(self.options(image=None))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.requests()), self.chapters)

    def test_refused_text_is_no_success(self):
        done = self.run_book(self.options("unauthorized"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("chapters: 0 of 4 analysed; pictures: 0 of 0 painted; failed: 4", done.stdout)
        self.assertEqual(done.stderr.count("refused the key"), 4)
        self.assertNotIn(KEY, done.stdout + done.stderr)

    def test_refused_pictures_leave_the_text(self):
        done = self.run_book(self.options(image="policy"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("chapters: 4 of 4 analysed; pictures: 0 of 4 painted; failed: 4", done.stdout)
        self.assertEqual(len(self.requests("/images/")), 4)

    def test_each_third_fails(self):
        done = self.run_book(self.options("third", "third"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertLessEqual(len(self.requests()), 12)

    def test_a_wait_is_no_longer_than_asked_for(self):
        """When a limit is whole again is another thing, and minutes later."""
        done = self.run_book(self.options("429:both0.05~good", None))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.requests()), self.chapters + 1)

    def test_paid_once(self):
        self.assertEqual(self.run_book(self.options()).returncode, 0)
        asked = len(self.requests())
        self.assertEqual(asked, 8)
        for options in (self.options().replace("model=m", "model=other"), ""):
            m = self.mounted(options)
            self.assertEqual(json.loads(m.read("chapters/1/concepts.json"))["provider"], "openai")
            self.assertEqual(len(os.listdir(m.path("images"))), 4)
            m.end()
        self.assertEqual(len(self.requests()), asked)

    def test_killed_in_flight(self):
        """What was answered before the kill is not asked again."""
        options = self.options("good.60", "good.30", ",chat_slots=2,image_slots=2")
        args = [BOOKFS, "run", "-o", options, self.book]
        lost = 0
        for delay in (0.1, 0.17, 0.24):
            run = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                                   env={**os.environ, "OPENAI_API_KEY": KEY})
            before = len(self.requests())
            wait_for(lambda: len(self.requests()) > before or run.poll() is not None, what="a request")
            time.sleep(delay - 0.09)
            run.send_signal(signal.SIGKILL)
            run.wait()
            lost += 4
        self.assertEqual(self.run_book(options).returncode, 0)
        self.assertLessEqual(len(self.requests()), 8 + lost)
        self.assert_no_key()

    def test_reader_waits_through_a_failure(self):
        m = self.mounted(self.options("shaky", None))
        self.assertEqual(json.loads(m.read("chapters/1/concepts.json"))["status"], "completed")
        self.assertEqual(len(self.requests()), 2)

    def test_unmount_with_a_request_in_flight(self):
        m = self.mounted(self.options("hang", None, ",grace=1"))
        reader = subprocess.Popen(["cat", m.path("chapters/1/concepts.json")], stderr=subprocess.PIPE, text=True)
        wait_for(lambda: self.requests(), what="the request")
        m.process.send_signal(signal.SIGTERM)
        self.assertIn(os.strerror(errno.EINTR), reader.communicate(timeout=5)[1])
        m.process.wait(5)


if __name__ == "__main__":
    main()
