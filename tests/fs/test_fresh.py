# SPDX-License-Identifier: MIT
"""A folder that is mounted as a book is read again when it changes: an analysis is of the text as it is when it is opened,
and nothing is asked for that nobody reads."""

import json
import os
import select
import shutil
import subprocess
import sys
import time

import agents
import harness
from harness import BOOKFS, Background, wait_for

SERVER = os.environ.get("SERVER", "")


class Events:
    """What is told from now on."""

    def __init__(self, m):
        self.fd, self.buffer, self.seen = os.open(m.path(".bookfs/events"), os.O_RDONLY), b"", []

    def line(self, seconds=60):
        while b"\n" not in self.buffer:
            if not select.select([self.fd], [], [], seconds)[0]:
                raise AssertionError("no event in %s s after %s" % (seconds, self.seen[-5:]))
            self.buffer += os.read(self.fd, 65536)
        line, self.buffer = self.buffer.split(b"\n", 1)
        self.seen.append(json.loads(line))
        return self.seen[-1]

    def wait(self, name, count=1):
        while count:
            count -= self.line()["event"] == name

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1


class Fresh(harness.Case):
    chapters = 6

    def setUp(self):
        super().setUp()
        self.book = os.path.join(self.tmp, "project")
        for n in range(1, self.chapters + 1):
            self.write(n)
        self.served()

    def served(self):
        self.asked_file = os.path.join(self.tmp, "requests")
        self.server = subprocess.Popen([sys.executable, "-B", SERVER, self.asked_file], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.stdout.close)
        self.addCleanup(self.server.stdin.close)
        self.port = int(self.server.stdout.readline())

    def of(self, n, top=None):
        return os.path.join(top or self.book, "Manuscript/Chapters/Chapter_%02d/Chapter_%02d.md" % (n, n))

    def text(self, n, words="The tall white lighthouse stood against the black sky of evening"):
        return "# Part %d\n\n%s %d.\n" % (n, words, n)

    def write(self, n, text=None, top=None):
        os.makedirs(os.path.dirname(self.of(n, top)), exist_ok=True)
        with open(self.of(n, top), "w") as f:
            f.write(text or self.text(n))

    def mounted(self, more=""):
        m = self.mount("provider=openai,model=m,base_url=http://127.0.0.1:%d/good/v1,images=off,readahead=0,"
                       "max_requests=unlimited,fresh=yes%s" % (self.port, more), program=BOOKFS, OPENAI_API_KEY="k")
        self.events = Events(m)
        self.addCleanup(self.events.close)
        return m

    def requests(self):
        if not os.path.exists(self.asked_file):
            return 0
        with open(self.asked_file) as f:
            return f.read().count("\n")

    def concepts(self, m, n):
        return json.loads(m.read("chapters/%d/concepts.json" % n))["concepts"]


class Book(Fresh):
    chapters = 83

    def test_one_chapter_of_many(self):
        m = self.mounted()
        m.command("analyze all\n")
        self.events.wait("conceptsReady", 83)
        before = {n: m.read("chapters/%d/concepts.json" % n) for n in (2, 3, 4, 83)}
        ino = os.stat(m.path("chapters/4/concepts.json"))
        self.assertEqual(self.requests(), 83)
        for top in (self.book, m.dir):  # behind the mount, through it
            self.write(3, self.text(3, "A great grey wolf in the golden hall watched"), top)
            self.assertIn("grey wolf", self.concepts(m, 3)[0]["quote"])
            wait_for(lambda: "grey wolf" in m.read("chapters/3/text.md"))
            self.write(3, None, top)
            self.assertEqual(m.read("chapters/3/concepts.json"), before[3])
        self.assertEqual(self.requests(), 84)
        for n, text in before.items():
            self.assertEqual(m.read("chapters/%d/concepts.json" % n), text)
        self.assertEqual(os.stat(m.path("chapters/4/concepts.json")), ino)
        self.assertEqual(self.requests(), 84)


