# SPDX-License-Identifier: MIT
"""What WordNet 3.0 knows of English words: kinds (as in lexicon.txt), parts of speech, irregular forms.

A word has many senses, and the first is not always the one that is meant. So every sense counts as often as it
was met in WordNet's tagged texts (cntlist.rev), and a word is of a kind if a good part of its uses are: "star" is
a light in the sky and not an actor. What a sense is follows from what stands above it (hypernyms), or from the
lexicographer's file it is in; see wndb(5WN).
"""
import os
import re
import sys

DEBIAN_PATH = "/usr/share/wordnet"
PACKAGE = "wordnet-base"
WORD = re.compile(r"[a-z]+(-[a-z]+)*$")
WORD_BYTES = 16  # as in lexicon.c

SHARE_OF_SENSES = 40  # per cent of a word's uses in one part of speech that make it of a kind
SHARE_OF_SPEECH = 20  # per cent of all its uses that make it a noun, a verb ...
FREQUENT = 3  # a use in the tagged texts counts so much more than a mere entry

# Kind: the synsets (lemma, sense number) at and below which a noun is of it. Of two the first wins.
NOUN_ROOTS = (
    ("person", "person 1"),
    ("creature", "animal 1, imaginary_being 1, spiritual_being 1, mythical_monster 1"),
    ("cloth", "clothing 1, footwear 2, headdress 1, jewelry 1, garment 1, eyeglasses 1, armor 1, body_armor 1, helmet 1, helmet 2"),
    ("colour", "chromatic_color 1, achromatic_color 1"),
    ("weather", "weather 1, precipitation 3, atmospheric_phenomenon 1, ice 1, snow 2"),
    ("light", "light 1, source_of_illumination 1, light 6, light 9, fire 3, darkness 1, luminosity 1, brightness 2, shadow 2"),
    ("vehicle", "vehicle 1"),
    ("plant", "plant 2, plant_part 1, vegetation 1"),
    ("food", "food 1, food 2, beverage 1"),
    ("material", "fabric 1, metal 1, metal 2, mineral 1, rock 2, wood 1, building_material 1, animal_skin 1, glass 1, "
                 "gem 2, fiber 1, paper 1, animal_product 1, soil 2, ceramic 1, plaster 1, wax 1"),
    ("building", "structure 1, room 1, facility 1, building_complex 1, establishment 4"),
    ("land", "geological_formation 1, body_of_water 1, land 2, land 4, rock 1, celestial_body 1, way 6, tract 1, "
             "geographical_area 1, sky 1, stream 1, road 1"),
    ("site", "district 1, city 1, municipality 1, village 1, country 4, residence 1, address 2"),
    ("item", "instrumentality 3, creation 2, decoration 1, covering 2, commodity 1, sheet 2, plaything 1, float 2, "
             "natural_object 1, publication 1"),
    ("group", "gathering 1, social_group 1, people 1, animal_group 1"),
)
BODY_FILE, PERSON_FILE, PLACE_FILE, TIME_FILE, LANGUAGE_FILE = 8, 18, 15, 28, 10
NOUN_FILES = {  # lexicographer files, where no root decides
    4: "abstract", 7: "abstract", 9: "abstract", 10: "abstract", 12: "abstract", 16: "abstract",
    20: "plant", 21: "abstract", 23: "abstract", 24: "abstract", 26: "abstract", 28: "abstract",
}
# Of the nouns of these kinds, those below here are places that a story returns to.
SITE_ROOTS = ("building 1, building_complex 1, room 1, facility 1, establishment 4, area 5, body_of_water 1, "
              "geological_formation 1, tract 1, geographical_area 1, land 4, road 1, tower 1, bridge 1, fortification 1, "
              "housing 1, street 1, monument 1, memorial 1")
VERB_ROOTS = (
    ("speech", "express 2, state 1, tell 3, talk 1, talk 2, ask 1, utter 1, cry 1, exclaim 1, shout 1, answer 1"),
)
VERB_FILES = {31: "abstract", 38: "motion", 39: "sense", 43: "weather"}
# Adjectives describe a look if their cluster's head has one of these as its attribute, or is one of these.
LOOK_ATTRIBUTES = set("""size height stature length width thickness depth shape texture smoothness curliness age
    body_weight weight beauty attractiveness wetness cleanness evenness complexion sharpness solidity cubicity fullness
    clarity opacity hardness magnitude""".split())
