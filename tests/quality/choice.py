# SPDX-License-Identifier: MIT
"""Which passages are chosen, and what is said of them."""
import random
import re
from collections import Counter

from tools import file_text, grams, labelled, paragraphs, shared, words

TRIALS = 100
# What the lexicon calls them; "" in a concept is "none" here.
LIGHTS = ["dawn", "morning light", "noon light", "afternoon light", "sunset", "dusk", "night", "moonlight", "starlight",
          "firelight", "lamplight", "sunlight", "overcast", "storm light", "mist"]
HOUR_OF_LIGHT = {"dawn": "dawn", "morning light": "morning", "noon light": "noon", "afternoon light": "afternoon",
                 "sunset": "sunset", "dusk": "dusk", "night": "night", "moonlight": "night", "starlight": "night"}
HOURS = ["dawn", "morning", "noon", "afternoon", "sunset", "dusk", "night"]


def share(part, whole):
    return part / whole if whole else 0.0


# ---- over whole books

def starts_early(chapters):
    """The share of concepts that begin in the first tenth of their chapter."""
    early = [c["quote"]["offset"] * 10 < len(ch.text.encode()) for ch in chapters for c in ch.concepts]
    return share(sum(early), len(early)), len(early)


def kept_reversed(chapters, analyst):
    """The share of chosen passages that are chosen again when the chapter's paragraphs stand in reverse order: at least
    half of the passage, by its runs of words, is in the passages chosen then."""
    kept = []
    for chapter in chapters:
        turned = "\n\n".join(reversed(paragraphs(chapter.text))) + "\n"
        again = set()
        for concept in analyst.analyze(turned, chapter.scenes)["concepts"]:
            again |= grams(concept["quote"]["text"])
        kept += [shared(c["quote"]["text"], again) >= .5 for c in chapter.concepts]
    analyst.catalogue()
    return share(sum(kept), len(kept)), len(kept)


def spoken_share(quote):
    """Between pairs of quotation marks. A paragraph that opens with a mark and never closes it goes on in the next one:
    that is how a whole chapter told by somebody is set, which is a story, not talk; in it the inner marks count."""
    spoken = 0
    for paragraph in paragraphs(quote):
        talk = re.findall(r"“[^“”]*”", paragraph)
        rest = re.sub(r"“[^“”]*”", " ", paragraph)
        talk += re.findall(r"(?<!\w)‘(?:[^‘’]|’(?=\w))*’(?!\w)", rest)
        talk += re.findall(r'(?<!\w)"[^"]*"', rest)
        spoken += sum(len(t) for t in talk)
    return share(spoken, len(quote))


def mostly_spoken(chapters):
    quotes = [c["quote"]["text"] for ch in chapters for c in ch.concepts]
    return share(sum(spoken_share(q) > .5 for q in quotes), len(quotes)), len(quotes)


def longest_shared_run(a, b):
    a, b = words(a), words(b)
    best, row = 0, [0] * (len(b) + 1)
    for x in a:
        row = [0] + [row[j] + 1 if x == y else 0 for j, y in enumerate(b)]
        best = max(best, max(row))
    return best


ABBREVIATIONS = r"(?:Mr|Mrs|Ms|Dr|St|Mme|Mlle|M|Messrs|Prof|Capt|Col|No|vol|etc|i\.e|e\.g|[A-Z])\."


def count_sentences(text):
    """An end mark, closing quotes, then a gap and no small letter; a paragraph ends a sentence too."""
    count = 0
    for paragraph in paragraphs(text):
        paragraph = " ".join(paragraph.split())
        paragraph = re.sub(r"\b" + ABBREVIATIONS, lambda m: m.group(0)[:-1], paragraph)
        count += len(re.findall(r"[.!?…。！？]+[”’\"')*_]*(?=\s+[^a-z\s]|$)", paragraph)) or 1
    return count


def faults_of_form(chapters):
    """What a concept must be whatever it shows: a list of (chapter, fault)."""
    faults = []
    for ch in chapters:
        data = ch.text.encode()
        where = f"{ch.book.title}, {ch.title}"
        if len(ch.concepts) != ch.scenes:
            faults.append(f"{where}: {len(ch.concepts)} concepts, not {ch.scenes}")
        for c in ch.concepts:
            quote, description = c["quote"], c["description"]
            at = f"{where}, “{quote['text'][:40]}…”"
            if data[quote["offset"]:quote["offset"] + quote["len"]].decode() != quote["text"]:
                faults.append(f"{at}: the quote is not what stands there")
            if not 3 <= count_sentences(quote["text"]) <= 8:
                faults.append(f"{at}: {count_sentences(quote['text'])} sentences")
            if not 0 < len(description.split()) <= 60:
                faults.append(f"{at}: a description of {len(description.split())} words")
    return faults


