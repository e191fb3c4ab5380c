# SPDX-License-Identifier: MIT
"""Who and what is found in a book, against lists that the product does not read."""
import json
import math
import os
import re

from tools import HERE, ROOT, words

HONORIFICS = set("mr mrs miss ms dr m mme madame monsieur sir lady lord captain count countess professor doctor uncle "
                 "aunt brother sister mother father old young squire colonel von the a an".split())
ARTICLES = {"the", "a", "an"}
STOP_WORDS = set("a an and as at by for from in into is it its of on or than that the this to too with no not one who "
                 "was were her his their she he they very much about like".split())


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def folded(name):
    """As it is compared: small letters, no article, no possessive."""
    w = [re.sub(r"[’']s$", "", x) for x in words(name)]
    while len(w) > 1 and w[0] in ARTICLES:
        w = w[1:]
    return " ".join(w)


def bare(name):
    """Without titles too, and as a singular."""
    w = folded(name).split()
    while len(w) > 1 and w[0] in HONORIFICS:
        w = w[1:]
    return re.sub(r"s$", "", " ".join(w))


def names_of(entry):
    return [entry["name"], *entry["aliases"]]


# ---- the example book

def stem(word):
    """Without an ending, and without the letter that was doubled before it: scarred, scars, scar."""
    return re.sub(r"(\w)\1$", r"\1", re.sub(r"(?<=\w{3})(?:ed|ing|es|s|ly|en)$", "", word))


def tells(description, fact):
    """At least half of a fact's words that mean something are in the description."""
    said = {stem(w) for w in re.split(r"[\s\-]+", " ".join(words(description)))}
    wanted = [stem(w) for w in re.findall(r"\w+", fact.lower()) if w not in STOP_WORDS]
    return sum(w in said for w in wanted) >= math.ceil(len(wanted) / 2)


class Sheet:
    """The cast sheet against what was found."""

    def __init__(self, cast, also, found):
        self.cast, self.found = cast, found
        self.entries = {c["name"]: self._entries_of(c) for c in cast}
        known = {folded(n) for c in cast for n in names_of(c)}
        # A proper name is real whatever it was taken for; a word for a thing only as that kind of thing.
        real = {(kind, folded(n)) for kind in ("character", "creature", "place", "item") for n in also[kind]}
        known |= {folded(n) for kind, _ in real for n in also[kind] if re.sub("^the ", "", n)[0].isupper()}
        self.false = [e for e in found if folded(e["name"]) not in known and (e["type"], folded(e["name"])) not in real]

    def _entries_of(self, member):
        """Those with the member's name come before those with one of its aliases."""
        full, any_of = folded(member["name"]), {folded(n) for n in names_of(member)}
        hits = [e for e in self.found if any_of & {folded(n) for n in names_of(e)}]
        return sorted(hits, key=lambda e: (folded(e["name"]) != full, folded(e["name"]) not in any_of))

    def _right(self, member):
        """The entry that is this member, of the right type; an entry is one member only."""
        for entry in self.entries[member["name"]]:
            taken = any(folded(entry["name"]) == folded(c["name"]) for c in self.cast if c is not member)
            if entry["type"] == member["type"] and not taken:
                return entry
        return None

    def missed(self):
        faults = []
        for c in self.cast:
            if not self._right(c):
                types = ", ".join(f"{e['name']} as {e['type']}" for e in self.entries[c["name"]])
                faults.append(f"{c['name']} ({c['type']}){': ' + types if types else ''}")
        return faults

    def facts(self):
        """How many look facts are told, of how many, and which are not."""
        told, all_facts, faults = 0, 0, []
        for c in self.cast:
            entry = self._right(c)
            for fact in c["looks"]:
                all_facts += 1
                if entry and tells(entry["description"], fact):
                    told += 1
                else:
                    faults.append(f"{c['name']}: {fact}" + ("" if entry else " (not found)"))
        return told, all_facts, faults

    def twice(self):
        """Persons that several entries name, and entries that are two persons."""
        faults = []
        for c in self.cast:
            if c["type"] != "character":
                continue
            own = {folded(n) for n in names_of(c)}
            entries = [e["name"] for e in self.found if folded(e["name"]) in own]
            if len(entries) > 1:
                faults.append(f"{c['name']}: {', '.join(entries)}")
        for e in self.found:
            full = {folded(n) for n in names_of(e)}
            persons = [c["name"] for c in self.cast if c["type"] == "character" and folded(c["name"]) in full]
            if len(persons) > 1:
                faults.append(f"one entry for {' and '.join(persons)}")
        return faults


