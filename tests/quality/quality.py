#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How good the built-in analyst and painter are: every measure in a line, with what is wanted.

    quality.py [-v] [--part NAME]... [--short] [--passages FILE] BUILD [BOOK.epub NAMES.json]...

BUILD has the programs (tests/quality.sh builds them). Without BOOKFS_CORPUS, the folder with the two novels, their
measures are skipped. Further books are measured beside them, and other passages with --passages. -v says under a line
what is not as it should be. --part measures a part only, --short the example book only and fewer trials, for the test
suite. Ends with 1 when a measure is below what is wanted.
"""
import argparse
import os
import sys
import tempfile

import cards
import cast
import choice
import speed
from tools import ROOT, Analyst, Book, file_text


class Table:
    def __init__(self, verbose):
        self.verbose, self.below = verbose, 0

    def line(self, what, value, wanted, good, faults=()):
        self.below += not good
        print(f"{'ok   ' if good else 'BELOW'}  {what:52} {value:>24}   {wanted}", flush=True)
        for fault in list(faults)[:200] if self.verbose else ():
            print(f"           {fault}")

    def skip(self, what, why):
        print(f"skip   {what:52} {why:>24}", flush=True)


class Material:
    """What there is to measure: the programs, and the books with their analyses."""

    def __init__(self, options):
        self.options, self.build = options, options.build
        self.program = f"{self.build}/tests/quality/quality_read"
        self.analyst, lists = Analyst(self.program), cast.name_lists()
        self.members = cast.load(os.path.join(ROOT, "tests/examples/cast.json"))["elements"]
        self.example = Book(self.build, f"{self.build}/examples/gannet-stair.epub")
        corpus = None if options.short else os.environ.get("BOOKFS_CORPUS")
        self.listed = [(Book(self.build, os.path.join(corpus, "books", names["file"])), names)
                       for names in lists.values() if corpus and "file" in names]
        pairs = zip(options.more[::2], options.more[1::2])
        self.more = [(Book(self.build, book), cast.load(names)) for book, names in pairs]
        novels = [lists["frankenstein.json"], lists["time-machine.json"]]
        self.novels = [book for book, names in self.listed if names in novels]
        self.drawn = [self.example] + [book for book, names in self.listed if names is lists["frankenstein.json"]]
        for book in [self.example] + [book for book, _ in self.listed + self.more]:
            book.read_by(self.analyst)

    def chapters(self, *more):
        return [ch for book in [*self.novels, *more] for ch in book.chapters]


def percent(value):
    return f"{100 * value:.1f} %"


# ---- the parts

def measure_choice(table, m):
    if m.novels:
        chapters = m.chapters()
        value, of = choice.starts_early(chapters)
        table.line("concepts in the first tenth of their chapter", f"{percent(value)} of {of}", "at most 25 %",
                   value <= .25)
        value, of = choice.kept_reversed(chapters, m.analyst)
        table.line("passages kept with paragraphs reversed", f"{percent(value)} of {of}", "at least 80 %", value >= .8)
        value, of = choice.mostly_spoken(chapters)
        table.line("quotes that are mostly direct speech", f"{percent(value)} of {of}", "at most 10 %", value <= .1)
    else:
        table.skip("choice in two novels", "no BOOKFS_CORPUS")
    chapters = m.chapters(m.example)
    longest = choice.longest_run(chapters)
    table.line("longest run of words shared with the quote", str(longest), "at most 12", longest <= 12)
    faults = choice.faults_of_form(chapters)
    table.line("concepts of a wrong form", str(len(faults)), "none: verbatim, 3-8 sentences, 60 words, number",
               not faults, faults)


def measure_spread(table, m):
    for key, value_of, least in (("mood", choice.mood_of, 8), ("light", choice.light_of, 6)):
        if not m.novels:
            table.skip(f"{key} in two novels", "no BOOKFS_CORPUS")
            continue
        kinds, most, value = choice.spread(m.chapters(), value_of)
        table.line(f"different {key}s, the commonest", f"{kinds}, {value} {percent(most)}",
                   f"{least} or more, at most 35 %", kinds >= least and most <= .35)


def measure_talk(table, m):
    trials = 20 if m.options.short else choice.TRIALS
    hits, missed = choice.chosen_among_talk("vivid.txt", m.analyst, trials)
    table.line("a vivid paragraph among talk is chosen", f"{hits} of {trials}", "at least 95 %", hits >= .95 * trials,
               missed)
    hits, taken = choice.chosen_among_talk("dull.txt", m.analyst, trials)
    table.line("a dull paragraph among talk is chosen", f"{hits} of {trials}", "at most 5 %", hits <= .05 * trials,
               taken)


def measure_passages(table, m):
    """Of the passages that judge, -v says no more than the sums: see the head of their file."""
    texts = [("passages", file_text("passages.txt"), True),
             ("passages, a second set,", file_text("passages-second.txt"), True),
             ("passages to learn from", file_text("passages-training.txt"), False)]
    if m.options.passages:
        with open(m.options.passages, encoding="utf-8") as f:
            texts.append(("further passages", f.read(), False))
    for name, text, sums_only in texts:
        right, of, faults = choice.passages_right(text, m.analyst)
        table.line(f"{name} with right mood, light and hour", f"{right} of {of}", "at least 75 %", right >= .75 * of,
                   faults[:1] if sums_only else faults)


def measure_cast(table, m):
    also = cast.load(os.path.join(ROOT, "tests/examples/also.json"))
    sheet = cast.Sheet(m.members, also, m.example.elements)
    missed, of = sheet.missed(), len(m.members)
    found = of - len(missed)
    table.line("cast found with the right type", f"{found} of {of}", "at least 90 %", found >= .9 * of, missed)
    told, facts, faults = sheet.facts()
    table.line("look facts in the descriptions", f"{told} of {facts}", "at least 70 %", told >= .7 * facts, faults)
    twice = sheet.twice()
    table.line("persons who are there twice", str(len(twice)), "none", not twice, twice)
    false = [f"{e['name']} ({e['type']})" for e in sheet.false]
    of = len(sheet.found)
    table.line("false names", f"{len(false)} of {of}", "at most 10 %", len(false) <= .1 * of, false)


def measure_names(table, m):
    for book, names in m.listed + m.more:
        right, of, wrong = cast.ten_most_mentioned(book, names)
        table.line(f"ten most mentioned: {book.title}", f"{right} of {of}", "at least 9 are the book's",
                   right >= .9 * of and of == min(10, len(names["characters"])), wrong)


def measure_sources(table, m):
    ordinary = cast.ordinary_words([book.text for book in [m.example] + [book for book, _ in m.listed]])
    faults = cast.names_in_sources(m.members, cast.name_lists(), ordinary)
    table.line("names of test books in the sources", str(len(faults)), "none", not faults, faults)


def measure_cards(table, m):
    most, middle, count, alike = cards.sameness(m.build, m.drawn)
    table.line(f"two most similar of {count} cards, text off", f"{most:.3f}", "below 0.85", most < .85, alike)
    table.line("similarity of two cards, median", f"{middle:.3f}", "below 0.6", middle < .6)
    elapsed, middle, slowest = cards.milliseconds(m.build, m.drawn)
    table.line("a card's milliseconds: elapsed; processor, slowest", f"{elapsed:.0f}; {middle:.0f}, {slowest:.0f}",
               "the slowest below 100 of a processor", slowest < 100)


def measure_pairs(table, m):
    alike, of, most = cards.pairs_alike(m.build)
    table.line("pairs of another mood or hour that look alike", f"{len(alike)} of {of}, {most:.3f}",
               "none (0.85 or more)", not alike, alike)


def measure_lettering(table, m):
    for script in cards.SCRIPTS:
        what = f"titles of 1 to 300 letters, {script}: contrast"
        if not cards.has_font(script):
            table.skip(what, "no font here")
            continue
        least, faults = cards.lettering(m.build, script)
        table.line(what, f"{least:.1f}, {len(faults)} faults", "4.5 or more, nothing cut or out",
                   least >= 4.5 and not faults, faults)


def measure_speed(table, m):
    rate, two, four = speed.rates(m.program)
    table.line("text a second of one core", f"{rate:.1f} MB", "at least 2 MB", rate >= 2)
    table.line("2 MB and 4 MB take, times 1 MB", f"{two:.2f}, {four:.2f}", "linear: at most 2.4, 4.8",
               two <= 2.4 and four <= 4.8)
    for name, size, seconds, kb in speed.endures(m.program):
        rate = size / speed.MB / seconds
        table.line(name, f"{rate:.1f} MB/s, {kb / 1024:.0f} MB", "2 MB/s, at most 8 MB and 8 times the text",
                   rate >= 2 and kb * 1024 <= 8 * speed.MB + 8 * size)


def measure_builds(table, m):
    texts = [ch.text for ch in m.chapters(m.example)]
    with tempfile.TemporaryDirectory(prefix="bookfs-quality-") as folder:
        digests = {"here": speed.digest(m.program, texts)}
        for name in ("C", "C.UTF-8"):
            digests[name] = speed.digest(m.program, texts, {"LC_ALL": name})
        turkish = speed.make_locale(folder)
        if turkish:
            digests["tr_TR"] = speed.digest(m.program, texts, turkish)
        for name, other in speed.variants(m.build):
            digests[name] = speed.digest(other, texts) if other else "not built"
    table.line(f"the same bytes of {len(digests)} builds and locales", digests["here"], "one hash",
               len(set(digests.values())) == 1, [f"{value} {name}" for name, value in digests.items()])


PARTS = {
    "choice": measure_choice,
    "talk": measure_talk,
    "spread": measure_spread,
    "passages": measure_passages,
    "cast": measure_cast,
    "names": measure_names,
    "sources": measure_sources,
    "cards": measure_cards,
    "pairs": measure_pairs,
    "lettering": measure_lettering,
    "speed": measure_speed,
    "builds": measure_builds,
}


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip())
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--passages")
    parser.add_argument("build")
    parser.add_argument("more", nargs="*")
    options = parser.parse_args()
    table, material = Table(options.verbose), Material(options)
    for name in options.part or PARTS:
        PARTS[name](table, material)
    print(f"{table.below} below what is wanted" if table.below else "all as wanted")
    return 1 if table.below else 0


if __name__ == "__main__":
    sys.exit(main())