LOOK_HEADS = set("""adorned clothed unclothed haired hairless bearded armed patterned painted broken straight crooked
    curved coiled pointed rough smooth ornate fancy shaped bent steep wrinkled dirty clean worn hollow upright sloping
    rounded angular symmetrical tangled unkempt tidy untidy empty full open closed blown""".split())
# A mood spreads from the words that name it to those of like meaning: similar adjectives, the more special words, the
# noun or the adverb made of an adjective.
MOOD_POINTERS = ("&", "~", "+", "\\")
MOOD_STEPS = 2
SHARE_OF_MOOD = 50  # per cent of a word's uses
PART_OF_POINTER = {"n": "noun", "v": "verb", "a": "adj", "s": "adj", "r": "adv"}
LIGHT_ATTRIBUTES = {"light", "luminosity"}
COLOUR_HEADS = {"chromatic", "achromatic", "colorful", "colored", "color"}


def fail(reason):
    sys.exit(f"WordNet 3.0: {reason}; install the package {PACKAGE}")


def lines_of(folder, name):
    try:
        with open(os.path.join(folder, name), encoding="ascii", errors="replace") as file:
            return [line for line in file if not line.startswith("  ")]  # the licence comes first
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")


class Synset:
    __slots__ = ("file", "words", "pointers")

    def __init__(self, fields):
        count = int(fields[3], 16)
        self.file = int(fields[1])
        self.words = fields[4:4 + 2 * count:2]
        behind = 5 + 2 * count
        pointers = fields[behind:behind + 4 * int(fields[behind - 1])]
        self.pointers = list(zip(pointers[::4], pointers[1::4], pointers[2::4]))

    def linked(self, symbols):
        return [offset for symbol, offset, _ in self.pointers if symbol in symbols]


class Part:
    """One part of speech: its synsets, and of each word the synsets of its senses in their order."""

    def __init__(self, folder, name):
        self.synsets = {f[0]: Synset(f) for f in (line.split(" | ")[0].split() for line in lines_of(folder, "data." + name))}
        self.senses = {}
        for line in lines_of(folder, "index." + name):
            fields = line.split()
            self.senses[fields[0]] = fields[-int(fields[2]):]

    def below(self, roots):
        """The offsets of the synsets named "lemma number, ..." and of all beneath them."""
        found = set()
        open_ends = [self.senses[lemma][int(number) - 1] for lemma, number in (r.split() for r in roots.split(", "))
                     if len(self.senses.get(lemma, ())) >= int(number)]
        while open_ends:
            offset = open_ends.pop()
            if offset not in found:
                found.add(offset)
                open_ends += self.synsets[offset].linked(("~",))
        return found


def read_counts(folder):
    """(lemma, part of speech) -> {sense number: times met}."""
    counts = {}
    for line in lines_of(folder, "cntlist.rev"):
        key, number, times = line.split()
        lemma, _, tail = key.rpartition("%")
        counts.setdefault((lemma, "nvarv"[int(tail[0]) - 1] if tail[0] != "5" else "a"), {})[int(number)] = int(times)
    return counts


def is_capital(synset, lemma):
    """Is the word written with a capital in this sense?"""
    return any(w[:1].isupper() and w.partition("(")[0].lower() == lemma for w in synset.words)


def kinds_of_proper(synset, part):
    """Of a sense that has a capital: a place's own name, or that of a people, a day, a language."""
    if part == "adj" or synset.file in (TIME_FILE, LANGUAGE_FILE):
        return ("proper",)
    if synset.file == PLACE_FILE:
        return ("geo",)
    return ("proper",) if synset.file == PERSON_FILE and not synset.linked(("@i",)) else ()


def weigh(senses, counts):
    """How much each sense of a word weighs: by use, and a little by rank."""
    return [FREQUENT * counts.get(rank + 1, 0) + max(1, 3 - rank) for rank in range(len(senses))]


