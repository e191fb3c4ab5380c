# SPDX-License-Identifier: MIT
"""No surprise bills: what is said before anything is spent, and that no more is spent than that. A scripted server counts."""

import errno
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
import urllib.request

from harness import BOOKFS, TERMINALS, Case, main, make_book, wait_for, within

SERVER = os.environ.get("SERVER", "")
KEY = "sk-a-secret-that-nobody-sees"


class Bills(Case):
    chapters = 6

    @classmethod
    def setUpClass(cls):
        server = subprocess.Popen([sys.executable, "-B", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        cls.addClassCleanup(server.wait)
        cls.addClassCleanup(server.stdout.close)
        cls.addClassCleanup(server.stdin.close)
        cls.port = int(server.stdout.readline())
        cls.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def setUp(self):
        super().setUp()
        self.get("/clear")
        self.env = {**os.environ, "OPENAI_API_KEY": KEY, "TMPDIR": os.path.join(self.tmp, "temporary")}
        os.mkdir(self.env["TMPDIR"])

    def get(self, path):
        with self.opener.open("http://127.0.0.1:%d%s" % (self.port, path)) as answer:
            return answer.read().decode()

    def counted(self):
        """What the server was asked: requests for chapters, for pictures, all its tokens."""
        totals = json.loads(self.get("/totals"))
        of = [totals.get(kind, {"requests": 0, "tokens_in": 0, "tokens_out": 0}) for kind in ("chat", "image")]
        return (of[0]["requests"], of[1]["requests"],
                sum(t["tokens_in"] + t["tokens_out"] for t in of))

    def options(self, more="", text="good", image="good"):
        at = "http://127.0.0.1:%d/%%s/v1" % self.port
        return "provider=openai,model=m,base_url=%s,image_model=p,image_base_url=%s%s" % (
            at % text, at % image, more)

    def bookfs(self, *args, timeout=60, **more):
        return subprocess.run([BOOKFS, *args], capture_output=True, text=True, timeout=timeout, cwd=self.tmp,
                              stdin=subprocess.DEVNULL, env={**self.env, **more})

    def mounted(self, more=""):
        return self.mount(self.options(more), program=BOOKFS, OPENAI_API_KEY=KEY)

    def beside_the_book(self):
        return sorted(n for n in os.listdir(self.tmp) if n != "temporary")


class Estimate(Bills):
    def estimate(self, *args, more="", command=("estimate",)):
        r = self.bookfs(*command, "--json", "-o", self.options(more), *args, self.book)
        self.assertEqual(r.returncode, 0, r.stderr)
        return json.loads(r.stdout)

    def test_asks_nobody_and_leaves_nothing(self):
        e = self.estimate()
        self.assertEqual((e["chapters"]["requests"], e["pictures"]["requests"], e["requests"]), (6, 6, 12))
        self.assertIsNone(e["cost"])
        self.assertEqual(self.estimate(command=("run", "--dry-run")), e)
        self.assertEqual(self.counted(), (0, 0, 0))
        self.assertEqual(self.beside_the_book(), ["book.epub"])
        self.assertEqual(os.listdir(self.env["TMPDIR"]), [])

    def test_is_the_run_that_follows(self):
        """Of the whole, of a part, of what is left; chapters as long as people write them."""
        make_book(self.book, 6, words=3000)
        for args in (["--chapters", "2,4-5"], ["--chapters", "1-2", "--no-images"], ["--limit", "1"], []):
            e = self.estimate(*args)
            self.get("/clear")
            r = self.bookfs("run", "-o", self.options(), *args, self.book)
            self.assertEqual(r.returncode, 0, r.stderr)
            chat, images, tokens = self.counted()
            self.assertEqual((e["chapters"]["requests"], e["pictures"]["requests"]), (chat, images), args)
            if chat:
                self.assertAlmostEqual(e["tokens"] / tokens, 1, delta=0.15, msg=args)
        self.assertEqual(self.estimate()["requests"], 0)

    def test_is_the_dry_run(self):
        for args, pictures in (([], 6), (["--limit", "2"], 2), (["--no-images"], 0), (["-o", "images=off"], 0),
                               (["-o", "images=approve"], 0), (["-o", "illustrate=ask"], 0),
                               (["-o", "illustrate=ask", "--limit", "2"], 2)):
            e = self.estimate(*args)
            self.assertEqual((e["chapters"]["count"], e["pictures"]["count"]), (6, pictures), args)
            self.assertEqual(self.estimate(*args, command=("run", "--dry-run")), e, args)

    def test_one_text_twice(self):
        """Is analysed once."""
        self.book = os.path.join(self.tmp, "book.md")
        with open(self.book, "w") as f:
            for title in "Refrain", "Verse", "Refrain":
                f.write("# %s\n\n%s\n\n" % (title, "The tall lighthouse stood white against a black sky. " * 80))
        e = self.estimate()
        self.assertEqual(self.bookfs("run", "-o", self.options(), self.book).returncode, 0)
        self.assertEqual((e["chapters"]["requests"], e["pictures"]["requests"]), self.counted()[:2])
        self.assertEqual(self.counted()[:2], (2, 2))

    def test_cost(self):
        e = self.estimate(more=",prices=2:8,image_prices=0.04")
        text = e["chapters"]
        self.assertAlmostEqual(e["cost"], text["tokensIn"] * 2e-6 + text["tokensOut"] * 8e-6 + 6 * 0.04, places=3)
        r = self.bookfs("estimate", "-o", self.options(",prices=2:8,image_prices=0.04"), self.book)
        self.assertRegex(r.stdout, r"^6 chapters to analyse, 6 pictures to paint\n6 \+ 6 requests, about \d+ k tokens, "
                                   r"cost 0\.\d\d\n$")

    def test_cost_is_told(self):
        """What it took, by the server's own count, in all that speaks of it."""
        options = self.options(",prices=2:8,image_prices=0.04")
        r = self.bookfs("run", "--json", "--chapters", "1-2", "-o", options, self.book)
        self.assertEqual(r.returncode, 0, r.stderr)
        totals = json.loads(self.get("/totals"))
        chat = totals["chat"]
        cost = chat["tokens_in"] * 2e-6 + chat["tokens_out"] * 8e-6 + 2 * 0.04
        state = json.loads(r.stdout)
        self.assertEqual(state["totals"]["requests"], 4)
        self.assertEqual(state["totals"]["tokensIn"], chat["tokens_in"])  # pictures are paid for each
        self.assertEqual(state["totals"]["tokensOut"], chat["tokens_out"])
        self.assertAlmostEqual(state["totals"]["cost"], cost, delta=0.001)
        self.assertAlmostEqual(sum(c["cost"] for c in state["chapters"] + state["images"]), cost, delta=0.001)
        m = self.mount(program=BOOKFS)
        one = json.loads(m.read("chapters/1/status.json"))
        self.assertEqual((one["requests"], one["cost"] > 0, one["images"][0]["cost"]), (1, True, 0.04))

    def test_unsure(self):
        """Whether there will be doubts of the cast is not known before; so it is said."""
        r = self.bookfs("estimate", "-o", self.options(",resolve=yes"), self.book)
        self.assertRegex(r.stdout, r"^6 chapters to analyse, 6 pictures to paint, up to 1 request besides\n"
                                   r"up to 7 \+ 6 requests, about ")
        self.assertEqual(self.estimate(more=",resolve=yes")["unsure"], 1)

    def test_builtin(self):
        r = self.bookfs("estimate", self.book)
        self.assertEqual(r.stdout, "6 chapters to analyse, 6 pictures to paint\nno server is asked\n")


class Run(Bills):
    def run_book(self, *args, more="", **servers):
        return self.bookfs("run", "-o", self.options(more, **servers), *args, self.book)

    def test_says_it_first(self):
        r = self.run_book()
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertRegex(r.stderr.splitlines()[0], r"^bookfs: 6 \+ 6 requests, about \d+ k tokens to openai m and openai p; "
                                                   r"what they cost is not known without prices=$")
        self.assertRegex(r.stdout, r"pictures: 6 of 6 painted; failed: 0\ntook: 12 requests, \d+ k tokens\n$")
        self.assertNotIn("requests", self.bookfs("run", "--no-images", self.book).stderr)

    def test_says_who(self):
        """Pictures alone are asked of a server: it is he who is named."""
        servers = "image_provider=openai,image_base_url=http://127.0.0.1:%d/good/v1,image_model=brush" % self.port
        r = self.bookfs("run", "--chapters", "1", "-o", servers, self.book)
        self.assertRegex(r.stderr.splitlines()[0], "^bookfs: 1 request to openai brush; what they cost ")

    def test_limit(self):
        r = self.run_book("--limit", "2")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("chapters: 6 of 6 analysed; pictures: 2 of 6 painted; failed: 0; left by --limit: 4", r.stdout)
        self.assertEqual(self.counted()[:2], (6, 2))
        m = self.mounted(",illustrate=auto")  # nobody is left waiting whom it would draw for
        m.read("chapters/1/concepts.json")
        self.assertEqual(json.loads(m.read("status.json"))["totals"]["images"]["completed"], 2)
        m.end()
        self.assertEqual(self.counted()[:2], (6, 2))
        self.assertEqual(self.run_book().returncode, 0)
        self.assertEqual(self.counted()[:2], (6, 6))

    def test_limit_of_builtin(self):
        """Of a chapter with four scenes three are left."""
        make_book(self.book, 2)
        r = self.bookfs("run", "--limit", "1", "-o", "pages_per_image=1", self.book)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("pictures: 1 of 8 painted; failed: 0; left by --limit: 7", r.stdout)

    def test_a_spent_budget_ends_it(self):
        r = self.run_book("--no-images", more=",max_requests=4")
        self.assertEqual(r.returncode, 1)
        self.assertIn("bookfs: the budget is spent: max_requests=4; run it again with more of it", r.stderr)
        self.assertIn("chapters: 4 of 6 analysed", r.stdout)
        self.assertEqual(self.counted()[:2], (4, 0))
        self.assertEqual(self.run_book("--no-images").returncode, 0)
        self.assertEqual(self.counted()[:2], (6, 0))

    def test_counted_pictures(self):
        """What a server says that pictures took is of the budget, and of the next estimate."""
        self.run_book("--no-images")
        more = ",image_slots=1,prices=1:2,image_prices=5:40"
        r = self.run_book(more=more + ",max_tokens=2000", image="counted")
        self.assertIn("the budget is spent: max_tokens=2000", r.stderr)
        self.assertEqual(self.counted()[:2], (6, 2))
        options = self.options(more, image="counted")
        left = json.loads(self.bookfs("estimate", "--json", "-o", options, self.book).stdout)
        self.assertEqual([left["pictures"][n] for n in ("requests", "tokensIn", "tokensOut")], [4, 4 * 50, 4 * 1056])
        self.assertAlmostEqual(left["cost"], (4 * 50 * 5 + 4 * 1056 * 40) / 1e6, places=5)
        self.run_book(more=more + ",max_cost=0.08", image="counted")
        self.assertEqual(self.counted()[:2], (6, 4))

    def test_interrupted(self):
        """Within a second, though no answer ever comes; and it goes on later."""
        def interrupted():
            self.get("/clear")
            p = subprocess.Popen([BOOKFS, "run", "-o", self.options(text="hang"), self.book], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=self.env)
            wait_for(lambda: self.counted()[0] > 0, what="a request")
            began = time.monotonic()
            p.send_signal(signal.SIGINT)
            said = p.communicate(timeout=30)[1]
            self.assertEqual(p.returncode, 1)
            self.assertIn("stopped; run it again to go on", said)
            return time.monotonic() - began
        within(1, interrupted)
        self.assertEqual(self.run_book().returncode, 0)

    def test_all_refused(self):
        r = self.run_book("--json", text="unauthorized")
        self.assertEqual(r.returncode, 1)
        state = json.loads(r.stdout)
        self.assertEqual(state["totals"]["chapters"]["failed"], 6)
        for c in state["chapters"]:
            self.assertEqual(c["status"], "failed")
            self.assertIn("the server refused the key", c["error"])
        r = self.run_book("--json", image="unauthorized")
        self.assertEqual(r.returncode, 1)
        state = json.loads(r.stdout)
        self.assertEqual((state["totals"]["chapters"]["completed"], state["totals"]["images"]["failed"]), (6, 6))
        for p in state["images"]:
            self.assertEqual(p["status"], "failed")
            self.assertIn("the server refused the key", p["error"])

    def talk(self, answer, *args):
        """The run on a terminal; what it says to the end, and its exit status."""
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(BOOKFS, [BOOKFS, "run", "-o", self.options(), *args, self.book], self.env)
        said, sent = b"", not answer
        while select.select([fd], [], [], 60)[0]:
            try:
                part = os.read(fd, 4096)
            except OSError:
                break
            if not part:
                break
            said += part
            if not sent and b"[y/N]" in said:
                sent = True
                os.write(fd, answer)
        os.close(fd)
        return said.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    @TERMINALS
    def test_asks_once(self):
        for no in b"n\n", b"\n", b"\x04", b"\x03":
            said, status = self.talk(no)
            self.assertEqual(status, 1, said)
            self.assertRegex(said, r"6 \+ 6 requests, about .*Go on\? \[y/N\]")
            self.assertIn("nothing was asked", said)
        self.assertEqual(self.counted()[:2], (0, 0))
        said, status = self.talk(b"", "--yes", "--chapters", "1")
        self.assertEqual(status, 0, said)
        self.assertNotIn("Go on?", said)
        said, status = self.talk(b"y\n")
        self.assertEqual(status, 0, said)
        self.assertEqual(said.count("Go on?"), 1)
        self.assertEqual(self.counted()[:2], (6, 6))


class Mounted(Bills):
    chapters = 60

    def test_grep_costs_no_more_than_was_said(self):
        make_book(self.book, 60, words=60)
        m = self.mounted(",wait=20")
        self.assertRegex(m.messages(), r"(?m)^bookfs: openai m: the whole book would take 60 \+ 60 requests, about \d+ k "
                                       r"tokens; this mount stops after 50 requests \(max_requests=\), pictures on request "
                                       r"\(echo illustrate 9 > .bookfs/ctl\)$")
        grep = subprocess.run(["grep", "-r", "no such words", m.dir], capture_output=True, text=True, timeout=60)
        self.assertEqual(self.counted()[:2], (50, 0))
        self.assertEqual(grep.stderr.count(os.strerror(errno.EDQUOT)), 20, grep.stderr)  # of 10 chapters two files
        with self.errno(errno.EDQUOT):
            m.read("chapters/60/concepts.json")
        why = m.read(".bookfs/why")
        self.assertIn("reason: the budget is spent: max_requests=50\n", why)
        self.assertIn("echo budget +50 > .bookfs/ctl", why)
        wait_for(lambda: any("the budget is spent: max_requests=50" in w["reason"]
                             for w in json.loads(m.read("status.json"))["waiting"]), what="status to say it")
        said = self.bookfs("status", m.dir).stdout
        self.assertRegex(said, r"tokens used: \d+ \(\d+ in, \d+ out\), by 50 requests; cost 0.00\n")
        self.assertIn("budget: 50 requests spent, 0 left (max_requests=)\n", said)
        self.assertIn("waiting: analyses wait: the budget is spent: max_requests=50: echo budget +50 > .bookfs/ctl", said)
        budget = json.loads(self.bookfs("status", "--json", m.dir).stdout)["budget"]
        self.assertEqual((budget["spent"]["requests"], budget["left"]["requests"], budget["exhausted"]), (50, 0, True))
        m.command("budget +2")  # one for what was waited for when it was spent
        self.assertEqual(json.loads(m.read("chapters/60/concepts.json"))["status"], "completed")
        self.assertEqual(json.loads(m.read("chapters/51/concepts.json"))["status"], "completed")
        self.assertEqual(self.counted()[:2], (52, 0))

    def test_pictures_on_request(self):
        m = self.mounted()
        m.read("chapters/1/concepts.json")
        m.read("chapters/3/concepts.json")
        m.command("illustrate 3")
        wait_for(lambda: os.listdir(m.path("images")), what="the picture")
        self.assertEqual(os.listdir(m.path("images")), ["chapter_3_scene_1.png"])
        self.assertEqual(self.counted()[:2], (2, 1))

    def test_leaves_what_others_asked_for(self):
        """Of what a run left, a mount makes what it is asked for itself; and so does a run of some pictures."""
        make_book(self.book, 6)

        def run(*args, more=""):
            self.bookfs("run", "-o", self.options(more), *args, self.book)
            return self.counted()[1]
        run("--no-images", more=",max_requests=2")
        self.assertEqual(self.counted()[0], 2)
        m = self.mounted()
        for n in 5, 4:  # whatever was left would be begun before the second of them
            self.assertEqual(json.loads(m.read("chapters/%d/concepts.json" % n))["status"], "completed")
        m.end()
        self.assertEqual(self.counted()[:2], (4, 0))
        self.assertEqual(run(more=",max_images=2"), 2)
        m = self.mounted()
        for n in 5, 6:
            m.command("illustrate %d" % n)
            wait_for(lambda: os.path.exists(m.path("images/chapter_%d_scene_1.png" % n)), what="the picture")
        m.end()
        self.assertEqual(self.counted()[:2], (6, 4))
        self.assertEqual(run("--no-images"), 4)
        self.assertEqual(run("--limit", "1"), 5)
        self.assertEqual(run(), 6)

    def test_read_ahead_only_where_it_was_set(self):
        m = self.mounted()
        for n in 1, 2, 3:
            m.read("chapters/%d/concepts.json" % n)
        m.read("chapters/9/concepts.json")
        self.assertEqual(self.counted()[0], 4)
        m.end()
        m = self.mounted(",readahead=2")
        for n in 11, 12:
            m.read("chapters/%d/concepts.json" % n)
        wait_for(lambda: self.counted()[0] == 8, what="13 and 14")

    def test_what_was_paid_for_stays(self):
        """Without options, and with another model: no request, the paid text."""
        make_book(self.book, 3)
        self.assertEqual(self.bookfs("run", "-o", self.options(), self.book).returncode, 0)
        paid = self.counted()
        for options in "", self.options().replace("model=m", "model=another"):
            m = self.mount(options, program=BOOKFS, OPENAI_API_KEY=KEY)
            for n in 1, 2, 3:
                a = json.loads(m.read("chapters/%d/concepts.json" % n))
                self.assertEqual((a["provider"], a["model"]), ("openai", "m"))
            self.assertEqual(len(os.listdir(m.path("images"))), 3)
            if options:
                self.assertIn("openai another: all is done; this mount stops after 50 requests", m.messages())
            else:
                self.assertNotIn("requests", m.messages())
            m.end()
        self.assertEqual(self.counted(), paid)


if __name__ == "__main__":
    main()