class Small(Fresh):
    def test_a_text_is_as_it_is_when_it_is_opened(self):
        m = self.mounted()
        for i in range(4):
            for top in (self.book, m.dir):
                text = self.text(2, "It was %d in %s" % (i, top))
                self.write(2, text, top)
                self.assertEqual(m.read("chapters/2/text.md"), text)
                self.assertEqual(os.stat(m.path("chapters/2/text.md")).st_size, len(text))
        self.assertEqual(self.requests(), 0)

    def test_half_sentences_cost_nothing(self):
        m = self.mounted()
        self.concepts(m, 2)
        for i in range(40):
            with open(self.of(2), "a") as f:
                f.write("And the half of a sentence %d" % i)
            time.sleep(0.05)
        wait_for(lambda: "sentence 39" in m.read("chapters/2/text.md"))
        imports = sum(e["event"] == "imported" for e in self.drained())
        self.assertTrue(1 <= imports <= 4, imports)
        self.assertEqual(self.requests(), 1)
        self.assertIn("completed", m.read("chapters/2/concepts.json"))
        self.assertEqual(self.requests(), 2)

    def drained(self):
        """Up to the import that has what was read."""
        while select.select([self.events.fd], [], [], 0)[0]:
            self.events.line()
        return self.events.seen

    def test_other_files_are_none_of_it(self):
        m = self.mounted()
        for name in ("picture.png", ".Chapter_02.md.swp", "Chapter_02.md~"):
            with open(os.path.join(os.path.dirname(self.of(2)), name), "w") as f:
                f.write("x")
        os.mkdir(os.path.join(self.book, "empty"))
        with open(m.path("chapters/2/text.md")) as f:
            self.write(2, self.text(2, "It was the last"))
            self.events.wait("imported")
            self.assertEqual(m.read("chapters/2/text.md"), self.text(2, "It was the last"))
            self.assertEqual(f.read(), self.text(2))  # who has it open reads on
        self.assertEqual([e["event"] for e in self.events.seen].count("imported"), 1)
        for i in range(4):  # who has heard of an import opens what it brought
            self.write(2, self.text(2, "It was %d" % i))
            m.read("chapters/2/text.md")
            self.events.wait("imported")
            self.assertEqual(m.read("chapters/2/text.md"), self.text(2, "It was %d" % i))

    def test_names_of_ours(self):
        """A name that the folder gets behind the mount is the folder's, and ours moves, while it has it."""
        m = self.mounted()
        self.concepts(m, 2)
        title = os.listdir(m.path("by-title"))[0]
        own, ours = os.path.join(self.book, "chapters"), sorted(os.listdir(m.path("chapters")))
        self.assertEqual(os.readlink(m.path("by-title", title)), "../chapters/1")
        for _ in range(2):
            os.mkdir(own)
            with open(os.path.join(own, "mine.txt"), "w") as f:
                f.write("of the project")
            wait_for(lambda: os.listdir(m.path("chapters")) == ["mine.txt"])
            self.assertEqual(sorted(os.listdir(m.path(".bookfs/chapters"))), ours)
            self.assertEqual(os.readlink(m.path("by-title", title)), "../.bookfs/chapters/1")
            self.assertEqual(os.readlink(m.path(".bookfs/chapters/1/lock")), "../../../locks/Chapter_01")
            self.assertIn("lighthouse", m.read("by-title", title, "text.md"))
            self.assertIn("the folder has a name that is ours, too: chapters; ours is .bookfs/chapters", m.messages())
            shutil.rmtree(own)
            wait_for(lambda: sorted(os.listdir(m.path("chapters"))) == ours)
            self.assertEqual(os.readlink(m.path("by-title", title)), "../chapters/1")
            wait_for(lambda: not os.path.exists(m.path(".bookfs/chapters")))
        self.assertIn("lighthouse", m.read("chapters/2/concepts.json"))

    def test_what_it_is(self):
        """What the project says of itself is the book's; what is for its readers costs nothing."""
        m = self.mounted()
        self.concepts(m, 2)

        def put(name, text):
            os.makedirs(os.path.dirname(os.path.join(self.book, name)), exist_ok=True)
            with open(os.path.join(self.book, name), "w") as f:
                f.write(text)

        put("README.md", "# Read this\n")
        put("Manuscript/Chapters/Chapter_02/Chapter_02_notes.md", "A note.\n")
        self.concepts(m, 2)
        put(".config/book.json", '{"title": "The Lamp"}')
        self.events.wait("imported")
        wait_for(lambda: json.loads(m.read("book.json"))["title"] == "The Lamp")
        put(".config/book.json", '{"title": "The Wick"}')
        wait_for(lambda: json.loads(m.read("book.json"))["title"] == "The Wick")
        put("Manuscript/_TOC_/TOC.md", "| 3 | The Wind |\n")
        wait_for(lambda: m.read("chapters/3/title") == "The Wind\n")
        wait_for(lambda: "03 The Wind" in os.listdir(m.path("by-title")))
        self.concepts(m, 2)
        self.assertEqual([e["event"] for e in self.drained()].count("imported"), 3)
        self.assertEqual(self.requests(), 1)

    def test_names(self):
        m = self.mounted()
        first = self.concepts(m, 5)
        self.assertFalse(os.path.exists(m.path("chapters/7")))
        self.assertEqual(len(os.listdir(m.path("by-title"))), 6)
        self.write(7)  # in a folder that is new
        self.events.wait("imported")
        wait_for(lambda: os.path.exists(m.path("chapters/7/text.md")))
        wait_for(lambda: "07 Part 7" in os.listdir(m.path("by-title")))
        self.assertEqual(sorted(os.listdir(m.path("chapters"))), [str(n) for n in range(1, 8)])
        self.write(7, self.text(7, "A lantern of brass and a long blue coat were seen by Captain"))
        self.assertIn("lantern", self.concepts(m, 7)[0]["quote"])
        self.assertEqual(self.requests(), 2)
        shutil.rmtree(os.path.dirname(self.of(7)))
        self.events.wait("imported")
        wait_for(lambda: not os.path.exists(m.path("chapters/7")))
        wait_for(lambda: len(os.listdir(m.path("by-title"))) == 6)
        os.rename(self.of(5), os.path.dirname(self.of(5)) + "/Chapter_09.md")
        os.rename(os.path.dirname(self.of(5)), os.path.dirname(self.of(9)))
        self.events.wait("imported")
        wait_for(lambda: os.path.exists(m.path("chapters/9/concepts.json")))
        self.assertEqual(self.concepts(m, 9)[0]["quote"], first[0]["quote"])
        self.assertFalse(os.path.exists(m.path("chapters/5")))
        self.write(5)
        wait_for(lambda: os.path.exists(m.path("chapters/5")))
        self.assertEqual(self.concepts(m, 5), first)
        self.assertEqual(self.requests(), 2)
        self.matter(m)

    def matter(self, m):
        """Front and back matter go by names that stay when chapters come."""
        for name, text in (("Manuscript/FrontMatter/preface", "A word before."), ("BackMatter/names", "Ina.")):
            os.makedirs(os.path.dirname(os.path.join(self.book, name)))
            with open(os.path.join(self.book, name + ".md"), "w") as f:
                f.write(text + "\n")
        wait_for(lambda: os.path.exists(m.path("chapters/back-1/text.md")))
        story = sorted(int(n) for n in os.listdir(m.path("chapters")) if n.isdigit())
        for _ in range(2):
            self.assertEqual(set(os.listdir(m.path("chapters"))), {str(n) for n in story} | {"front-1", "back-1"})
            self.assertEqual(m.read("chapters/front-1/text.md"), "A word before.\n")
            self.assertEqual(m.read("by-title/back-1 names/text.md"), "Ina.\n")
            self.assertEqual(os.readlink(m.path("chapters/front-1/lock")), "../../locks/FrontMatter")
            self.assertFalse(os.path.exists(m.path("chapters/%d" % (story[-1] + 2))))
            status = json.loads(m.read("status.json"))["chapters"]
            self.assertEqual([c["number"] for c in status], story + ["front-1", "back-1"])
            contents = json.loads(m.read("book.json"))["contents"]
            self.assertEqual([contents[0]["chapter"], contents[-1]["chapter"]], ["front-1", "back-1"])
            self.assertEqual(json.loads(m.read("chapters/front-1/concepts.json"))["status"], "skipped")
            self.assertIn("chapter_front-1.json", os.listdir(m.path(".analyze.state")))
            self.assertIn("(chapters/front-1/text.md)", m.read("Contents.md"))
            self.assertIn("FrontMatter\tfront-1 preface", m.read("locks/.resources"))
            story.append(story[-1] + 1)
            self.write(story[-1])
            wait_for(lambda: os.path.exists(m.path("chapters/%d/text.md" % story[-1])))
        story.pop()
        for line, reason in (("analyze front-1", "front-1: nothing is made of front and back matter"),
                             ("illustrate back-2", "the book has no chapter back-2"),
                             ("analyze %d" % (story[-1] + 3), "the book has no chapter %d" % (story[-1] + 3))):
            with self.assertRaises(OSError):
                m.command(line + "\n")
            self.assertIn(reason, m.read(".bookfs/why"))

    def test_behind_a_holder(self):
        """Who holds a chapter hears of what came by no mount, and of nothing else."""
        through = ("echo hi >> F; sed -i s/hi/ho/ F; cp F x; mv x F; touch -d '2 days ago' F; truncate -s 10 F; rm F;"
                   "echo new > F; chmod 600 F; mkdir d; echo a > d/b; rm -r d; exec 3>> F; touch -d yesterday F; mv F G;"
                   "mv G F; echo more >&3")
        m = self.mounted()
        self.concepts(m, 1)
        self.write(2)  # before it is held
        subprocess.run(["touch", m.path("locks/Chapter_02")], check=True)
        folder, mounted = os.path.dirname(self.of(2)), os.path.dirname(self.of(2, m.dir))

        def run(command, where):
            subprocess.run(["bash", "-c", command.replace("F", "Chapter_02.md")], cwd=where, check=True)

        def told():
            return [line.split("/", 2)[2] for line in m.read("locks/.log").splitlines() if "changed behind" in line]

        for _ in range(5):
            run(through, mounted)
        self.concepts(m, 1)  # all that inotify had to tell until now is read
        self.assertEqual(told(), [])
        with open(self.of(1), "a") as f:
            f.write("Held by nobody.")
        time.sleep(0.05)  # a file's time is as coarse as the kernel's clock
        before = 0
        for command in ("echo x >> F", "rm F", "echo x > F", "mv F G", "mv G F", "sed -i s/x/y/ F"):
            run(command, folder)
            wait_for(lambda: len(told()) > before and "Chapter_02.md" in told()[-1] + (command == "mv F G") * "Chapter_02.md")
            self.assertTrue(all(t.startswith("Chapter_02/") for t in told()), told())
            time.sleep(0.05)
            before = len(told())
        self.assertIn("Chapter_02, which is yours, was changed behind the mount", m.read("locks/.why"))
        run(through, mounted)
        self.concepts(m, 1)
        self.assertEqual(len(told()), before)

    def test_what_cannot_be_read_changes_nothing(self):
        m = self.mounted()
        before = m.read("chapters/3/concepts.json")
        os.rename(self.book + "/Manuscript", self.tmp + "/away")
        for _ in range(3):
            self.assertEqual(m.read("chapters/3/concepts.json"), before)
        self.assertEqual(m.messages().count("what was read before stays"), 1)
        os.rename(self.tmp + "/away", self.book + "/Manuscript")
        self.assertEqual(m.read("chapters/3/concepts.json"), before)
        self.write(3, self.text(3, "The yellow scarf was bright in the pale light of this morning"))
        self.assertIn("yellow scarf", self.concepts(m, 3)[0]["quote"])
        self.assertEqual(self.requests(), 2)

    def test_over_itself(self):
        m = self.mount("provider=openai,model=m,base_url=http://127.0.0.1:%d/good/v1,images=off,fresh=yes" % self.port,
                       name="project", program=BOOKFS, OPENAI_API_KEY="k")
        self.assertIn("lighthouse", self.concepts(m, 1)[0]["quote"])
        self.write(1, self.text(1, "Snow lay deep upon the roofs of the village, blue in the shadow"))
        self.assertIn("Snow", self.concepts(m, 1)[0]["quote"])
        self.assertEqual(self.requests(), 2)