def judge(name, part, lemma, counts, kind_of):
    """What a word is in one part of speech: its kinds, the weight of its common senses, the kinds of its proper ones."""
    weights = weigh(part.senses[lemma], counts)
    votes, total, proper = {}, 0, set()
    for offset, weight in zip(part.senses[lemma], weights):
        if is_capital(part.synsets[offset], lemma):
            proper.update(kinds_of_proper(part.synsets[offset], name))
            continue
        total += weight
        for kind in kind_of.get(offset, ()):
            votes[kind] = votes.get(kind, 0) + weight
    return {k for k, v in votes.items() if v * 100 >= total * SHARE_OF_SENSES}, total, proper


def noun_kinds(nouns):
    kind_of = {offset: ["body"] for offset, synset in nouns.synsets.items() if synset.file == BODY_FILE}
    for kind, roots in NOUN_ROOTS:
        for offset in nouns.below(roots):
            kind_of.setdefault(offset, [kind])
    for offset in nouns.below(SITE_ROOTS):
        if kind_of.get(offset, ["building"])[0] in ("building", "land"):
            kind_of.setdefault(offset, []).append("site")
    for offset, synset in nouns.synsets.items():
        if offset not in kind_of and synset.file in NOUN_FILES:
            kind_of[offset] = [NOUN_FILES[synset.file]]
    return kind_of


def verb_kinds(verbs):
    kind_of = {}
    for kind, roots in VERB_ROOTS:
        for offset in verbs.below(roots):
            kind_of.setdefault(offset, [kind])
    for offset, synset in verbs.synsets.items():
        if offset not in kind_of and synset.file in VERB_FILES:
            kind_of[offset] = [VERB_FILES[synset.file]]
    return kind_of


def adjective_kinds(adjectives, nouns, noun_kind_of):
    kind_of = {}

    def plain(word):
        return word.partition("(")[0].lower()

    for offset, synset in adjectives.synsets.items():
        head = synset.linked("&") if synset.file == 0 and "&" in [p[0] for p in synset.pointers] else []
        clusters = [synset] + [adjectives.synsets[h] for h in head if h in adjectives.synsets]
        kinds = set()
        for cluster in clusters:
            names = {plain(w) for w in cluster.words}
            attributes = {nouns.synsets[o].words[0] for o in cluster.linked("=") if o in nouns.synsets}
            if names & COLOUR_HEADS or "color" in attributes or "hue" in attributes:
                kinds.add("colour")
            elif attributes & LIGHT_ATTRIBUTES:
                kinds.add("light")
            elif attributes & LOOK_ATTRIBUTES or names & LOOK_HEADS:
                kinds.add("look")
        for symbol, noun, part in synset.pointers:
            if symbol == "\\" and part == "n" and "material" in noun_kind_of.get(noun, ()):
                kinds.add("material")
        if kinds:
            kind_of[offset] = sorted(kinds)
    return kind_of


def sense_weights(parts, counts, lemma):
    """((part of speech, synset), weight) of each sense that a word has in any part of speech."""
    for name, part in parts.items():
        senses = part.senses.get(lemma, ())
        times = counts.get((lemma, "r" if name == "adv" else name[0]), {})
        yield from zip(((name, offset) for offset in senses), weigh(senses, times))


def mood_seeds(parts, counts, words):
    """The senses in which the words are mostly used."""
    for word in words:
        for name, part in parts.items():
            senses = list(sense_weights({name: part}, counts, word))
            total = sum(weight for _, weight in senses)
            yield from (sense for sense, weight in senses if weight * 100 >= total * SHARE_OF_SENSES)


def mood_synsets(parts, counts, seeds):
    """(part of speech, synset) -> {mood: how many steps from its seeds}."""
    found = {}
    for mood, words in sorted(seeds.items()):
        front = set(mood_seeds(parts, counts, words))
        for steps in range(MOOD_STEPS + 1):
            for sense in front:
                found.setdefault(sense, {}).setdefault(mood, steps)
            links = (link for name, offset in front for link in parts[name].synsets[offset].pointers)
            front = {(PART_OF_POINTER[part], offset) for symbol, offset, part in links if symbol in MOOD_POINTERS}
            front = {sense for sense in front if mood not in found.get(sense, ())}
    return found


