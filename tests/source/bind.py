#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Puts plates into books with bind_book, which reads what it wrote, and looks at the archives from outside.

bind.py BIND_BOOK EXAMPLE.epub
"""
import os
import subprocess
import sys
import tempfile
import zipfile

BIND, EXAMPLE = sys.argv[1:]
failures = 0

PARAGRAPHS = "\n\n".join(
    f"This is paragraph {i} of the tale, in which a lamp is lit on tower {i} and nobody sees it but <gulls> & *two* men."
    for i in range(12))
TEXT = "".join(f"CHAPTER {n}\n\n{PARAGRAPHS}\n\n" for n in ("I", "II", "III"))
# Tag soup, an element with a prefix, a second chapter that says what the first said, Latin-1 and a comment full of tags.
SOUP = f"""<?xml version='1.0' encoding='iso-8859-1'?>
<html xmlns='http://www.w3.org/1999/xhtml'><head><title>A>B</title></head><body class="a>b"><!-- <p>no</p> -->
<p>caf\xe9 <br>{'word ' * 30}</p><div><p>Unclosed {'again ' * 30}</div><p>{'third ' * 30}</p><p>{'fourth ' * 30}</p>
<blockquote><p>{'Quoted ' * 30}</p></blockquote></body></html>"""
OPF = """<opf:package xmlns:opf='http://www.idpf.org/2007/opf' version='2.0'><opf:metadata/><opf:manifest>
<opf:item id='a' href='a.html' media-type='application/xhtml+xml'/><opf:item id='bookfs-chapter_1_scene_1.png' href='x.css' media-type='text/css'/>
</opf:manifest><opf:spine><opf:itemref idref='a'/></opf:spine></opf:package>"""
CONTAINER = "<container><rootfiles><rootfile full-path='x/y/c.opf'/></rootfiles></container>"


def check(holds, what):
    global failures
    if not holds:
        failures += 1
        print(what)


def bind(book, out):
    p = subprocess.run([BIND, book, out], capture_output=True, text=True, timeout=60)
    return p.returncode, p.stdout + p.stderr


def sound(book, out):
    """Bound, read again, and the same bytes a second time."""
    status, said = bind(book, out)
    check(status == 0, f"{book}: {said}")
    if status:
        return False
    again = out + ".2"
    bind(book, again)
    check(open(out, "rb").read() == open(again, "rb").read(), f"{book}: two bindings differ")
    os.unlink(again)
    with zipfile.ZipFile(out) as z:
        first = z.infolist()[0]
        check((first.filename, first.compress_type) == ("mimetype", 0), f"{book}: begins with {first.filename}")
        check(z.testzip() is None, f"{book}: a damaged member")
    return True


def untouched(book, out):
    """What is no document with a plate and no package document is as it was, byte for byte."""
    with zipfile.ZipFile(book) as was, zipfile.ZipFile(out) as now:
        names = set(now.namelist())
        for name in was.namelist():
            if name.endswith("/") or name in ("META-INF/signatures.xml", "mimetype"):
                continue
            check(name in names, f"{book}: {name} is gone")
            if name in names and not name.lower().endswith((".xhtml", ".html", ".htm", ".xml", ".opf")):
                check(was.read(name) == now.read(name), f"{book}: {name} has changed")


def soup(path):
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("mimetype", "application/epub+zip")
        z.writestr("META-INF/container.xml", CONTAINER)
        z.writestr("META-INF/signatures.xml", "<signatures/>")
        z.writestr("x/y/c.opf", OPF)
        z.writestr("x/y/a.html", SOUP.encode("latin-1"))
        z.writestr("../../escape", "no")


def main():
    with tempfile.TemporaryDirectory() as tmp:
        out = os.path.join(tmp, "out.epub")
        if sound(EXAMPLE, out):
            untouched(EXAMPLE, out)
        for name in ("tale.txt", "tale.md"):
            path = os.path.join(tmp, name)
            open(path, "w", encoding="utf-8").write(TEXT)
            sound(path, out)
        path = os.path.join(tmp, "soup.epub")
        soup(path)
        if sound(path, out):
            with zipfile.ZipFile(out) as z:
                opf = z.read("x/y/c.opf").decode()
                check("<opf:item id=\"bookfs-chapter_1_scene_1.png_\" href=\"bookfs/chapter_1_scene_1.png\"" in opf, opf)
                check("encoding=\"UTF-8\"?>" in z.read("x/y/a.html").decode(), "the declaration says what it said")
                check(not {"../../escape", "META-INF/signatures.xml"} & set(z.namelist()), "what must not be kept is there")
        corpus = os.environ.get("BOOKFS_CORPUS")
        for book in sorted(os.listdir(corpus + "/books")) if corpus else []:
            book = f"{corpus}/books/{book}"
            if book.endswith(".epub") and sound(book, out):
                untouched(book, out)
        for book in sorted(os.listdir(corpus + "/hostile")) if corpus else []:
            status, said = bind(f"{corpus}/hostile/{book}", out)
            check(status in (0, 1), f"hostile/{book}: {status} {said[-800:]}")
    return failures != 0


sys.exit(main())
