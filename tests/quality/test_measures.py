#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A measure that cannot fail measures nothing: each is given what it must praise and what it must blame.

    test_measures.py [PIXELS]     PIXELS is the program quality_pixels
"""
import os
import struct
import subprocess
import sys
import tempfile
import zlib

import cards
import cast
import choice
import tools

failures = []


def check(true, what):
    if not true:
        failures.append(what)
        print(f"not so: {what}")


class Scripted:
    """An analyst that answers as a function says."""

    def __init__(self, answer):
        self.answer = answer

    def analyze(self, text, scenes, title=""):
        return {"concepts": [concept(text, q) for q in self.answer(text)]}

    def catalogue(self):
        return []


def concept(text, quote, **more):
    data = quote.encode()
    return {"quote": {"text": quote, "offset": text.encode().find(data), "len": len(data)}, "description": "A place.",
            "mood": "", "lighting": "", "elements": [], **more}


class Book:
    title = "Book"


def chapter(text, *quotes, **more):
    c = tools.Chapter(Book, {"number": 1, "title": "One", "text": text, "pages": []})
    c.concepts = [concept(text, q, **more) for q in quotes]
    return c


def sentences(word, count):
    return " ".join(f"Here the {word} number {i} stands still." for i in range(count))


# ---- choice

def test_places():
    blocks = [sentences(word, 4) for word in ("oak", "elm", "ash", "fir", "yew", "box", "bay", "fig", "nut", "lime")]
    text = "\n\n".join(blocks) + "\n"
    check(choice.starts_early([chapter(text, blocks[0])])[0] == 1, "a passage at the start is early")
    check(choice.starts_early([chapter(text, blocks[5])])[0] == 0, "one in the middle is not")
    first = Scripted(lambda t: [tools.paragraphs(t)[0]])
    same = Scripted(lambda t: [blocks[5]])
    check(choice.kept_reversed([chapter(text, blocks[0])], first)[0] == 0, "who takes what comes first keeps nothing")
    check(choice.kept_reversed([chapter(text, blocks[5])], same)[0] == 1, "who looks at the content keeps it")


def test_speech():
    talk = "“I do not know,” said he. “And nobody else does, as far as I have been told.”"
    told = "“We went on all night, and the snow fell.\n\n“Then the moon rose over it, and we saw the house."
    check(choice.mostly_spoken([chapter(talk, talk)])[0] == 1, "talk is speech")
    check(choice.mostly_spoken([chapter(told, told)])[0] == 0, "a story somebody tells is not")
    check(choice.spoken_share("He looked at the boy’s hat. ‘No,’ he said.") < .5, "an apostrophe opens nothing")


def test_form():
    text = sentences("oak", 12)
    check(not choice.faults_of_form([chapter(text, sentences("oak", 5))]), "a concept as it should be")
    check(choice.faults_of_form([chapter(text, sentences("oak", 2))]), "two sentences")
    check(choice.faults_of_form([chapter(text, sentences("oak", 9))]), "nine sentences")
    check(choice.faults_of_form([chapter(text, sentences("oak", 5), description="word " * 61)]), "61 words")
    check(choice.faults_of_form([chapter(text, sentences("oak", 5), description="")]), "no words")
    check(choice.faults_of_form([chapter(text)]), "no concept at all")
    changed = chapter(text, sentences("oak", 5))
    changed.concepts[0]["quote"]["text"] = changed.concepts[0]["quote"]["text"].replace("still", "firm")
    check(choice.faults_of_form([changed]), "a quote that is not verbatim")
    check(choice.count_sentences("Mr. Fox asked why. “Why not?” she said. It rained!") == 3, "three sentences")
    check(choice.longest_shared_run("a b c x y", "q A, b C d") == 3, "a run of three words")


def test_spread():
    one = [chapter("A b.", "A b.", mood="calm", lighting="") for _ in range(3)]
    check(choice.spread(one, choice.mood_of) == (1, 1.0, "calm"), "one mood for all")
    two = [chapter("A b.", "A b.", lighting=l) for l in ("mist, dawn", "mist, dusk", "dusk")]
    check(choice.spread(two, choice.light_of) == (2, 2 / 3, "mist"), "an hour beside it makes no other light")
    check(choice.spread(one, choice.light_of) == (0, 1.0, "none"), "none is a share but no light")


def test_labels():
    passage = tools.labelled("@ mood=calm,tender light=lamplight hour=night,dusk\nText.\n")[0]

    def wrong(mood, lighting, description=""):
        return choice.is_right(passage, {"mood": mood, "lighting": lighting, "description": description})[0]

    check(wrong("calm", "lamplight, night") == [], "mood, light and hour")
    check(wrong("tender", "lamplight", "A room by night.") == [], "the hour in the description")
    check(wrong("tense", "lamplight, night") == ["mood"], "another mood")
    check(wrong("calm", "lamplight") == ["hour"], "no hour")
    check(wrong("calm", "night") == ["light"], "no light")
    check(wrong("", "") == ["mood", "light", "hour"], "nothing at all")
    moonlit = {"lighting": "moonlight", "description": ""}
    check(choice.light_and_hour(moonlit) == (["moonlight"], ["night"]), "moonlight is night")
    check(len(tools.labelled("# What these are.\n# More.\n@ mood=calm\nText.\n")) == 1, "a head is no passage")
    check(len(tools.labelled(tools.file_text("passages-training.txt"))) == 40, "forty passages to learn from")
    text = tools.file_text("passages.txt")
    check(len(tools.labelled(text)) == 40, "forty passages")
    check(len(tools.labelled(tools.file_text("passages-second.txt"))) == 40, "forty others")
    moods = {m for p in tools.labelled(text) for m in p.options[0]["mood"]}
    lights = {l for p in tools.labelled(text) for l in p.options[0]["light"]} - {"none"}
    hours = {h for p in tools.labelled(text) for h in p.options[0]["hour"]} - {"none"}
    check(moods == set(cards.MOODS), "every mood is in use, and none else")
    check(lights == set(choice.LIGHTS) and hours == set(choice.HOURS), "every light and hour")
    check(len(tools.labelled(tools.file_text("pairs.txt"))) == 20, "twenty pairs")


def test_insertion():
    for name in ("vivid.txt", "dull.txt"):
        stock = tools.paragraphs(tools.file_text(name))
        check(len(stock) == 20, f"twenty paragraphs in {name}")
        finds = Scripted(lambda t: [p for p in tools.paragraphs(t) if p in stock])
        talks = Scripted(lambda t: [p for p in tools.paragraphs(t) if p not in stock][:1])
        check(choice.chosen_among_talk(name, finds)[0] == 100, "who takes it is seen to")
        check(choice.chosen_among_talk(name, talks)[0] == 0, "who takes talk instead too")


# ---- cast

def entry(kind, name, description="", aliases=()):
    return {"type": kind, "name": name, "description": description, "aliases": list(aliases)}


def test_sheet():
    members = [{"name": "Ida Brand", "type": "character", "aliases": ["Ida"],
                "looks": ["tall and thin", "red hair", "a blue coat"]},
               {"name": "Otto Brand", "type": "character", "aliases": ["Otto"],
                "looks": ["grey beard", "a stick", "one eye"]}]
    also = {"character": [], "creature": ["the dog"], "place": ["the Long Hill"], "item": []}

    def sheet(*found):
        return cast.Sheet(members, also, list(found))

    good = sheet(entry("character", "Ida", "A tall, thin woman; her red hair", ["Ida Brand"]),
                 entry("character", "Otto Brand", "eyes"), entry("creature", "Dog"))
    check(not good.missed() and not good.twice() and not good.false, "all found, once, and no other")
    check(good.facts()[:2] == (3, 6), "three facts of six")
    check(cast.tells("with scars on both arms", "huge scarred arms"), "a word in another form")
    check(not cast.tells("with hair and arms", "huge scarred arms"), "one word of three tells nothing")
    check(sheet(entry("place", "Ida"), entry("character", "Otto")).missed(), "a wrong type is a miss")
    check(sheet(entry("character", "Otto")).missed(), "a missing person is a miss")
    double = sheet(entry("character", "Ida"), entry("character", "Ida Brand"))
    check(len(double.twice()) == 1, "two entries for one person")
    check(len(sheet(entry("character", "Ida Brand", aliases=["Otto Brand"])).twice()) == 1, "one entry for two persons")
    check(len(sheet(entry("character", "Dog")).false) == 1, "a dog is no character")
    check(not sheet(entry("item", "Long Hill")).false, "a real name of another type is no false name")
    check(len(sheet(entry("character", "However")).false) == 1, "a word is no name")


def test_mentions():
    class Read:
        text = "Ida saw Otto. However, Ida went. However late, However long. Otto stayed."
        elements = [entry("character", "Ida"), entry("character", "Otto"), entry("character", "However")]

    names = {"characters": [["Ida"], ["Otto"]]}
    check(cast.ten_most_mentioned(Read, names) == (2, 3, ["However"]), "a word among the most mentioned")
    check(cast.mentions(Read.elements[0], Read.text) == 2, "two mentions")
    lists = {"x.json": {"characters": [["Rabbit"], ["Integer Quux", "Err"]]}}
    found = cast.names_in_sources([], lists, {"rabbit", "integer", "quux"})
    check(any(f.endswith(": err") for f in found), "a name that the sources have is found")
    check(not cast.names_in_sources([], lists, {"rabbit", "err", "integer", "quux"}), "a word of the language is none")


# ---- pixels

def png(path, side, colour_at):
    rows = b"".join(b"\0" + b"".join(bytes(colour_at(x, y)) for x in range(side)) for y in range(side))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def test_pixels(program):
    def run(*args):
        command = [program, *map(str, args)]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()

    with tempfile.TemporaryDirectory(prefix="bookfs-quality-") as folder:
        hill, warm, field, paper, ink = (os.path.join(folder, str(i)) for i in range(5))
        png(hill, 128, lambda x, y: [min(255, x + y)] * 3)
        png(warm, 128, lambda x, y: [min(255, 60 + (x + y) // 2), min(255, 40 + (x + y) // 2), (x + y) // 3])
        png(field, 128, lambda x, y: [255 if (x // 16 + y // 16) % 2 else 0] * 3)
        rows = [line.split() for line in run("similar", hill, hill, warm, field)]
        s = {(int(i), int(j)): float(v) for i, j, v in rows}
        check(s[0, 1] == 1, "a picture is like itself")
        check(s[0, 2] > .9, "other colours and another brightness are no other drawing")
        check(s[0, 3] < .3, "another drawing is")
        png(paper, 128, lambda x, y: [255] * 3)
        for grey, least, most in ((0, 20.9, 21), (0x76, 4.5, 4.6), (0xbb, 1.8, 2)):
            png(ink, 128, lambda x, y: [grey if 30 <= x < 50 and 60 <= y < 70 else 255] * 3)
            rows = run("ink", ink, paper, 25, 55, 40, 20, 0, 0, 10, 10)
            check(rows[0] == "30 60 49 69 of 128 128", "the box of the ink")
            check(least <= float(rows[1]) <= most and float(rows[2]) == 0, f"the contrast of grey {grey}")


def test_titles():
    for script in cards.SCRIPTS:
        lengths = [len(cards.title_of(script, n)) for n in cards.TITLE_LENGTHS]
        check(lengths == cards.TITLE_LENGTHS, f"lengths in {script}")
    a, b, c = (cards.Text(f"{box} 0 0 41") for box in ("0 0 10 10", "5 5 10 10", "10 0 10 10"))
    check(a.meets(b) and not a.meets(c), "what overlaps and what only touches")


def main():
    for test in (test_places, test_speech, test_form, test_spread, test_labels, test_insertion, test_sheet,
                 test_mentions, test_titles):
        test()
    if len(sys.argv) > 1:
        test_pixels(sys.argv[1])
    print(f"{len(failures)} failed" if failures else "all so")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
