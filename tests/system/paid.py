#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a server is asked costs money: nothing is asked twice, nor too early, nor more than was allowed.

    paid.py BOOKFS --server SERVER.py [--full] [--only NAME]

Every figure is of the server's own log (tests/providers/server.py), on loopback.
"""
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
import urllib.request

import bookmaker
import rig

STORED_S = {True: 0.03, False: 0.25}    # an answer is on its way to the disk so long, --full and on a busy machine
EARLY_S = {True: 0.05, False: 1}    # what had left before anybody could know, --full and on a busy machine


class Server:
    def __init__(self, script, *file):
        self.process = subprocess.Popen([sys.executable, "-B", script, *file], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        rig.started[self.process.pid] = None
        self.port = int(self.process.stdout.readline())

    def get(self, what):
        with urllib.request.urlopen("http://127.0.0.1:%d/%s" % (self.port, what)) as answer:
            return answer.read().decode()

    def clear(self):
        self.get("clear")

    def log(self, *kinds):
        """The requests for chapters and pictures, in order of their coming."""
        lines = map(json.loads, self.get("log").splitlines())
        return [r for r in lines if r["kind"] in (kinds or ("chat", "image"))]

    def options(self, text="good", image="good", more=""):
        base = "http://127.0.0.1:%d" % self.port
        pictures = ",image_provider=openai,image_model=p,image_base_url=%s/%s/v1" % (base, image)
        return "provider=openai,model=m,base_url=%s/%s/v1%s,wait=60%s" % (
            base, text, pictures if image else ",image_provider=none", more and "," + more)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        rig.started.pop(self.process.pid, None)


ENV = {"OPENAI_API_KEY": "sk-of-a-test"}


class Test:
    def __init__(self, args, checks):
        self.args, self.checks = args, checks
        self.folder = rig.work_folder()
        self.server = Server(args.server)
        self.random = random.Random(args.seed)

    def book(self, name, chapters, words=120):
        path = os.path.join(self.folder, name + ".epub")
        bookmaker.make(path, chapters=chapters, words=words, seed=self.args.seed)
        return path

    def start(self, book, options, *more):
        process = subprocess.Popen([self.args.program, "run", "-o", options, *more, book], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **ENV},
                                   start_new_session=True)
        rig.started[process.pid] = None
        return process

    def finish(self, process, seconds=300):
        err = process.communicate(timeout=seconds)[1].decode()
        rig.started.pop(process.pid, None)
        return process.returncode, err

    def run(self, book, options, *more):
        return self.finish(self.start(book, options, *more))

    def status(self, book):
        code, out, err = rig.run(self.args.program, "status", "--json", book)
        if code:
            raise rig.Failure(err)
        return json.loads(out)

    def totals(self, book):
        return self.status(book)["totals"]

    def rows(self, book, sql):
        with sqlite3.connect("file:%s.bookfs?mode=ro" % book, uri=True) as store:
            return store.execute(sql).fetchall()

    def done(self, book):
        """Chapters and pictures that are there, and whether that is all of them."""
        totals = self.totals(book)
        chapters, images = totals["chapters"], totals["images"]
        whole = all(not t.get(state) for t in (chapters, images) for state in ("pending", "in_progress", "failed"))
        return chapters["completed"], images["completed"], whole

    # ---- nothing twice

    def kills(self):
        """kill -9 at moments spread over a run: what is in flight is lost, and nothing else."""
        kills = 50 if self.args.full else 8
        chapters = 100 if self.args.full else 16
        book = self.book("kills", chapters)
        options = self.server.options("good.150", "good.100")
        in_flight = open_then = 0
        stored = STORED_S[self.args.full]
        for _ in range(kills):
            process = self.start(book, options)
            rig.wait_for(lambda: self.server.log() and process.poll() is None or process.poll() is not None, 30)
            time.sleep(self.random.uniform(0.02, 0.5 if self.args.full else 0.3))
            if process.poll() is not None:
                break
            process.kill()
            at = time.time()
            self.finish(process)
            asked = [r for r in self.server.log() if r["time"] <= at]
            open_then += sum(r.get("end", at) >= at for r in asked)
            in_flight += sum(r.get("end", at) >= at - stored for r in asked)
        code, err = self.run(book, options)
        analysed, drawn, whole = self.done(book)
        asked, least = len(self.server.log()), analysed + drawn
        self.checks.note("%d kills: %d requests, %d at least, %d in flight at the kills and %d answered within %g s before"
                         % (kills, asked, least, open_then, in_flight - open_then, stored))
        self.checks.ok("after the kills the run ends with all done", code == 0 and whole, err)
        self.checks.ok("the requests are the least and those in flight at the kills at most",
                       least <= asked <= least + in_flight, (asked, least, in_flight))

    def together(self):
        """Two processes on one book ask for everything once."""
        book = self.book("together", 40 if self.args.full else 12)
        options = self.server.options("good.40", "good.30")
        both = [self.start(book, options) for _ in range(2)]
        ends = [self.finish(p) for p in both]
        analysed, drawn, whole = self.done(book)
        asked = len(self.server.log())
        self.checks.note("two processes: %d requests for %d results" % (asked, analysed + drawn))
        self.checks.ok("two processes end with all done", whole and all(code == 0 for code, _ in ends), ends)
        self.checks.ok("two processes ask for everything once", asked == analysed + drawn, (asked, analysed, drawn))

    def again(self):
        """A book that was paid for is shown whatever is mounted later, and nothing is asked."""
        book = self.book("again", 6)
        self.run(book, self.server.options())
        self.server.clear()
        ways = {"without options": "", "with another model": self.server.options(more="").replace("model=m,", "model=other,"),
                "after a raised prompt version": self.server.options()}
        for name, options in ways.items():
            if "version" in name:
                with sqlite3.connect(book + ".bookfs") as store:
                    store.execute("UPDATE analysis SET prompt_version = prompt_version - 1")
                    store.execute("UPDATE picture SET prompt_version = prompt_version - 1")
            with rig.Mount(self.args.program, book, options, env=ENV) as mount:
                found = [mount.json("chapters", n, "concepts.json") for n in sorted(
                    os.listdir(mount.path("chapters")), key=int)]
                pictures = len(os.listdir(mount.path("images")))
            story = [a for a in found if a["status"] != "skipped"]
            good = story and all((a["provider"], a["model"]) == ("openai", "m") for a in story) and pictures
            self.checks.ok("mounted %s the paid text is there" % name, good, story[:1])
        code, err = self.run(book, self.server.options().replace("model=m,", "model=other,"))
        self.checks.ok("a run with another model has nothing to do", code == 0, err)
        self.checks.ok("of all of them nothing was asked", not self.server.log(), self.server.log())

    # ---- not too early

    def told(self):
        """429 with Retry-After: 2, to one of two processes: neither asks before its time."""
        book = self.book("told", 24)
        options = self.server.options("good.100~good.100~good.100~429:2~good.100", "good.100", "chat_slots=1,image_slots=1")
        both = [self.start(book, options) for _ in range(2)]
        ends = [self.finish(p) for p in both]
        log = self.server.log()
        refused = next(r for r in log if r.get("status") == 429)
        after = [r["time"] - refused["end"] for r in log if r["time"] > refused["end"]]
        grace = EARLY_S[self.args.full]
        early, late = [a for a in after if grace < a < 2], [a for a in after if a >= 2]
        self.checks.note("told to wait 2 s: the next one left %.3f s after (%d within the first %g ms, %d before it)"
                         % (min(late, default=0), len(after) - len(late) - len(early), grace * 1000,
                            len(log) - len(after)))
        self.checks.ok("no request leaves before its time, from either process", not early and late, (early, len(late)))
        self.checks.ok("all is done after the wait", self.done(book)[2] and all(c == 0 for c, _ in ends), ends)

    def interval(self):
        """Six pictures at an interval, from two processes."""
        interval = 0.65
        book = self.book("interval", 6)
        self.run(book, self.server.options(), "--no-images")
        self.server.clear()
        options = self.server.options(more="image_interval=%g" % interval)
        both = [self.start(book, options) for _ in range(2)]
        ends = [self.finish(p) for p in both]
        log = self.server.log("image")
        starts = sorted(r["time"] for r in log)
        gaps = [b - a for a, b in zip(starts, starts[1:])]
        wall = max(r["end"] for r in log) - starts[0]
        bound = interval * (len(starts) - 1)
        self.checks.note("%d pictures, %g s apart: least %.4f s, wall %.3f s of %.3f s (%.1f %%)"
                         % (len(starts), interval, min(gaps), wall, bound, 100 * wall / bound - 100))
        self.checks.ok("six pictures are drawn by two processes", len(starts) == 6 and all(c == 0 for c, _ in ends), ends)
        self.checks.ok("no two of them start closer", min(gaps) >= interval, gaps)
        if self.args.full:
            self.checks.ok("and the last is there within 5 % of the bound", wall <= bound * 1.05, wall)

    # ---- not more than was allowed

    def budget(self):
        book = self.book("budget", 8)
        with rig.Mount(self.args.program, book, self.server.options(more="max_requests=5,illustrate=auto"), env=ENV) as mount:
            mount.command("analyze all")
            rig.wait_for(lambda: len(self.server.log()) == 5 and not mount.status()["running"], 30)
            unread = [n for n in os.listdir(mount.path("chapters")) if self.status_of(mount, n) == "pending"]
            try:
                mount.read("chapters", unread[0], "concepts.json")
                error = 0
            except OSError as e:
                error = e.errno
            self.checks.ok("a budget of five requests makes five", len(self.server.log()) == 5, len(self.server.log()))
            self.checks.ok("who reads then gets EDQUOT", error == 122, error)
            waiting = [w["reason"] for w in mount.status()["waiting"]]
            self.checks.ok("status says why", any("max_requests=5" in w for w in waiting), waiting)
            attempts = self.rows(book, "SELECT max(attempts) FROM job WHERE state = 1")[0][0]
            self.checks.ok("no attempt was used up", attempts == 0, attempts)
            mount.command("budget +2")
            rig.wait_for(lambda: len(self.server.log()) == 7 and not mount.status()["running"], 30)
            self.checks.ok("two more make two", len(self.server.log()) == 7, len(self.server.log()))
            mount.command("budget +1000")
            status = rig.wait_done(mount, 60)
            self.checks.ok("more goes on to the end", rig.all_done(status), status["totals"])
        analysed, drawn, _ = self.done(book)
        self.checks.ok("and everything was asked once", len(self.server.log()) == analysed + drawn,
                       (len(self.server.log()), analysed, drawn))

    @staticmethod
    def status_of(mount, chapter):
        return mount.json("chapters", chapter, "status.json")["status"]

    # ---- failures

    def refused(self):
        chapters = 83 if self.args.full else 15
        for answer in ("500", "400", "unauthorized"):
            self.server.clear()
            book = self.book("refused" + answer, chapters)
            code, err = self.run(book, self.server.options(answer))
            status = self.status(book)
            story = [c for c in status["chapters"] if c["status"] != "skipped"]
            asked = len(self.server.log())
            self.checks.note("a text server that says %s to everything: %d requests for %d chapters, exit %d, %r"
                             % (answer, asked, len(story), code, story[0]["error"]))
            self.checks.ok("%s: exit 1, every chapter failed with its reason" % answer,
                           code == 1 and all(c["status"] == "failed" and c["error"] for c in story), story[:3])
            self.checks.ok("%s: no chapter costs more than a request, and ten more in all" % answer,
                           len(story) <= asked <= len(story) + 10, asked)

    def no_pictures(self):
        book = self.book("nopictures", 20)
        code, err = self.run(book, self.server.options("good", "500"))
        status = self.status(book)
        pictures, asked = status["images"], len(self.server.log("image"))
        self.checks.note("an image server that refuses everything: %d requests for %d pictures, exit %d" %
                         (asked, len(pictures), code))
        self.checks.ok("every chapter is analysed", all(c["status"] in ("completed", "skipped") for c in status["chapters"]))
        self.checks.ok("every picture failed with its reason, exit 1",
                       code == 1 and pictures and all(p["status"] == "failed" and p["error"] for p in pictures), pictures[:3])

    def second(self):
        book = self.book("second", 20)
        code, err = self.run(book, self.server.options("second", "good"))
        status = self.status(book)
        failed = [c for c in status["chapters"] if c["status"] == "failed"]
        analysed = [c for c in status["chapters"] if c["status"] == "completed"]
        self.checks.note("every second chapter refused: %d analysed, %d failed, %d pictures, exit %d"
                         % (len(analysed), len(failed), status["totals"]["images"]["completed"], code))
        self.checks.ok("the others are illustrated to the end", code == 1 and analysed and failed and
                       all(p["status"] == "completed" for p in status["images"]), status["totals"])

    def faulty(self):
        book = self.book("faulty", 60 if self.args.full else 12)
        code, err = self.run(book, self.server.options("faulty", "faulty"))
        analysed, drawn, whole = self.done(book)
        asked, least = len(self.server.log()), analysed + drawn
        self.checks.note("every third request fails, each in another way: %d requests for %d results (%.2f)"
                         % (asked, least, asked / max(least, 1)))
        self.checks.ok("every third request fails: all complete", code == 0 and whole, err)
        self.checks.ok("for one and a half times the least", asked <= least * 1.5, (asked, least))


NAMES = ("kills", "together", "again", "told", "interval", "budget", "refused", "no_pictures", "second", "faulty")


def run(args, checks):
    test = Test(args, checks)
    try:
        for name in args.only.split(",") if args.only else NAMES:
            test.server.clear()
            getattr(test, name)()
    finally:
        test.server.close()


if __name__ == "__main__":
    parser = rig.arguments(__doc__, 120, 900)
    parser.add_argument("--server", required=True)
    parser.add_argument("--only", default="")
    rig.main(parser, run)
