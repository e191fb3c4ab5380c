#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Illustrated books, read by others: epubcheck finds no kind of error that the book had not, and to mutool and calibre its text
is the same, each picture right behind the paragraph that its quote ends in.

second_reader.py BOOKFS BOOK.epub...     run by hand, as it wants those three programs; seconds a book

The builtin provider reads and paints each book into a store in a temporary folder. One line a book, then what is wrong with it;
the exit is 1 if anything is."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from html.parser import HTMLParser

BOOKFS = sys.argv[1]
PLATE, END = "\ue000", 30  # what stands for a picture among letters; how many letters of a quote's end are looked for
SILENT = {"head", "script", "style"}
INLINE = set("a abbr b bdo big cite code del dfn em font i ins kbd q rb ruby s samp small span strong sub sup tt u var".split())
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
CALIBRE = {"QT_QPA_PLATFORM": "offscreen", "QTWEBENGINE_CHROMIUM_FLAGS": "--no-sandbox"}


def letters(text):
    """What every reader shows of a text, however it sets it."""
    return re.sub(r"[\W_]+", "", text).lower()


def words(text):
    """The same without digits: some readers show the numbers of a list."""
    return re.sub(r"\d+", "", letters(text))


def run(*args, **env):
    return subprocess.run(args, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=900,
                          env={**os.environ, **env}, check=False)


# ---- the book itself: what stands before each plate

class Plates(HTMLParser):
    """Each plate's caption, and the words of the paragraph before it: of the block that ends there, or of the text."""

    def __init__(self, text):
        super().__init__()
        self.plates, self.inside = [], 0
        self.stack = [Open("")]
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag in VOID:
            return
        if dict(attrs).get("class") == "bookfs-plate":
            self.plates.append([self.stack[-1].run, ""])
            self.inside = len(self.stack)
        self.stack.append(Open(tag))

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        while tag in (o.tag for o in self.stack[1:]):
            o = self.stack.pop()
            if self.inside == len(self.stack):
                self.inside = 0
            elif not self.inside:
                self.stack[-1].add(o.all, o.tag not in INLINE)
            if o.tag == tag:
                return

    def handle_data(self, data):
        if self.inside:
            self.plates[-1][1] += letters(data)
        elif not SILENT & {o.tag for o in self.stack}:
            self.stack[-1].add(words(data), False)


class Open:
    """An element: all its words, and those of the paragraph that it is in the midst of."""

    def __init__(self, tag):
        self.tag, self.all, self.run, self.ended = tag, "", "", False

    def add(self, text, block):
        if text:
            self.run = text if block or self.ended else self.run + text
            self.all += text
            self.ended = block


def plates_of(path):
    """-> {a caption: the paragraph before it}, the page that is added"""
    found = {}
    with zipfile.ZipFile(path) as z:
        for name in z.namelist():
            data = z.read(name)
            if b"bookfs-plate" in data:
                found.update((caption, before) for before, caption in Plates(data.decode("utf-8", "replace")).plates)
        cast = [n for n in z.namelist() if n.endswith("/cast.xhtml")]
        body = z.read(cast[0]).decode().split("<body>")[1] if cast else ""
    return found, letters(html.unescape(re.sub("<[^>]*>", "", body)))


# ---- readers: the letters of a book in the order in which they show them, with its pictures among them

def mutool(path):
    # One page a document, nearly: what is set at a page's edge is not the matter here.
    out = run("mutool", "draw", "-q", "-F", "trace", "-W", "450", "-H", "6000", "-S", "12", path).stdout
    parts = (PLATE if m[1] is None else letters(html.unescape(m[1]))
             for m in re.finditer(r'<fill_image|unicode="([^"]*)"', out))
    return "".join(parts)


def calibre(path):
    with tempfile.TemporaryDirectory() as tmp:
        out = os.path.join(tmp, "out.txt")
        run("ebook-convert", path, out, "--txt-output-formatting", "markdown", "--keep-image-references", **CALIBRE)
        text = open(out, encoding="utf-8").read() if os.path.exists(out) else ""
    return "".join(PLATE if i % 2 else letters(p) for i, p in enumerate(re.split(r"(!\[[^\]]*\]\([^)]*\))", text)))


