#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes lexicon_table.c of lexicon.txt: one row a word, sorted by bytes, so that looking up is a binary search."""
import sys

FIELDS = ("mood", "light", "ground")


def main(source, target):
    words = {}
    for number, line in enumerate(open(source, encoding="ascii"), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        head, colon, tail = line.partition(":")
        if not colon:
            sys.exit(f"{source}:{number}: no colon")
        for word in tail.split():
            row = words.setdefault(word, {"kinds": set()})
            for item in head.split():
                field, equals, value = item.partition("=")
                if equals and field not in FIELDS:
                    sys.exit(f"{source}:{number}: {field}: not one of {', '.join(FIELDS)}")
                if equals:
                    row.setdefault(field, value)
                else:
                    row["kinds"].add(item)
    with open(target, "w", encoding="ascii") as out:
        out.write("/* Made of lexicon.txt by lexicon.py. */\n")
        out.write('#include "lexicon.h"\n\nconst struct lexeme lexicon_table[] = {\n')
        for word in sorted(words):
            row = words[word]
            kinds = " | ".join("LEX_" + k.upper() for k in sorted(row["kinds"])) or "0"
            rest = ", ".join(f"{f.upper()}_{row[f].upper() if f in row else 'NONE'}" for f in FIELDS)
            out.write(f'\t{{"{word}", {kinds}, {rest}}},\n')
        out.write(f"}};\nconst size_t lexicon_words = {len(words)};\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
