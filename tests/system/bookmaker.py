#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes EPUB books of invented prose: the same arguments give the same bytes on every machine.

    bookmaker.py OUT.epub [--chapters N] [--words N] [--pictures N] [--picture-bytes N] [--seed N]
    bookmaker.py --bench OUT.epub       the benchmark's book: 196 MB, 120 chapters, 130 pictures

The prose has people, places, creatures, things, colours and weather in it, so that an analyst
finds something. The pictures are real PNG files of noise (stored, not deflated), because that is
what pictures are to an archive: bytes that do not shrink.
"""
import argparse
import random
import struct
import zipfile
import zlib

PEOPLE = ["Orsolya", "Bramwell", "Tindra", "Casimir", "Ottoline", "Fenwick", "Marisol", "Leofric"]
PLACES = ["the Glass Harbour", "Thornmere Abbey", "the Sunken Market", "Kestrel Tower",
          "the Salt Orchard", "Winterbridge", "the Hall of Lamps", "the Quiet Shore"]
CREATURES = ["griffin", "marsh dragon", "white stag", "river serpent", "lantern owl", "stone wolf"]
THINGS = ["brass compass", "silver key", "black lantern", "ivory flute", "torn map", "iron crown"]
COLOURS = ["crimson", "amber", "emerald", "cobalt", "ashen", "golden", "violet", "copper"]
LIGHTS = ["at dawn", "under a pale moon", "in the golden evening", "by candlelight",
          "in the storm's grey light", "at noon", "in the last light of dusk"]
LOOKS = ["tall", "weathered", "narrow", "gleaming", "ruined", "silent", "enormous", "crooked"]
SOUNDS = ["the bells rang over the water", "thunder rolled behind the hills",
          "a single gull cried", "the wind pulled at the banners", "rain drummed on the slates"]
PATTERNS = [
    "{p} stood before {pl} {l}, and the {c} walls rose {k} above the mist.",
    "“Bring me the {t},” said {p}, and {q} lifted it so that its {c} edge caught the fire.",
    "The {cr} spread its {c} wings over {pl}, and {s}.",
    "{p} wore a {c} cloak and carried the {t} in a {k} leather case.",
    "{l_}, a {k} {cr} with {c} eyes crossed the stones of {pl}.",
    "Nothing moved in {pl}; {s}, and {p} counted the steps back to the gate.",
    "{p} and {q} did not speak of the {t} again until the lamps were lit.",
    "Beyond {pl} the sea lay {c} and flat, and {s}.",
    "The {t} was smaller than {p} remembered, {k} and warm to the hand.",
    "It was {q} who saw it first: a {cr}, {k} and {c}, asleep on the roof of {pl}.",
]


def sentence(rnd):
    p, q = rnd.sample(PEOPLE, 2)
    light = rnd.choice(LIGHTS)
    return rnd.choice(PATTERNS).format(
        p=p, q=q, pl=rnd.choice(PLACES), cr=rnd.choice(CREATURES), t=rnd.choice(THINGS),
        c=rnd.choice(COLOURS), k=rnd.choice(LOOKS), s=rnd.choice(SOUNDS), l=light,
        l_=light[0].upper() + light[1:])


def paragraphs(rnd, words):
    """Paragraphs of about `words` words in all."""
    out, have = [], 0
    while have < words:
        text = " ".join(sentence(rnd) for _ in range(rnd.randint(3, 7)))
        have += len(text.split())
        out.append(text)
    return out


def title(rnd, number):
    # The number in it keeps titles apart; nothing a contents rule could take for a Part.
    thing = rnd.choice(THINGS).title()
    return f"Chapter {number}: The {thing} of {rnd.choice(PEOPLE)}"


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def picture(rnd, size_bytes):
    """A grey PNG of noise whose file is about size_bytes long."""
    side = max(8, int(size_bytes ** 0.5))
    rows = b"".join(b"\0" + rnd.randbytes(side) for _ in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) +
            chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b""))


def page(heading, body):
    return ('<?xml version="1.0" encoding="UTF-8"?>\n'
            '<html xmlns="http://www.w3.org/1999/xhtml" '
            'xmlns:epub="http://www.idpf.org/2007/ops">'
            f"<head><title>{heading}</title></head><body>{body}</body></html>\n")


def add(archive, name, data, deflate=True):
    info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
    info.external_attr = 0o100644 << 16     # without the type, fuse-zip answers EIO
    archive.writestr(info, data)


CONTAINER = ('<?xml version="1.0"?>\n<container version="1.0" '
             'xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
             '<rootfile full-path="OEBPS/content.opf" '
             'media-type="application/oebps-package+xml"/></rootfiles></container>\n')


def package(book_title, seed, chapters, pictures):
    items = ['<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" '
             'properties="nav"/>']
    items += [f'<item id="c{n}" href="c{n}.xhtml" media-type="application/xhtml+xml"/>'
              for n in range(1, chapters + 1)]
    items += [f'<item id="p{n}" href="p{n}.png" media-type="image/png"/>'
              for n in range(1, pictures + 1)]
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(1, chapters + 1))
    return ('<?xml version="1.0" encoding="UTF-8"?>\n'
            '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" '
            'unique-identifier="id"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
            f'<dc:identifier id="id">urn:bookfs-test:{seed}:{chapters}:{pictures}'
            f'</dc:identifier><dc:title>{book_title}</dc:title><dc:language>en</dc:language>'
            '<dc:creator>A Machine</dc:creator>'
            '<meta property="dcterms:modified">2020-01-01T00:00:00Z</meta></metadata>'
            f'<manifest>{"".join(items)}</manifest><spine>{spine}</spine></package>\n')


def make(path, chapters=12, words=900, pictures=0, picture_bytes=100_000, seed=1,
         book_title="The Invented Book"):
    """Writes an EPUB 3 to path: `chapters` story chapters of about `words` words each."""
    rnd = random.Random(f"{seed}/{chapters}/{words}/{pictures}")
    titles = [title(rnd, n) for n in range(1, chapters + 1)]
    with zipfile.ZipFile(path, "w") as z:
        add(z, "mimetype", "application/epub+zip", deflate=False)
        add(z, "META-INF/container.xml", CONTAINER)
        add(z, "OEBPS/content.opf", package(book_title, seed, chapters, pictures))
        links = "".join(f'<li><a href="c{n}.xhtml">{t}</a></li>'
                        for n, t in enumerate(titles, 1))
        add(z, "OEBPS/nav.xhtml", page("Contents", f'<nav epub:type="toc"><ol>{links}</ol></nav>'))
        for n, heading in enumerate(titles, 1):
            body = "".join(f"<p>{p}</p>\n" for p in paragraphs(rnd, words))
            shown = f'<img src="p{n}.png" alt="a picture"/>' if n <= pictures else ""
            add(z, f"OEBPS/c{n}.xhtml", page(heading, f"<h1>{heading}</h1>\n{shown}{body}"))
        for n in range(1, pictures + 1):
            add(z, f"OEBPS/p{n}.png", picture(rnd, picture_bytes), deflate=False)
    return path


def make_bench(path):
    return make(path, chapters=120, words=2000, pictures=130, picture_bytes=1_500_000, seed=196)


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("out")
    args.add_argument("--bench", action="store_true")
    args.add_argument("--chapters", type=int, default=12)
    args.add_argument("--words", type=int, default=900)
    args.add_argument("--pictures", type=int, default=0)
    args.add_argument("--picture-bytes", type=int, default=100_000)
    args.add_argument("--seed", type=int, default=1)
    a = args.parse_args()
    if a.bench:
        make_bench(a.out)
    else:
        make(a.out, a.chapters, a.words, a.pictures, a.picture_bytes, a.seed)


if __name__ == "__main__":
    main()