def longest_run(chapters):
    concepts = [c for ch in chapters for c in ch.concepts]
    return max((longest_shared_run(c["description"], c["quote"]["text"]) for c in concepts), default=0)


# ---- mood, light and hour

def light_and_hour(concept):
    """A concept's lighting names a light, an hour, or both ("lamplight, night"); an hour stands also for its light, and
    moonlight and starlight for the night. Where it names no hour, the description may ("by night")."""
    lighting = concept["lighting"].lower()
    found = [name for name in LIGHTS if re.search(r"\b" + name + r"\b", lighting)]
    hours = [HOUR_OF_LIGHT[name] for name in found if name in HOUR_OF_LIGHT]
    hours += [h for h in HOURS if h not in hours and re.search(r"\b" + h + r"\b", lighting)]
    if not hours:
        hours = re.findall(r"\b(?:at|by|in the) (" + "|".join(HOURS) + r")\b", concept["description"].lower())[:1]
    plain = [name for name in found if HOUR_OF_LIGHT.get(name) in (None, "night") and name != "night"]
    return plain or found[:1] or ["none"], hours[:1] or ["none"]


def is_right(passage, concept):
    want = passage.options[0]
    lights, hours = light_and_hour(concept)
    got = {"mood": [concept["mood"].lower() or "none"], "light": lights, "hour": hours}
    wrong = [key for key in got if not all(v in want[key] for v in got[key])]
    return wrong, got


def passages_right(text, analyst):
    """How many of the labelled passages have a right mood, light and hour, of how many, and what is wrong."""
    right, faults, passages, each = 0, [], labelled(text), Counter()
    for passage in passages:
        concepts = analyst.analyze(passage.text.strip() + "\n", 1)["concepts"]
        if not concepts:
            faults.append(f"no passage is chosen from “{passage.text[:40]}…”")
            continue
        wrong, got = is_right(passage, concepts[0])
        right += not wrong
        each.update(set(got) - set(wrong))
        if wrong:
            faults.append("“" + passage.text[:40].strip() + "…” " + "; ".join(
                f"{key} {'+'.join(got[key])}, not {'/'.join(passage.options[0][key])}" for key in wrong))
    analyst.catalogue()
    alone = ", ".join(f"{key} {each[key]}" for key in ("mood", "light", "hour"))
    return right, len(passages), [f"each for itself: {alone}"] + faults


def mood_of(concept):
    return concept["mood"] or "none"


def light_of(concept):
    return light_and_hour(concept)[0][0]


def spread(chapters, value_of):
    """How many values over all concepts, the share of the commonest, and which it is; none has a share too."""
    counts = Counter(value_of(c) for ch in chapters for c in ch.concepts)
    value, most = counts.most_common(1)[0]
    return len(set(counts) - {"none"}), share(most, sum(counts.values())), value


# ---- a paragraph among talk

def talk(rng):
    """A chapter of plain dialogue: blocks of dialogue.txt in another order each time, some or all, once or twice."""
    blocks = [paragraphs(b.replace("\n", "\n\n")) for b in paragraphs(file_text("dialogue.txt"))]
    chosen = rng.sample(blocks, rng.randint(len(blocks) * 2 // 3, len(blocks)))
    if rng.random() < .5:
        chosen += rng.sample(blocks, len(blocks) // 2)
    return [line for block in chosen for line in block]


def is_chosen(paragraph, concepts):
    quotes = [c["quote"]["text"] for c in concepts]
    return any(shared(paragraph, q) >= .5 or shared(q, paragraph) >= .5 for q in quotes)


def chosen_among_talk(name, analyst, trials=TRIALS):
    """How often, of trials, a paragraph of the file put at a random place of a chapter of talk is chosen."""
    stock, chosen, missed = paragraphs(file_text(name)), 0, Counter()
    for trial in range(trials):
        rng = random.Random(f"{name} {trial}")
        lines = talk(rng)
        paragraph = stock[trial % len(stock)]
        lines.insert(rng.randint(0, len(lines)), paragraph)
        pages = sum(len(line.split()) for line in lines) // 300
        concepts = analyst.analyze("\n\n".join(lines) + "\n", max(1, pages // 10))["concepts"]
        hit = is_chosen(paragraph, concepts)
        chosen += hit
        missed[paragraph[:40] + "…"] += hit != (name == "vivid.txt")
    analyst.catalogue()
    return chosen, [f"{count} times “{what}”" for what, count in missed.most_common() if count]
