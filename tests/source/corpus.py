#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads a folder of real and of hostile books (BOOKFS_CORPUS) with book_dump and judges what comes out.

corpus.py BOOK_DUMP --books      contents, roles and words of every book in books/expected.json
corpus.py BOOK_DUMP --hostile    every file under hostile/ ends in time and memory, as hostile.txt says
corpus.py BOOK_DUMP --write      writes hostile.txt anew, to be read before it is committed
"""
import collections
import json
import os
import re
import resource
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, "hostile.txt")
SECONDS = 10
BYTES = 512 << 20
failures = 0


def fail(text):
    global failures
    failures += 1
    print(text)


def dump(program, path):
    start = time.monotonic()
    p = subprocess.run([program, path], capture_output=True, timeout=60)
    if time.monotonic() - start > SECONDS:
        fail(f"{path}: took more than {SECONDS} s")
    if p.returncode not in (0, 1) or p.stderr:
        fail(f"{path}: ended with {p.returncode}: {p.stderr.decode(errors='replace')[-2000:]}")
        return None
    return json.loads(p.stdout)


# ---- books


def tokens(text, language):
    text = text.lower()
    if language[:2] in ("ja", "zh"):
        return collections.Counter(c for c in text if c.isalnum())
    return collections.Counter(re.findall(r"\w+", text))


def dice(a, b):
    return 2 * sum((a & b).values()) / max(1, sum(a.values()) + sum(b.values()))


def measure(text):
    """Words; two characters of a script without blanks are one."""
    dense = len(re.findall(r"[\u3040-\u9fff\uf900-\ufaff]", text))
    return len(re.sub(r"[\u3040-\u9fff\uf900-\ufaff]", " ", text).split()) + dense // 2


def check_roles(name, book):
    """What can be said of the roles from outside: the tree and the numbers agree."""
    contents, count = book["contents"], len(book["chapters"])
    parents = []
    seen = set()
    for i, e in enumerate(contents):
        where = f"{name}: contents[{i}] {e['title']!r}"
        del parents[e["depth"]:]
        parents += [None] * (e["depth"] - len(parents))
        above = [p for p in parents if p]
        children = i + 1 < len(contents) and contents[i + 1]["depth"] > e["depth"]
        if not 0 <= e["chapter"] <= count:
            fail(f"{where}: chapter {e['chapter']} of {count}")
        if e["role"] == "part" and not children:
            fail(f"{where}: a part that holds nothing")
        if any(p["role"] in ("chapter", "section") for p in above) and e["role"] != "section":
            fail(f"{where}: {e['role']} within a chapter")
        if e["role"] in ("chapter", "front", "back") and e["chapter"]:
            if e["chapter"] in seen:
                fail(f"{where}: chapter {e['chapter']} is another entry's")
            seen.add(e["chapter"])
            kind = book["chapters"][e["chapter"] - 1]["kind"]
            if kind != {"chapter": "story"}.get(e["role"], e["role"]):
                fail(f"{where}: role {e['role']}, kind {kind}")
        parents.append(e)


# Roles that a person gave by DESIGN.md's rule.
ROLES = {
    "se-time-machine.epub": ["front"] * 2 + ["chapter"] * 13 + ["back"] * 3,
    "se-frankenstein.epub": ["front"] * 2 + ["chapter"] + ["front"] * 3 + ["part"] + ["chapter"] * 28 + ["section"]
    + ["back"] * 3,
    "idpf-regime-anticancer-arabic.epub": ["front", "front", "chapter"],
    "idpf-hefty-water.epub": ["front", "chapter", "chapter", "chapter"],
    "idpf-kusamakura-japanese-vertical-writing.epub": ["chapter"] * 13 + ["back"],
    "alice-infogrid.epub": ["chapter", "part", "chapter", "section"] + ["chapter"] * 10,
    "tika-testEPUB.epub": ["front", "front", "chapter", "chapter"],
    "pandoc-wasteland.epub": ["chapter", "chapter"],
}


def check_book(program, folder, expected):
    name = expected["file"]
    book = dump(program, os.path.join(folder, name))
    if not book or "error" in book:
        return fail(f"{name}: {book}")
    want = [(e["depth"], e["title"]) for e in expected["toc"]]
    got = [(e["depth"], e["title"]) for e in book["contents"]]
    if want != got:
        fail(f"{name}: contents differ: {next(((w, g) for w, g in zip(want, got) if w != g), (len(want), len(got)))}")
    if book["title"] != " ".join(expected["title"].split()):
        fail(f"{name}: title {book['title']!r}")
    check_roles(name, book)
    if name in ROLES and [e["role"] for e in book["contents"]] != ROLES[name]:
        fail(f"{name}: roles {[e['role'] for e in book['contents']]}")
    reference = os.path.join(folder, name[:-5] + ".reference.txt")
    text = "\n".join(c["text"] for c in book["chapters"])
    if os.path.exists(reference):
        share = dice(tokens(text, book["language"]), tokens(open(reference, encoding="utf-8").read(), book["language"]))
        print(f"{name}: words of the book {share:.5f}")
        if share < 0.99:
            fail(f"{name}: only {share:.4f} of the words")


def books(program, root):
    folder = os.path.join(root, "books")
    for expected in json.load(open(os.path.join(folder, "expected.json"), encoding="utf-8")):
        check_book(program, folder, expected)


# ---- hostile files


def outcome(program, path):
    book = dump(program, path)
    if book is None:
        return "CRASH"
    if "error" in book:
        return "refused: " + book["error"].split(": ", 1)[1]
    for name in book["files"]:
        if name.startswith("/") or ".." in name.split("/"):
            fail(f"{path}: a file named {name!r}")
    words = sum(len(re.findall(r"\w+", c["text"])) for c in book["chapters"])
    return f"read: {len(book['chapters'])} chapters, {words} words, {len(book['warnings'])} warnings"


def table(program, root):
    top = os.path.join(root, "hostile")
    for folder, _, names in sorted(os.walk(top)):
        for name in sorted(names):
            path = os.path.join(folder, name)
            yield os.path.relpath(path, top), outcome(program, path)


def expected_of(path, result):
    """The names in invalid/ say what a validator thinks: a reader must read these."""
    stem = os.path.splitext(path)[0]
    if path.startswith("invalid/") and stem.endswith(("-valid", "-warning")) and not result.startswith("read"):
        fail(f"{path}: is to be read, but {result}")


def hostile(program, root):
    kept = dict(line.rstrip("\n").split("\t", 1) for line in open(TABLE, encoding="utf-8") if "\t" in line)
    for path, result in table(program, root):
        expected_of(path, result)
        if kept.pop(path, None) != result:
            fail(f"{path}: {result}, not as in hostile.txt")
    for path in kept:
        fail(f"{path}: in hostile.txt, but not there")


def write(program, root):
    with open(TABLE, "w", encoding="utf-8") as out:
        out.write("# Every file of the hostile corpus and what source makes of it; corpus.py --write\n")
        for path, result in table(program, root):
            out.write(f"{path}\t{result}\n")


def main():
    root = os.environ.get("BOOKFS_CORPUS")
    if not root:
        return 77
    {"--books": books, "--hostile": hostile, "--write": write}[sys.argv[2]](sys.argv[1], root)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
    print(f"peak memory of one book: {peak >> 20} MB")
    if peak > BYTES:
        fail("more memory than 512 MB")
    print(f"{failures} failures" if failures else "all as it should be")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