def mood_of_word(senses, synsets):
    """The mood in most of its senses, if these are most of its uses; None if there is no such."""
    votes, total = {}, 0
    for sense, weight in senses:
        total += weight
        steps = synsets.get(sense, {})
        nearest = [mood for mood in steps if steps[mood] == min(steps.values())]
        for mood in nearest:
            votes[mood] = votes.get(mood, 0) + weight / len(nearest)
    best = max(sorted(votes), key=votes.get, default=None)
    return best if best and votes[best] * 100 >= total * SHARE_OF_MOOD else None


def read_moods(parts, counts, words, seeds):
    synsets = mood_synsets(parts, counts, seeds)
    for word, row in words.items():
        mood = mood_of_word(list(sense_weights(parts, counts, word)), synsets)
        if mood:
            row["mood"] = mood


def read_word(row, parts, kinds_of, counts, lemma):
    for name, part in parts.items():
        if lemma in part.senses:
            times = counts.get((lemma, "r" if name == "adv" else name[0]), {})
            kinds, weight, proper = judge(name, part, lemma, times, kinds_of[name])
            row["proper"] |= proper
            row["met"] += sum(times.values())
            if weight:
                row["uses"][name], row["kinds_as"][name] = weight, kinds
    total = sum(row["uses"].values())
    for name, weight in row["uses"].items():
        if weight * 100 >= total * SHARE_OF_SPEECH:
            row["kinds"] |= row["kinds_as"][name]
    return row


def read_words(parts, counts):
    """word -> its kinds (all, and as each part of speech), how it is used, how often it was met."""
    kinds_of = {"noun": noun_kinds(parts["noun"]), "verb": verb_kinds(parts["verb"]), "adv": {}}
    kinds_of["adj"] = adjective_kinds(parts["adj"], parts["noun"], kinds_of["noun"])
    words = {}
    for lemma in sorted({lemma for part in parts.values() for lemma in part.senses}):
        if WORD.match(lemma) and 2 <= len(lemma) <= WORD_BYTES:
            row = {"kinds": set(), "kinds_as": {}, "uses": {}, "proper": set(), "met": 0}
            words[lemma] = read_word(row, parts, kinds_of, counts, lemma)
    return words


def read_forms(folder, words):
    """Irregular form -> (base form, part of speech), where the base is met more than the form itself."""
    forms = {"women": ("woman", "noun", 1)}  # the one that noun.exc forgot
    for name in ("noun", "verb", "adj"):
        for line in lines_of(folder, name + ".exc"):
            form, *bases = line.split()
            for base in bases:
                weight = words[base]["uses"].get(name, 0) if base in words else 0
                own = sum(words[form]["uses"].values()) if form in words else 0
                if WORD.match(form) and len(form) <= WORD_BYTES and form != base and \
                        weight > max(own, forms.get(form, ("", "", 0))[2]):
                    forms[form] = base, name, weight
    return {form: (base, name) for form, (base, name, _) in forms.items() if base not in forms}


def is_regular(form, base):
    """Would lexicon.c take the ending off by itself?"""
    stem = base[:-1] if base[-1] in "ey" else base
    doubled = base + base[-1]
    return form in (base + "s", base + "es", base + "ed", base + "ing", stem + "ies", stem + "ied", stem + "ed", stem + "ing",
                    doubled + "ed", doubled + "ing", base + "er", base + "est", stem + "er", stem + "est",
                    stem + "ier", stem + "iest")


def is_worth_a_row(row):
    """Rare words count when they can be seen; of the others only those that are in use."""
    return row["met"] or row["kinds"] - {"abstract"} or "geo" in row["proper"] or "mood" in row


def read(folder, mood_seeds_of):
    """All words and irregular forms; the seeds are the words that name a mood: {mood: words}."""
    parts = {name: Part(folder, name) for name in ("noun", "verb", "adj", "adv")}
    counts = read_counts(folder)
    words = read_words(parts, counts)
    read_moods(parts, counts, words, mood_seeds_of)
    forms = {form: found for form, found in read_forms(folder, words).items() if not is_regular(form, found[0])}
    words = {word: row for word, row in words.items() if is_worth_a_row(row)}
    return words, {form: found for form, found in forms.items() if found[0] in words}