# ---- other books

def mentions(entry, text):
    names = sorted({n for n in names_of(entry)}, key=len, reverse=True)
    return len(re.findall(r"(?<!\w)(?:" + "|".join(map(re.escape, names)) + r")(?!\w)", text))


def ten_most_mentioned(book, names):
    """Of the ten characters with the most mentions in the text, and of the catalogue's own first ten: how many are the
    book's (the smaller number), of how many, and which are not."""
    known = {bare(n) for character in names["characters"] for n in character}
    found = [e for e in book.elements if e["type"] == "character"]
    by_text = sorted(found, key=lambda e: -mentions(e, book.text))[:10]
    right, size, wrong = 11, 10, []
    for ten in (by_text, found[:10]):
        false = [e["name"] for e in ten if bare(e["name"]) not in known]
        if len(ten) - len(false) < right:
            right, size = len(ten) - len(false), len(ten)
        wrong += [n for n in false if n not in wrong]
    return right, size, wrong


def name_lists():
    folder = os.path.join(HERE, "names")
    return {file: load(os.path.join(folder, file)) for file in sorted(os.listdir(folder)) if file.endswith(".json")}


# ---- the product's sources

def product_files():
    for top in ("core", "fs"):
        for folder, _, names in sorted(os.walk(os.path.join(ROOT, top))):
            for name in sorted(names):
                if not name.endswith((".build", ".1")):
                    yield os.path.join(folder, name)


WORDNET = "/usr/share/wordnet/data."


def ordinary_words(texts):
    """What the language has in small letters, a rabbit, a button, a bill: in the test books, or in WordNet where it is
    installed (its data files keep capitals)."""
    found = set(re.findall(r"(?<![\w’'])[a-z]+(?![\w’'])", " ".join(texts)))
    for part in ("noun", "verb", "adj", "adv"):
        if os.path.exists(WORDNET + part):
            with open(WORDNET + part, encoding="utf-8", errors="replace") as f:
                # Offset, file, kind, number of words in hexadecimal digits, then each word and its number.
                rows = [line.split() for line in f if not line.startswith(" ")]
            found |= {row[4 + 2 * i] for row in rows for i in range(int(row[3], 16)) if row[4 + 2 * i].islower()}
    return found


def names_in_sources(cast, lists, ordinary):
    """Where a name of a test book stands in the product, in any case, as whole words: a name of several words unless
    all of them are ordinary, and each word of a name that is not."""
    wanted = {n for c in cast for n in names_of(c)} | {n for l in lists.values() for c in l["characters"] for n in c}
    phrases, single = set(), set()
    for name in wanted:
        w = words(name)
        if len(w) > 1:
            phrases.add(r"\s+".join(map(re.escape, w)))
        single |= {x for x in w if x not in ordinary and len(x) > 2 and x not in HONORIFICS}
    phrases = {p for p in phrases if not all(x in ordinary for x in p.split(r"\s+"))}
    if not phrases | single:
        return []
    any_name = "|".join(sorted(phrases | single, key=len, reverse=True))
    pattern = re.compile(r"(?<![^\W_])(?:" + any_name + r")(?![^\W_])", re.I)
    faults = []
    for path in product_files():
        with open(path, encoding="utf-8", errors="replace") as f:
            for number, line in enumerate(f, 1):
                for hit in pattern.findall(line):
                    faults.append(f"{os.path.relpath(path, ROOT)}:{number}: {hit}")
    return faults