def compare(was, now, scenes, plates, cast):
    """-> (how many pictures are in place, what is wrong)"""
    wrong, placed = [], 0
    for scene, end, caption in scenes:
        at = now.find(PLATE + caption)
        if at < 0 or caption not in plates:
            wrong.append("%s: no picture with its caption" % scene)
            continue
        before, now = words(now[:at]), now[:at] + now[at + len(caption) + 1:]
        paragraph = plates[caption]
        if end not in paragraph:
            wrong.append("%s: does not stand behind the paragraph with its quote's end" % scene)
        elif not before.endswith(paragraph[paragraph.rindex(end):]):
            wrong.append("%s: is shown behind %r" % (scene, before[-40:]))
        else:
            placed += 1
    was, now = was.replace(PLATE, ""), now.replace(PLATE, "")
    if now not in (was, was + cast):
        same = len(os.path.commonprefix([was, now]))
        wrong.append("text differs behind %d of %d letters: %r, was %r"
                     % (same, len(was), now[same:same + 40], was[same:same + 40]))
    return placed, wrong


# ---- epubcheck

def errors(path):
    # Debian's is a .jar that the kernel is to know how to start.
    said = run("java", "-jar", os.path.realpath(shutil.which("epubcheck")), "-q", "--json", "-", path).stdout
    kinds = {}
    for m in json.loads(said)["messages"]:
        if m["severity"] in ("ERROR", "FATAL"):
            kinds[m["ID"]] = kinds.get(m["ID"], 0) + (len(m["locations"]) + m.get("additionalLocations", 0) or 1)
    return kinds


# ----

def scenes_of(folder):
    for n in sorted(os.listdir(folder + "/chapters"), key=int):
        path = "%s/chapters/%s/concepts.json" % (folder, n)
        for c in json.load(open(path, encoding="utf-8"))["concepts"] if os.path.exists(path) else []:
            pages = c["pageRange"]
            pages = " (%s %s)" % ("pages" if "-" in pages else "page", pages) if pages else ""
            yield c["id"], words(c["quote"].rstrip().split("\n")[-1])[-END:], letters(c["description"] + pages)


def proof(path, tmp):
    book, bound = os.path.join(tmp, "book.epub"), os.path.join(tmp, "bound.epub")
    shutil.copy(path, book)
    for args in (("run", book), ("export", "--epub", book, bound), ("export", book, tmp + "/plain")):
        done = run(BOOKFS, *args)
        if done.returncode:
            return "", ["%s: %s" % (args[0], done.stderr.strip())]
    scenes = list(scenes_of(tmp + "/plain"))
    plates, cast = plates_of(bound)
    had, has = errors(book), errors(bound)
    wrong = ["epubcheck: %s, %d times, was %d" % (k, n, had.get(k, 0)) for k, n in has.items() if n > had.get(k, 0)]
    cells = ["%4d -> %-4d" % (sum(had.values()), sum(has.values()))]
    for reader in (mutool, calibre):
        was = reader(book)
        if not was and reader(bound) == "":
            cells.append("%21s" % "no text is shown")
            continue
        placed, faults = compare(was, reader(bound), scenes, plates, cast)
        cells.append("%7d %3d of %-3d" % (len(was.replace(PLATE, "")), placed, len(scenes)))
        wrong += ["%s: %s" % (reader.__name__, f) for f in faults]
    return "  ".join(cells), wrong


def main():
    faults = 0
    print("%-46s %-14s %-21s %s" % ("book", "epubcheck", "mutool: letters, placed", "calibre: letters, placed"))
    for path in sys.argv[2:]:
        with tempfile.TemporaryDirectory() as tmp:
            cells, wrong = proof(path, tmp)
        print("%-46s %s  %s" % (os.path.basename(path), cells, "" if wrong else "same"), *wrong, sep="\n    ", flush=True)
        faults += len(wrong)
    return faults != 0


sys.exit(main())
