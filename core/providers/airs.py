#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes air_table.c of airs.txt and cues.txt: for each term, in the order of its bytes, what it weighs for every mood, light
and hour; and the cues, by their words.

A line of airs.txt is a term (see analyst_air.h) and a whole number for each column, in the order of COLUMNS. The line
of "*" is what every passage begins with; those of "+dawn" and so on say what that hour weighs with no light and with
each that is no hour, "+" without any. A term with "~" counts AIR_SIGN times what stands there.
"""
import sys

MOODS = ["calm", "joyful", "tender", "melancholy", "tense", "eerie", "menacing", "majestic", "lonely", "wondrous",
         "turbulent", "solemn"]
HOURS = ["dawn", "morning", "noon", "afternoon", "sunset", "dusk", "night"]
LIGHTS = ["moonlight", "starlight", "firelight", "lamplight", "sunlight", "overcast", "storm", "mist"]
COLUMNS = MOODS + HOURS + LIGHTS
TERM_BYTES, GROUPS = 24, 46  # as in analyst_air.h


def read(source):
    """{term: [weights]}"""
    rows = {}
    for number, line in enumerate(open(source, encoding="ascii"), 1):
        if line.startswith("#") or not line.strip():
            continue
        term, *weights = line.split()
        wanted = 1 + len(LIGHTS) if term.startswith("+") else len(COLUMNS)
        if len(weights) != wanted or len(term) >= TERM_BYTES or term in rows:
            sys.exit(f"{source}:{number}: not a new term and {wanted} weights")
        rows[term] = [int(w) for w in weights]
    return rows


def read_cues(source):
    """{group: {words with _ between}}"""
    groups = {}
    for line in open(source, encoding="ascii"):
        group, colon, cues = line.partition(":")
        if colon and not line.startswith("#"):
            groups.setdefault(group, set()).update("_".join(cue.split()) for cue in cues.split(",") if cue.split())
    if len(groups) != GROUPS or any(len(f"~cues_{group}") >= TERM_BYTES for group in groups):
        sys.exit(f"{source}: not {GROUPS} groups with short names")
    return groups


def write_cues(out, groups):
    cues = sorted((cue.split("_"), number) for number, group in enumerate(groups) for cue in groups[group])
    out.write(f"const size_t air_cue_count = {len(cues)};\nconst struct air_cue air_cues[] = {{\n")
    out.writelines(f'\t{{"{"_".join(cue)}", {number}}},\n' for cue, number in cues)
    out.write("};\nconst char *const air_groups[AIR_GROUPS] = {\n")
    out.writelines(f'\t"{group}",\n' for group in groups)
    out.write("};\n")


def braced(numbers):
    return "{" + ", ".join(map(str, numbers)) + "}"


def main(source, cues, target):
    rows = read(source)
    start = rows.pop("*")
    pairs = [rows.pop("+" + hour) for hour in [""] + HOURS]
    with open(target, "w", encoding="ascii") as out:
        out.write('/* Made of airs.txt by airs.py. */\n#include "analyst_air.h"\n\n')
        out.write(f"const int16_t air_start[AIR_COLUMNS] = {braced(start)};\n")
        out.write("const int16_t air_pairs[AIR_HOURS][AIR_LIGHTS] = {\n")
        out.writelines(f"\t{braced(pair)},\n" for pair in pairs)
        out.write("};\n")
        out.write(f"const size_t air_term_count = {len(rows)};\nconst struct air_term air_terms[] = {{\n")
        out.writelines(f'\t{{"{term}", {braced(rows[term])}}},\n' for term in sorted(rows))
        out.write("};\n")
        write_cues(out, read_cues(cues))


if __name__ == "__main__":
    main(*sys.argv[1:])
