#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes lexicon_table.c of lexicon.txt and WordNet: rows of words, and a hash table over them.

What lexicon.txt says of a word wins: WordNet then only tells how it is used. The rows are in order of use, our own
list first, so that the pages of the table that are ever touched are few.
"""
import sys

import wordnet

FIELDS = ("mood", "light", "ground")
VOTE, HINT = 3, 1  # what a word's light or ground weighs
MOOD_VOTE, MOOD_HINT, RARE_MOOD_HINT = 6, 2, 3  # what its mood weighs: a rare word is chosen for it
RARE = 10  # met less often than this in WordNet's tagged texts
WEIGHTS = tuple(field + "_weight" for field in FIELDS)
SPEECH = ("noun", "verb", "adj")
SLOTS = 1 << 16  # a power of two: as in lexicon.h
NOTICE = """/*
 * Made of lexicon.txt and of WordNet 3.0 by lexicon.py.
 *
 * WordNet 3.0 Copyright 2006 by Princeton University. All rights reserved. The notice and the licence
 * are in the file LICENSE.
 */
"""


def add_word(row, head):
    weight = HINT if "hint" in head else VOTE
    for item in head:
        field, equals, value = item.partition("=")
        if not equals and item != "hint":
            row["kinds"].add(item)
        if equals and field not in row:
            row[field], row[field + "_weight"] = value, weight


def read_list(source):
    words, phrases = {}, {}
    for number, line in enumerate(open(source, encoding="ascii"), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        head, colon, tail = line.partition(":")
        head = head.split()
        if not colon or any("=" in item and item.partition("=")[0] not in FIELDS for item in head):
            sys.exit(f"{source}:{number}: not KIND or FIELD=VALUE, a colon, and words")
        if head[0] in ("idiom", "cue"):
            field, _, value = head[-1].partition("=")
            phrases.update((phrase, {field: value}) for phrase in tail.split())
            continue
        for word in tail.split():
            add_word(words.setdefault(word, {"kinds": set()}), head)
    return words, sorted(phrases.items())


def mood_seeds(listed):
    """{mood: the words that name it}."""
    seeds = {}
    for word, row in listed.items():
        if row.get("mood_weight") == VOTE:
            seeds.setdefault(row["mood"], set()).add(word)
    return seeds


def weigh_mood(weight, met):
    if weight != HINT:
        return MOOD_VOTE if weight else 0
    return RARE_MOOD_HINT if met < RARE else MOOD_HINT


def merge(listed, known, forms):
    """The rows: {"word", "kinds", "met", "uses", "base" and the fields}."""
    rows = []
    for word in set(listed) | set(known) | set(forms):
        own, wn = listed.get(word, {}), known.get(word, {})
        base, part = forms.get(word, ("", ""))
        kinds = set(own.get("kinds", ())) or wn.get("kinds", set())
        uses = dict(wn.get("uses", {}))
        if word in listed:
            base = ""
            kinds = kinds | {"listed"}
        if part:  # how it is used as a form counts as well
            uses[part] = uses.get(part, 0) + known[forms[word][0]]["uses"][part]
        met = wn.get("met", 0) + (known[base]["met"] if base else 0)
        if "mood" in wn and "mood" not in own and "stop" not in kinds:
            own = {**own, "mood": wn["mood"], "mood_weight": HINT}
        rows.append({"word": word, "kinds": kinds | wn.get("proper", set()), "uses": uses, "base": base, "met": met,
                     **{f: own.get(f, "none") for f in FIELDS},
                     "light_weight": own.get("light_weight", 0), "ground_weight": own.get("ground_weight", 0),
                     "mood_weight": weigh_mood(own.get("mood_weight", 0), met)})
    return sorted(rows, key=lambda r: ("listed" not in r["kinds"], -r["met"], r["word"]))


def hash_word(word):
    """FNV-1a, as in lexicon.c."""
    h = 2166136261
    for c in word.encode("ascii"):
        h = (h ^ c) * 16777619 & 0xffffffff
    return h ^ h >> 15


def make_slots(rows):
    """The row's number + 1 at the word's hash, or at the next free slot behind it."""
    slots = [0] * SLOTS
    for i, row in enumerate(rows):
        at = hash_word(row["word"]) % SLOTS
        while slots[at]:
            at = (at + 1) % SLOTS
        slots[at] = i + 1
    return slots


def row_text(row, numbers):
    kinds = " | ".join("LEX_" + k.upper() for k in sorted(row["kinds"])) or "0"
    total = sum(row["uses"].values()) or 1
    uses = ", ".join(str(row["uses"].get(s, 0) * 100 // total) for s in SPEECH)
    fields = ", ".join(f"{f.upper()}_{row[f].upper()}" for f in FIELDS)
    base = numbers[row["base"]] + 1 if row["base"] else 0
    weights = ", ".join(str(row[w]) for w in WEIGHTS)
    return f'\t{{{kinds}, {base}, "{row["word"]}", {fields}, {weights}, {uses}}},\n'


def main(source, dictionary, target):
    listed, phrases = read_list(source)
    rows = merge(listed, *wordnet.read(dictionary, mood_seeds(listed)))
    if len(rows) > SLOTS * 2 // 3:
        sys.exit(f"{len(rows)} words are too many for the table")
    numbers = {row["word"]: i for i, row in enumerate(rows)}
    with open(target, "w", encoding="ascii") as out:
        out.write(NOTICE + '#include "lexicon.h"\n\nconst struct lexeme lexicon_table[] = {\n')
        out.writelines(row_text(row, numbers) for row in rows)
        out.write(f"}};\nconst size_t lexicon_words = {len(rows)};\nconst uint16_t lexicon_slots[LEXICON_SLOTS] = {{\n")
        slots = make_slots(rows)
        for i in range(0, SLOTS, 32):
            out.write("\t" + ", ".join(map(str, slots[i:i + 32])) + ",\n")
        out.write("};\nconst struct lex_phrase lexicon_phrases[] = {\n")
        out.writelines(f'\t{{"{phrase}", LIGHT_{told.get("light", "none").upper()}}},\n'
                       for phrase, told in phrases)
        out.write(f"}};\nconst size_t lexicon_phrase_count = {len(phrases)};\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
