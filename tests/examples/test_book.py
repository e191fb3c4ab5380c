#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The example book: packed reproducibly, well formed, its contents and its cast in order.

    test_book.py BOOK.epub FOLDER PACKER CAST.json
"""
import json
import os
import posixpath
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
import zipfile

XHTML = "{http://www.w3.org/1999/xhtml}"
TYPE = "{http://www.idpf.org/2007/ops}type"
OPF = "{http://www.idpf.org/2007/opf}"
PACKAGE = "EPUB/package.opf"
WORDS_OF_A_CHAPTER = (900, 1800)

failures = []


def check(true, what):
    if not true:
        failures.append(what)
        print(f"failed: {what}")


def words(element):
    return len("".join(element.itertext()).split())


def check_archive(book):
    first = book.infolist()[0]
    check(first.filename == "mimetype" and first.compress_type == zipfile.ZIP_STORED and not first.extra,
          "mimetype comes first, stored, without an extra field")
    check(book.read("mimetype") == b"application/epub+zip", "mimetype says EPUB, without a newline")
    check(book.testzip() is None, "every member's checksum is right")
    check(len(set(book.namelist())) == len(book.namelist()), "no name is there twice")


def check_reproducible(path, folder, packer):
    """Packed again, later and from a copy whose files are newer, it is the same to the byte."""
    with tempfile.TemporaryDirectory(prefix="bookfs test ") as work:
        copy = os.path.join(work, "copy")
        subprocess.run(["cp", "-r", folder, copy], check=True)
        for where, _, files in os.walk(copy):
            for name in files:
                os.utime(os.path.join(where, name), (time.time() + 4000, time.time() + 4000))
        again = os.path.join(work, "again.epub")
        subprocess.run([sys.executable, packer, copy, again, again + ".d"], check=True, umask=0o077)
        check(open(path, "rb").read() == open(again, "rb").read(), "packing again gives the same bytes")
        with open(os.path.join(copy, "mimetype"), "a", encoding="ascii") as mimetype:
            mimetype.write(" ")
        subprocess.run([sys.executable, packer, copy, again], check=True)
        check(open(path, "rb").read() != open(again, "rb").read(), "a changed source gives other bytes")


def check_package(book):
    package = ET.fromstring(book.read(PACKAGE))
    items = {i.get("id"): posixpath.join("EPUB", i.get("href")) for i in package.iter(OPF + "item")}
    listed = set(items.values()) | {"mimetype", "META-INF/container.xml", PACKAGE}
    check(listed == set(book.namelist()), f"the manifest lists what is there: {listed ^ set(book.namelist())}")
    return [items[ref.get("idref")] for ref in package.iter(OPF + "itemref")]


def check_sections(spine, pages):
    """Each document is one typed section; prologue, epilogue and chapters have a chapter's length."""
    types = [page.find(f"{XHTML}body/{XHTML}section").get(TYPE) for page in pages]
    check(types.count("chapter") >= 14, f"fourteen chapters: {types.count('chapter')}")
    for wanted in ("titlepage", "copyright-page", "prologue", "epilogue", "afterword", "glossary"):
        check(types.count(wanted) == 1, f"one {wanted}")
    check(2 <= types.count("part") <= 3, "two or three parts")
    for name, kind, page in zip(spine, types, pages):
        if kind in ("chapter", "prologue", "epilogue"):
            low, high = WORDS_OF_A_CHAPTER
            check(low <= words(page) <= high, f"{name}: {low} to {high} words, not {words(page)}")


def check_navigation(book, spine, pages):
    nav = ET.fromstring(book.read("EPUB/nav.xhtml"))
    lists = {n.get(TYPE): [a.get("href") for a in n.iter(XHTML + "a")] for n in nav.iter(XHTML + "nav")}
    check([posixpath.join("EPUB", href) for href in lists["toc"]] == spine,
          "the contents name every document of the spine, in its order")
    breaks = [f"{name[len('EPUB/'):]}#{mark.get('id')}" for name, page in zip(spine, pages)
              for mark in page.iter() if mark.get(TYPE) == "pagebreak"]
    check(breaks == lists["page-list"], "the page list names every page break, in order")
    check(len(breaks) > 60, f"it has real pages: {len(breaks)}")
    for href in lists["landmarks"]:
        check(posixpath.join("EPUB", href) in spine, f"the landmark {href} leads somewhere")


def check_cast(pages, cast):
    """Everybody on the cast sheet comes on, in two documents or more, and has three looks."""
    texts = [" ".join("".join(page.itertext()).split()).replace("\u2019", "'") for page in pages]
    counts = {}
    for element in cast["elements"]:
        names = [element["name"], *element["aliases"]]
        pattern = re.compile(r"\b(?:" + "|".join(re.escape(name) for name in names) + r")\b")
        check(sum(bool(pattern.search(text)) for text in texts) >= 2, f"{element['name']} comes twice")
        check(len(element["looks"]) == 3, f"{element['name']} has three looks")
        counts[element["type"]] = counts.get(element["type"], 0) + 1
    for kind, least in (("character", 7), ("creature", 3), ("place", 6), ("item", 4)):
        check(counts.get(kind, 0) >= least, f"at least {least} of type {kind}")


def main():
    path, folder, packer, cast = sys.argv[1:]
    check_reproducible(path, folder, packer)
    with zipfile.ZipFile(path) as book:
        check_archive(book)
        spine = check_package(book)
        pages = [ET.fromstring(book.read(name)) for name in spine]
        check_sections(spine, pages)
        check_navigation(book, spine, pages)
        with open(cast, encoding="utf-8") as sheet:
            check_cast(pages, json.load(sheet))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
