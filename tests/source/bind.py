#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Puts plates into books with bind_book, which reads what it wrote, and looks at the archives from outside.

bind.py BIND_BOOK EXAMPLE.epub
"""
import copy
import os
import re
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
# What a plate may stand in and what it stands behind. Both chapters are in one document and have their song.
SONG = "<p>Row, row the boat to the shore.</p>"
LONG = "the passage of the sleeping guard on the east wall who dreams of bread and of nothing else at all that night"
PLACES = f"""<html xmlns='http://www.w3.org/1999/xhtml'><head><title>t</title></head><body><h1 id='c1'>The Wall</h1><nav><ol><li>one of the nav</li></ol></nav>{SONG}<ol><li>Light the lamp.</li><li>Open <b>the</b> gate.<ul><li>Not the small gate.</li></ul></li></ol><dl><dt>1</dt><dd>It is not hard to man a wall.</dd><dt>2</dt><dd><p>Nor to leave it.</p><p>Look first.</p></dd></dl><table><tr><td>A cell of the guard</td><td>another</td></tr></table><p>A lark: <ruby>雲雀<rt>ひばり</rt></ruby>の<ruby>声<rp>(</rp><rt>こえ</rt><rp>)</rp></ruby>。</p><p>Said once.</p><h1 id='c2'>The Gate</h1><p>Two guards stood there.</p>{SONG}<p>And {LONG}.</p><p>Out.</p></body></html>"""
PLACES_OPF = """<package xmlns='http://www.idpf.org/2007/opf' version='3.0'><metadata/><manifest>
<item id='a' href='a.xhtml' media-type='application/xhtml+xml'/><item id='n' href='n.xhtml' properties='nav'
media-type='application/xhtml+xml'/></manifest><spine><itemref idref='a'/></spine></package>"""
PLACES_NAV = """<html xmlns='http://www.w3.org/1999/xhtml' xmlns:epub='http://www.idpf.org/2007/ops'><body><nav epub:type='toc'><ol>
<li><a href='a.xhtml#c1'>The Wall</a></li><li><a href='a.xhtml#c2'>The Gate</a></li></ol></nav></body></html>"""
# (chapter, quote, what is before its plate, what is behind)
SEATS = (
    (1, "Row, row the boat to the shore.", "The Wall</h1><nav><ol><li>one of the nav</li></ol></nav>" + SONG, "<ol>"),
    (1, "1. Light the lamp.", "<li>Light the lamp.", "</li>"),
    (1, "1. Light the lamp.\n2. Open **the** gate.\n   - Not the small gate.", "<li>Not the small gate.", "</li></ul></li>"),
    (1, "It is not hard to man a wall.", "<dd>It is not hard to man a wall.", "</dd>"),
    (1, "Nor to leave it.", "<p>Nor to leave it.</p>", "<p>Look first."),
    (1, "A cell of the guard", "another</td></tr></table>", "<p>A lark"),
    (1, "A lark: 雲雀(ひばり)の声(こえ)。", "<rp>)</rp></ruby>。</p>", "<p>Said once."),
    (2, "Row, row the boat to the shore.", "there.</p>" + SONG, "<p>And "),
    (2, f"He saw {LONG}.", LONG + ".</p>", "<p>Out."),
    (2, "Nobody ever said this.", "The Gate</h1>", "<p>Two guards"),
)
CONTAINER = "<container><rootfiles><rootfile full-path='x/y/c.opf'/></rootfiles></container>"


def check(holds, what):
    global failures
    if not holds:
        failures += 1
        print(what)


def bind(book, out, *seats):
    p = subprocess.run([BIND, book, out, *seats], capture_output=True, text=True, timeout=60)
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


def places(tmp):
    book, out = os.path.join(tmp, "places.epub"), os.path.join(tmp, "out.epub")
    with zipfile.ZipFile(book, "w") as z:
        z.writestr("mimetype", "application/epub+zip")
        z.writestr("META-INF/container.xml", CONTAINER)
        for name, text in (("c.opf", PLACES_OPF), ("a.xhtml", PLACES), ("n.xhtml", PLACES_NAV)):
            z.writestr("x/y/" + name, text)
    status, said = bind(book, out, *(str(a) for seat in SEATS for a in seat[:2]))
    check(status == 0, said)
    with zipfile.ZipFile(out) as z:
        text = z.read("x/y/a.xhtml").decode()
    plate = re.compile(r"\n<figure.*?<figcaption[^>]*>Plate(\d+)Of.*?</figure>", re.S)
    found = {int(m[1]): [plate.sub("", part) for part in (text[:m.start()], text[m.end():])] for m in plate.finditer(text)}
    for i, (chapter, quote, before, behind) in enumerate(SEATS):
        was, follows = found[i + 1]
        check(was.endswith(before) and follows.startswith(behind),
              f"{quote!r} of chapter {chapter} stands behind {was[-60:]!r}, before {follows[:20]!r}")


def project(tmp):
    """Front matter is read first, back matter last, and what is not written yet is not there."""
    book, out = os.path.join(tmp, "project"), os.path.join(tmp, "project.epub")
    for name in ("FrontMatter/Preface.md", "Manuscript/Chapters/Chapter_02.md", "Manuscript/Chapters/Chapter_04.md",
                 "BackMatter/Afterword.md"):
        os.makedirs(os.path.dirname(os.path.join(book, name)), exist_ok=True)
        with open(os.path.join(book, name), "w", encoding="utf-8") as f:
            title = os.path.basename(name)[:-3]
            f.write(f"# {title}\n\n{PARAGRAPHS.replace('the tale', 'the ' + title)}\n")
    status, said = bind(book, out)
    check(status == 0, said)
    with zipfile.ZipFile(out) as z:
        nav = re.findall(r'href="([^"]+)">([^<]+)<', z.read("OEBPS/nav.xhtml").decode())
        opf = z.read("OEBPS/package.opf").decode()
        plates = [len(re.findall("<figure", z.read("OEBPS/" + path).decode())) for path, _ in nav]
    items = dict(re.findall(r'<item id="([^"]+)" href="([^"]+)"', opf))
    check([title for _, title in nav[:4]] == ["Preface", "Chapter_02", "Chapter_04", "Afterword"], f"nav: {nav}")
    check([items[i] for i in re.findall(r'<itemref idref="([^"]+)"', opf)] == [path for path, _ in nav[:4]] + ["bookfs/cast.xhtml"], opf)
    check(plates == [1, 1, 1, 1, 0], f"each picture is in its chapter: {plates}")


def overlapping(tmp):
    """A copy of members that share their bytes would be as large as somebody likes."""
    book, out = os.path.join(tmp, "overlapping.epub"), os.path.join(tmp, "out.epub")
    soup(book)
    with zipfile.ZipFile(book, "a") as z:
        z.writestr("big", os.urandom(100000))
        for i in range(100):
            twin = copy.copy(z.getinfo("big"))
            twin.filename = f"big{i}"
            z.filelist.append(twin)
    status, said = bind(book, out)
    check(status == 1 and "members of its archive lie over each other" in said, said)
    check(os.path.getsize(out) == 0, "something was written of what overlaps")


def hostile_books(corpus):
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(corpus + "/hostile") for name in names)


def main():
    with tempfile.TemporaryDirectory() as tmp:
        out = os.path.join(tmp, "out.epub")
        if sound(EXAMPLE, out):
            untouched(EXAMPLE, out)
        for name in ("tale.txt", "tale.md"):
            path = os.path.join(tmp, name)
            open(path, "w", encoding="utf-8").write(TEXT)
            sound(path, out)
        places(tmp)
        project(tmp)
        overlapping(tmp)
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
        for book in hostile_books(corpus) if corpus else []:
            status, said = bind(book, out)
            check(status in (0, 1), f"{book}: {status} {said[-800:]}")
    return failures != 0


sys.exit(main())
