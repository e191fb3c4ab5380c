#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How good the built-in analyst and painter are: every measure in a line, with what is wanted.

    quality.py [--short] [-v] [--passages FILE] BUILD [BOOK.epub NAMES.json]...

BUILD has the programs (tests/quality.sh builds them). Without BOOKFS_CORPUS, the folder with the two novels, their measures are
skipped. Further books are measured beside them. -v says under a line what is not as it should be; --short measures what takes
a few seconds, for the test suite. Ends with 1 when a measure is below what is wanted.
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

NOVELS = ["frankenstein.json", "time-machine.json"]


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


def percent(value):
    return f"{100 * value:.1f} %"


# ---- the parts, in the order of what they are about

def measure_choice(table, novels, example, analyst):
    if novels:
        chapters = [ch for book in novels for ch in book.chapters]
        value, of = choice.starts_early(chapters)
        table.line("concepts in the first tenth of their chapter", f"{percent(value)} of {of}", "at most 25 %", value <= .25)
        value, of = choice.kept_reversed(chapters, analyst)
        table.line("passages kept with paragraphs reversed", f"{percent(value)} of {of}", "at least 80 %", value >= .8)
        value, of = choice.mostly_spoken(chapters)
        table.line("quotes that are mostly direct speech", f"{percent(value)} of {of}", "at most 10 %", value <= .1)
    else:
        table.skip("choice in two novels", "no BOOKFS_CORPUS")
    chapters = [ch for book in novels + [example] for ch in book.chapters]
    longest = choice.longest_run(chapters)
    table.line("longest run of words shared with the quote", str(longest), "at most 12", longest <= 12)
    faults = choice.faults_of_form(chapters)
    table.line("concepts of a wrong form", str(len(faults)), "none: verbatim, 3-8 sentences, 60 words, number", not faults,
               faults)


def measure_spread(table, novels):
    chapters = [ch for book in novels for ch in book.chapters]
    for key, value_of, least in (("mood", choice.mood_of, 8), ("light", choice.light_of, 6)):
        if not novels:
            table.skip(f"{key} in two novels", "no BOOKFS_CORPUS")
            continue
        kinds, most, value = choice.spread(chapters, value_of)
        table.line(f"different {key}s, the commonest", f"{kinds}, {value} {percent(most)}", f"{least} or more, at most 35 %",
                   kinds >= least and most <= .35)


def measure_texts(table, analyst, trials):
    hits, missed = choice.chosen_among_talk("vivid.txt", analyst, trials)
    table.line("a vivid paragraph among talk is chosen", f"{hits} of {trials}", "at least 95 %", hits >= .95 * trials, missed)
    hits, taken = choice.chosen_among_talk("dull.txt", analyst, trials)
    table.line("a dull paragraph among talk is chosen", f"{hits} of {trials}", "at most 5 %", hits <= .05 * trials, taken)


def measure_passages(table, analyst, text):
    right, of, faults = choice.passages_right(text, analyst)
    table.line("passages with right mood, light and hour", f"{right} of {of}", "at least 75 %", right >= .75 * of, faults)


def measure_cast(table, example):
    members = cast.load(os.path.join(ROOT, "tests/examples/cast.json"))["elements"]
    also = cast.load(os.path.join(ROOT, "tests/examples/also.json"))
    sheet = cast.Sheet(members, also, example.elements)
    missed = sheet.missed()
    found = len(members) - len(missed)
    table.line("cast found with the right type", f"{found} of {len(members)}", "at least 90 %", found >= .9 * len(members),
               missed)
    told, facts, faults = sheet.facts()
    table.line("look facts in the descriptions", f"{told} of {facts}", "at least 70 %", told >= .7 * facts, faults)
    twice = sheet.twice()
    table.line("persons who are there twice", str(len(twice)), "none", not twice, twice)
    false = [f"{e['name']} ({e['type']})" for e in sheet.false]
    table.line("false names", f"{len(false)} of {len(sheet.found)}", "at most 10 %", len(false) <= .1 * len(sheet.found), false)


def measure_names(table, books):
    for book, names in books:
        right, of, wrong = cast.ten_most_mentioned(book, names)
        table.line(f"ten most mentioned: {book.title}", f"{right} of {of}", "at least 9 are the book's",
                   right >= .9 * of and of == min(10, len(names["characters"])), wrong)


def measure_sources(table, texts):
    members = cast.load(os.path.join(ROOT, "tests/examples/cast.json"))["elements"]
    faults = cast.names_in_sources(members, cast.name_lists(), cast.ordinary_words(texts))
    table.line("names of test books in the sources", str(len(faults)), "none", not faults, faults)


