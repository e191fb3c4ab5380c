# SPDX-License-Identifier: MIT
"""The programs that the measures drive, and the texts they are given."""
import json
import os
import re
import subprocess
import time
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PAGES_PER_IMAGE = 10


class Analyst:
    """The built-in analyst in a process of its own: quality_read."""

    def __init__(self, program, environment=None):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env={**os.environ, **(environment or {})})

    def _answer(self):
        head = self.process.stdout.readline().split()
        if len(head) != 2:
            raise RuntimeError("the analyst ended without an answer")
        data = self.process.stdout.read(int(head[1]) + 1)
        return int(head[0]), data[:-1]

    def raw(self, text, scenes, title=""):
        """Microseconds and the analysis as bytes."""
        data = text if isinstance(text, bytes) else text.encode()
        self.process.stdin.write(b"analyze %d %d %s\n" % (scenes, len(data), " ".join(title.split()).encode()[:800]) + data)
        self.process.stdin.flush()
        return self._answer()

    def analyze(self, text, scenes, title=""):
        return json.loads(self.raw(text, scenes, title)[1])

    def catalogue(self):
        """The elements of all texts since the last catalogue, merged."""
        self.process.stdin.write(b"catalogue\n")
        self.process.stdin.flush()
        return json.loads(self._answer()[1])["elements"]

    def peak_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1))

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


class Painter:
    """The built-in painter: quality_paint, and the real bookfs-painter behind it."""

    def __init__(self, build, text=True, log=None):
        environment = {**os.environ, "QUALITY_TEXT": "on" if text else "off"}
        if log:
            environment["QUALITY_TEXT_LOG"] = log
        command = [f"{build}/tests/quality/quality_paint"]
        if log or not text:
            command.append(f"{build}/tests/quality/quality_textless.so")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

    def processor_us(self):
        """What the painter's own process has used of a processor; 0 before it runs."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as children:
            pids = children.read().split()
        if not pids:
            return 0
        # That process's own clock, as clock_getcpuclockid(3) names it.
        return time.clock_gettime_ns((~int(pids[0]) << 3) | 2) // 1000

    def paint(self, path, card, size=(1024, 1024)):
        """The microseconds it took, and of a processor. card: book, title, chapter, scene, concept."""
        before = self.processor_us()
        concept = card["concept"]
        strings = [card["book"], card["title"], concept["quote"]["text"], concept["description"], concept["mood"],
                   concept["lighting"], *concept["elements"]]
        data = b"".join(s.encode() + b"\0" for s in strings)
        head = f"{size[0]} {size[1]} {card['chapter']} {card['scene']} {len(data)} {path}\n"
        self.process.stdin.write(head.encode() + data)
        self.process.stdin.flush()
        code, us, reason = self.process.stdout.readline().decode().split(" ", 2)
        if code != "0":
            raise RuntimeError(f"no card: {reason.strip()}")
        return int(us), self.processor_us() - before

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


class Chapter:
    def __init__(self, book, data):
        self.book, self.number, self.title, self.text = book, data["number"], data["title"], data["text"]
        self.scenes = max(1, len(data["pages"]) // PAGES_PER_IMAGE)


class Book:
    """A book as bookfs reads it: the chapters of its story."""

    def __init__(self, build, path):
        dump = subprocess.run([f"{build}/tests/source/book_dump", path], stdout=subprocess.PIPE, check=True).stdout
        data = json.loads(dump)
        self.path, self.title = path, data["title"]
        self.chapters = [Chapter(self, c) for c in data["chapters"] if c["kind"] == "story" and c["text"].strip()]
        self.text = "\n".join(c.text for c in self.chapters)

    def read_by(self, analyst):
        """Analyses every chapter, and keeps what came of it in the chapters and in self.elements."""
        for chapter in self.chapters:
            chapter.analysis = analyst.analyze(chapter.text, chapter.scenes, chapter.title)
            chapter.concepts = chapter.analysis["concepts"]
        self.elements = analyst.catalogue()

    def cards(self):
        for chapter in self.chapters:
            for scene, concept in enumerate(chapter.concepts, 1):
                yield {"book": self.title, "title": chapter.title, "chapter": chapter.number, "scene": scene,
                       "concept": concept}


def paragraphs(text):
    return [p for p in re.split(r"\n\s*\n", text.strip()) if p.strip()]


def words(text):
    """In small letters, without marks; an apostrophe within a word stays."""
    return re.findall(r"[^\W_]+(?:[’'][^\W_]+)*", text.lower())


def capitalised(texts):
    """The words, in small letters, that mostly have a capital where no sentence begins, or always have one: names."""
    first, within, small = Counter(), Counter(), Counter()
    for text in texts:
        first.update(w.lower() for w in re.findall(r"\b[A-Z][a-z]+", text))
        within.update(w.lower() for w in re.findall(r"(?<=[a-z,;] )[A-Z][a-z]+", text))
        small.update(re.findall(r"\b[a-z]+", text))
    return {w for w in first if within[w] > small[w] or not small[w]}


def grams(text, n=4):
    w = words(text)
    return {tuple(w[i:i + n]) for i in range(len(w) - n + 1)}


def shared(part, whole):
    """Which share of part, by its runs of four words, stands in whole too."""
    own = grams(part)
    return len(own & (whole if isinstance(whole, set) else grams(whole))) / len(own) if own else 0.0


def file_text(name):
    with open(os.path.join(HERE, "texts", name), encoding="utf-8") as f:
        return f.read()


class Labelled:
    """A text with what may be said of it: "@ mood=calm,tender light=mist hour=dawn", then the text."""

    def __init__(self, block):
        head, self.text = block.split("\n", 1)
        self.options = [dict(self._label(part) for part in option.split()) for option in head[1:].split(" / ")]

    @staticmethod
    def _label(part):
        key, values = part.split("=")
        return key, [v.replace("-", " ") for v in values.split(",")]


def labelled(text):
    """The labelled texts; lines before the first, with a "#", say what they are for."""
    text = re.sub(r"\A(#.*\n)*", "", text)
    return [Labelled(block) for block in re.split(r"\n(?=@)", text.strip())]