class Waiting(Fresh):
    def served(self):
        """By a provider of the test's own."""

    def test_the_text_changes_meanwhile(self):
        gate = self.gate()
        m = self.mount(SLOW_GATE=gate.path)
        self.events = Events(m)
        self.addCleanup(self.events.close)
        reader = Background(m.read, "chapters/2/concepts.json")
        self.events.wait("analysisStarted")
        self.write(2, self.text(2, "It was the last"))
        self.events.wait("imported")
        self.events.wait("analysisStarted")
        gate.open()
        gate.open()
        self.assertIn("completed", reader.result())
        self.assertEqual(self.asked(), 2)

    def again(self, m, fresh):
        """The same project, mounted anew."""
        if m:
            self.events.close()
            m.end()
        m = self.mount("images=off,readahead=0,fresh=" + fresh, program=os.environ["CLOCKFS"], CLOCK_FILE=self.clock.path)
        self.events = Events(m)
        self.addCleanup(self.events.close)
        return m

    def result(self, m, outdated):
        """Chapter 2, which is as the book's documents say: its note tells which analysis it is of."""
        now = json.loads(m.read("chapters/2/concepts.json"))
        status = json.loads(m.read("status.json"))["chapters"][1]
        self.assertEqual([now["status"], status["status"]], ["completed"] * 2, now)
        self.assertEqual(now.get("outdated"), outdated)
        self.assertEqual(status["outdated"], outdated or False)
        self.assertEqual(json.loads(m.read(".analyze.state/chapter_2.json")), now)
        return now["note"]

    def test_the_old_one_at_once(self):
        old = "made of the text before it was changed"
        self.clock = agents.Clock(os.path.join(self.tmp, "clock"))
        m = self.again(None, "both")
        first = self.result(m, None)
        for i in range(40):
            with open(self.of(2), "a") as f:
                f.write("And the half of a sentence %d" % i)
            self.assertEqual(self.result(m, old), first)
        self.events.wait("outdated")
        self.assertEqual(self.asked(), 1)
        self.clock.move(11)
        self.assertIn("sentence 39", m.read("chapters/2/text.md"))
        self.events.wait("conceptsReady")
        second = self.result(m, None)
        self.assertNotEqual(second, first)
        self.write(2)
        self.assertEqual(self.result(m, None), first)
        self.assertEqual(self.asked(), 2)

        self.write(2, self.text(2, "It was the last"))
        m = self.again(m, "stale")  # it remembers
        self.assertEqual(self.result(m, old), first)
        self.clock.move(1000)
        self.assertEqual(self.result(m, old), first)
        m.read("chapters/3/concepts.json")  # what never was analysed is
        self.assertEqual(self.asked(), 3)
        m = self.again(m, "yes")
        self.assertNotIn(self.result(m, None), (first, second))
        self.assertEqual(self.asked(), 4)


if __name__ == "__main__":
    harness.main()