def measure_cards(table, build, books):
    most, middle, count, alike = cards.sameness(build, books)
    table.line(f"two most similar of {count} cards, text off", f"{most:.3f}", "below 0.85", most < .85, alike)
    table.line("similarity of two cards, median", f"{middle:.3f}", "below 0.6", middle < .6)
    elapsed, middle, slowest = cards.milliseconds(build, books)
    table.line("a card's milliseconds: elapsed; processor, slowest", f"{elapsed:.0f}; {middle:.0f}, {slowest:.0f}",
               "the slowest below 100 of a processor", slowest < 100)


def measure_pairs(table, build):
    alike, of, most = cards.pairs_alike(build)
    table.line("pairs of another mood or hour that look alike", f"{len(alike)} of {of}, {most:.3f}", "none (0.85 or more)",
               not alike, alike)


def measure_lettering(table, build):
    for script in cards.SCRIPTS:
        least, unknown, faults = cards.lettering(build, script)
        if unknown:
            table.skip(f"titles of 1 to 300 letters, {script}", f"no font for {unknown} letters")
        else:
            table.line(f"titles of 1 to 300 letters, {script}: contrast", f"{least:.1f}, {len(faults)} faults",
                       "4.5 or more, nothing cut or out", least >= 4.5 and not faults, faults)


def measure_speed(table, program):
    rate, two, four = speed.rates(program)
    table.line("text a second of one core", f"{rate:.1f} MB", "at least 2 MB", rate >= 2)
    table.line("2 MB and 4 MB take, times 1 MB", f"{two:.2f}, {four:.2f}", "linear: at most 2.4, 4.8", two <= 2.4 and four <= 4.8)
    for name, size, seconds, kb in speed.endures(program):
        rate = size / speed.MB / seconds
        table.line(name, f"{rate:.1f} MB/s, {kb / 1024:.0f} MB", "2 MB/s, at most 8 MB and 8 times the text",
                   rate >= 2 and kb * 1024 <= 8 * speed.MB + 8 * size)


def measure_builds(table, build, texts):
    with tempfile.TemporaryDirectory(prefix="bookfs-quality-") as folder:
        program = f"{build}/tests/quality/quality_read"
        digests = {"here": speed.digest(program, texts)}
        for name in ("C", "C.UTF-8"):
            digests[name] = speed.digest(program, texts, {"LC_ALL": name})
        turkish = speed.make_locale(folder)
        if turkish:
            digests["tr_TR"] = speed.digest(program, texts, turkish)
        for name, other in speed.variants(build):
            digests[name] = speed.digest(other, texts) if other else "not built"
    table.line(f"the same bytes of {len(digests)} builds and locales", digests["here"], "one hash", len(set(digests.values())) == 1,
               [f"{value} {name}" for name, value in digests.items()])


# ---- all of it

def measure(options, table):
    build, corpus = options.build, os.environ.get("BOOKFS_CORPUS")
    program = f"{build}/tests/quality/quality_read"
    analyst, lists = Analyst(program), cast.name_lists()
    example = Book(build, f"{build}/examples/gannet-stair.epub")
    listed = []
    if corpus and not options.short:
        listed = [(Book(build, os.path.join(corpus, "books", l["file"])), l) for l in lists.values() if "file" in l]
    more = [(Book(build, book), cast.load(names)) for book, names in zip(options.more[::2], options.more[1::2])]
    for book in [example] + [book for book, _ in listed + more]:
        book.read_by(analyst)
    novels = [book for book, l in listed if l in [lists[n] for n in NOVELS]]

    measure_choice(table, novels, example, analyst)
    measure_texts(table, analyst, 20 if options.short else choice.TRIALS)
    if not options.short:
        measure_spread(table, novels)
    measure_passages(table, analyst, file_text("passages.txt"))
    if options.passages:
        with open(options.passages, encoding="utf-8") as f:
            measure_passages(table, analyst, f.read())
    measure_cast(table, example)
    measure_names(table, listed + more)
    measure_sources(table, [book.text for book in [example] + [b for b, _ in listed]])
    analyst.close()
    if options.short:
        return
    measure_cards(table, build, [example] + [book for book in novels if book.title == lists["frankenstein.json"]["title"]])
    measure_pairs(table, build)
    measure_lettering(table, build)
    measure_speed(table, program)
    measure_builds(table, build, [ch.text for book in novels + [example] for ch in book.chapters])


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip())
    parser.add_argument("--short", action="store_true")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("--passages")
    parser.add_argument("build")
    parser.add_argument("more", nargs="*")
    options = parser.parse_args()
    table = Table(options.verbose)
    measure(options, table)
    print(f"{table.below} below what is wanted" if table.below else "all as wanted")
    return 1 if table.below else 0


if __name__ == "__main__":
    sys.exit(main())
