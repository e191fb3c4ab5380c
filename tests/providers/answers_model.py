# SPDX-License-Identifier: MIT
"""What a model would answer to the prompt of a chapter, as long as the prompt lets it be: so many scenes with quotes of 3 to 8
sentences and descriptions of up to 60 words, and those who are seen in them, each with looks and quotes. And what that and the
prompt take, counted by a rule of its own. For tests of estimates: nothing in here knows how bookfs counts."""

import hashlib
import json
import random
import re

SENTENCE = re.compile(r"[^\s.!?。！？؟۔।][^.!?。！？؟۔।\n]*(?:[.!?。！？؟۔।]+[\"'”’»」』)\]]*|(?=\n)|$)")
NAME = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]{2,}(?: [A-Z][a-z]{2,})?")
WORDS = """a the low light across wide water old stone wall tall figure in dark coat stands before window pale morning mist over
roofs and chimneys narrow street with lamps burning hands raised as if to speak behind him crowd of faces half hidden shadow red
cloth on table scattered papers candle small child looking up at great tree bent by wind grey clouds breaking where sun falls through
rain on glass distant hills blue with evening heavy door open hinge rusted iron bird against white sky long grass silver river""".split()
MOODS = ("calm", "uneasy", "quiet wonder", "tense and expectant", "melancholy", "warm, a little comic", "solemn")
LIGHTS = ("dim", "soft daylight", "low evening sun from the left", "candlelight", "overcast, flat", "moonlight through mist")


def tokens(text):
    """By bytes of UTF-8 a run: a common English word is one, a long one goes in pieces of five; of letters of two bytes some three
    are one, of those of three bytes (Chinese, Japanese, Thai) one or two; digits by three; signs in pairs."""
    n = 0
    for run in re.finditer(r"[^\W\d_]+|\d+|\n+|[^\w\s]+|_+", text):
        word = run.group()
        size = len(word.encode())
        if word[0] == "\n":
            n += 1
        elif word[0].isdigit():
            n += -(-len(word) // 3)
        elif not word[0].isalpha():
            n += -(-len(word) // 2)
        elif size == len(word):
            n += 1 if size <= 8 else -(-size // 5)
        elif size < 1.5 * len(word):  # Latin with accents
            n += -(-size // 3)
        else:
            n += -(-size * 10 // (66 if size < 2.5 * len(word) else 40))
    return n


def said(rng, least, most):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(least, most))).capitalize() + "."


def pick(rng, sentences, text, at, count):
    """So many sentences in a row, letter by letter."""
    last = min(at + count, len(sentences)) - 1
    return text[sentences[at].start():sentences[last].end()]


def element(rng, name, sentences, text, more):
    def quote():
        return {"text": pick(rng, sentences, text, rng.randrange(len(sentences)), 1)}
    return {"type": rng.choice(("character", "character", "creature", "place", "item")), "name": name,
            "aliases": [name.split()[0]] if rng.random() < 0.3 else [], "description": said(rng, 8 * more, 28 * more),
            "quotes": [quote() for _ in range(more * rng.randint(1, 2))]}


def analysis(prompt, more=1):
    """more: 2 is one who says everything at twice the length."""
    fence = re.search(r"two lines (BOOK-[0-9a-f]+)", prompt).group(1)
    text = prompt.split("\n" + fence + "\n")[1]
    wanted = int(re.search(r"Give (\d+) concept", prompt).group(1))
    rng = random.Random(hashlib.sha256(prompt.encode()).digest())
    sentences = [s for s in SENTENCE.finditer(text) if len(s.group()) > 3]
    if not sentences:
        return {"concepts": [], "elements": []}
    names = list(dict.fromkeys(NAME.findall(text) or re.findall(r"[^\W\d_]{2,12}", text)))
    rng.shuffle(names)
    names = names[:1 + len(text.split()) // 30]  # so short a text shows no crowd
    concepts, seen = [], {}
    for k in range(wanted):
        at = min(int((k + rng.random() * 0.7) * len(sentences) / wanted), max(len(sentences) - 3, 0))
        # Some come again and again, and each scene has one or two of its own.
        here = dict.fromkeys(names[:2][:rng.randint(1, 2)] + names[2 + 2 * k:2 + 2 * k + rng.randint(1, 2)])
        seen.update(here)
        concepts.append({"quote": pick(rng, sentences, text, at, more * rng.randint(3, 8)), "description": said(rng, 28 * more, 60 * more),
                         "mood": rng.choice(MOODS), "lighting": rng.choice(LIGHTS), "elements": list(here)})
    return {"concepts": concepts, "elements": [element(rng, name, sentences, text, more) for name in seen]}


def answer(prompt, more=1):
    """The words of the answer, compact as models write it that are held to a schema."""
    return json.dumps(analysis(prompt, more), ensure_ascii=False, separators=(", ", ": "))
