#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes mood_table.c of moods.txt: for each term, in the order of its bytes, what it weighs for every mood.

A line of moods.txt is a word in its base form, or two that follow each other with _ between them, a colon, and moods
with their weights: "no_hurry: calm+7 tense-3". The line of "*" is what every passage begins with.
"""
import re
import sys

MOODS = ("calm joyful tender melancholy tense eerie menacing majestic lonely wondrous turbulent solemn").split()
LINE = re.compile(r"(\*|[a-z-]+(?:_[a-z-]+)?):((?: [a-z]+[+-]\d+)*)$")


def read(source):
    """{term: [weight of each mood]}"""
    terms = {}
    for number, line in enumerate(open(source, encoding="ascii"), 1):
        line = line.rstrip("\n")
        if not line or line.startswith("#"):
            continue
        found = LINE.match(line)
        if not found:
            sys.exit(f"{source}:{number}: not TERM: MOOD+WEIGHT ...")
        row = terms[found[1]] = [0] * len(MOODS)
        for mood, weight in re.findall(r"([a-z]+)([+-]\d+)", found[2]):
            row[MOODS.index(mood)] = int(weight)
    return terms


def main(source, target):
    terms = read(source)
    start = terms.pop("*")
    with open(target, "w", encoding="ascii") as out:
        out.write('/* Made of moods.txt by moods.py. */\n#include "analyst_mood.h"\n\n')
        out.write(f"const int16_t mood_start[MOODS] = {{0, {', '.join(map(str, start))}}};\n")
        out.write(f"const size_t mood_term_count = {len(terms)};\nconst struct mood_term mood_terms[] = {{\n")
        out.writelines(f'\t{{"{term}", {{0, {", ".join(map(str, terms[term]))}}}}},\n' for term in sorted(terms))
        out.write("};\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
