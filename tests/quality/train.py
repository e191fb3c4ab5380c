#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Learns what words tell of a passage's mood, light and hour, from the labelled passages in texts/ that are there to
learn from: writes core/providers/airs.txt.

    train.py BUILD VECTORS > core/providers/airs.txt    (needs numpy, scipy, BUILD/tests/quality/quality_terms)
    train.py --check BUILD VECTORS                      how many it gets right of passages it has not learned from
    train.py --curve BUILD VECTORS                      the same, learned from a quarter, a half ... of the passages
    train.py --sets BUILD VECTORS                       how many of each set of forty, learned from all else

VECTORS is made by vectors.py. A passage is its terms (analyst_air.h), each once; the rarer a term the more it counts. The
model is the plainest there is: one weight of each term for each mood, light and hour, their sum, the greatest wins
(logistic regression with a small quadratic penalty). Light and hour are one choice of a pair, with a weight of the pair
itself; where several pairs are right, whichever is likeliest counts, so that nobody has to say which.

All moods are held to be equally frequent in the scenes of novels, lest a page be majestic for its many words.

The words of some thousand passages are few. So a passage is also the sum of its words' vectors, which say in what
company words stand in novels: a word that no passage has weighs what words of like company weigh. Since both are sums
over words, what was learned comes to one weight of each word in the end. Weights are rounded to whole numbers, so that
the analyst's sums are the same on every machine.

--check learns eight times from seven eighths, and judges the eighth that is left, with the rounded weights; passages of
a few lines, which know a mood alone and no light, are learned from only. --sets is the stricter measure: those of
passages-past.txt were once written by people who saw none of the others, and each is judged without all of itself. (What
was written to learn from since, oblique.txt and signs.txt, was written by one who had seen them: a new set does worse.)
"""
import os
import subprocess
import sys
from collections import Counter

import numpy as np
from scipy.sparse import csr_matrix, diags

from choice import HOUR_OF_LIGHT
from tools import ROOT, capitalised, file_text, labelled

sys.path.insert(0, os.path.join(ROOT, "core/providers"))
import airs  # noqa: E402

PAST, SET = "passages-past.txt", 40
FILES = (PAST, "passages-training.txt", "training.txt", "scenes.txt", "oblique.txt", "signs.txt")
NONE = "none"
HOURS, LIGHTS = [NONE] + airs.HOURS, [NONE] + ["storm light" if x == "storm" else x for x in airs.LIGHTS]
PAIR = (len(HOURS), len(LIGHTS))
LIGHT_OF_HOUR = {NONE: NONE, **{h: next(x for x in HOUR_OF_LIGHT if HOUR_OF_LIGHT[x] == h) for h in airs.HOURS}}

WORDS_LEAST, PAIRS_LEAST, SIGNS_LEAST = 2, 3, 4  # passages in which a term stands
STEPS, RATE = 200, .05
FIRST_CHOICE = 1.5  # the first of several right moods weighs so much more than the others
USUAL, SCENES = 12, 800  # what usual scenes count beside the passages, and how many of them do
SCALE, SMALLEST, SIGN = 6, 5, 16  # SIGN as in analyst_air.h
UNTOLD = 200  # what it costs to tell neither light nor hour: a wrong answer is as wrong, and a card is the poorer
FOLDS = 8


class Kind:
    """What differs between the two models: the terms that they see, how much rules and vectors count, penalties."""

    def __init__(self, signs, vectors, term_penalty, vector_penalty, starts, sees):
        self.signs, self.vectors, self.starts, self.sees = signs, vectors, starts, sees
        self.penalties = term_penalty, vector_penalty


def names_mood(term):
    return term[1:] in airs.MOODS


# Of what the rules found a mood is told by the words alone that name it: with the groups of cues it is 1 to 4 % worse.
MOOD = Kind(4, 1, 1e-4, 1e-3, False, lambda t: "." not in t and (t[0] != "~" or names_mood(t)))
LIGHT = Kind(6, .5, 1e-4, 3e-4, True, lambda t: not names_mood(t))


def times(term):
    """What the rules found weighs so many times its row: as in analyst_air.c."""
    return SIGN if term[0] == "~" else 1


# ---- the passages

def told(light, hour):
    """The light and the hour that are read from a concept of that light and hour: see choice.light_and_hour."""
    if light == NONE:
        return LIGHT_OF_HOUR[hour], hour
    return light, HOUR_OF_LIGHT.get(light, NONE) if hour == NONE else hour


def right_pairs(option, strict=True):
    """Which pairs are right. Not all labels can be told ("none" of an afternoon); to learn from, what comes near."""
    right = np.zeros(PAIR, bool)
    for h, hour in enumerate(HOURS):
        for n, light in enumerate(LIGHTS):
            seen = told(light, hour)
            right[h, n] = seen[0] in option["light"] and seen[1] in option["hour"]
    if strict or right.any():
        return right
    near = [[h in option["hour"] and x in (NONE, *option["light"]) for x in LIGHTS] for h in HOURS]
    return np.array(near) if np.any(near) else np.array([[x in option["light"] for x in LIGHTS]] * len(HOURS))


def mood_shares(moods):
    return np.array([0 if m not in moods else FIRST_CHOICE if m == moods[0] else 1 for m in airs.MOODS])


def terms_of(program, texts):
    data = b"".join(b"%d\n" % len(t) + t for t in (text.encode() for text in texts))
    answer = subprocess.run([program], input=data, stdout=subprocess.PIPE, check=True).stdout.decode(errors="replace")
    return [block.strip().split("\n") for block in answer.split("\n\n")][:len(texts)]


def is_named(term, names):
    return not names.isdisjoint(term.replace(".", "_").split("_"))


def read_passages(build):
    passages = [p for name in FILES for p in labelled(file_text(name))]
    names = capitalised(p.text for p in passages)
    program, texts = f"{build}/tests/quality/quality_terms", [p.text.strip() + "\n" for p in passages]
    for p, terms in zip(passages, terms_of(program, texts)):
        option = p.options[0]
        p.terms = {t for t in terms if t and t.isascii() and not is_named(t, names)}
        p.moods = mood_shares(option.get("mood", []))
        p.near = right_pairs(option, strict=False) if "light" in option else None
        p.whole = "mood" in option and "light" in option
    return passages


class Vectors:
    def __init__(self, path):
        with np.load(path) as file:
            self.rows = file["vectors"] * file["rarity"][:, None]
            self.at = {word: i for i, word in enumerate(file["words"])}
            self.scenes = [set(scene.split()) for scene in file["scenes"][:SCENES] if scene]


# ---- learning

class Rows:
    """Passages as terms, each with what it counts, and as words, whose vectors are summed; and what all begin with."""

    def __init__(self, terms, words, vectors, start):
        self.terms, self.words, self.vectors, self.start = terms, words, vectors, start

    def pick(self, rows):
        return Rows(self.terms[rows], self.words[rows], self.vectors, self.start)

    def sums(self, weights):
        of_terms, of_vectors, start = np.split(weights, [self.terms.shape[1], len(weights) - 1])
        return self.terms @ of_terms + self.words @ (self.vectors @ of_vectors) + self.start * start

    def slopes(self, off):
        of_vectors = self.vectors.T @ (self.words.T @ off)
        return np.concatenate([self.terms.T @ off, of_vectors, self.start * off.sum(0, keepdims=True)])


class Matrix:
    """What is learned from: the passages' rows, and those of usual scenes."""

    def __init__(self, kind, passages, vectors):
        sets = [p.terms for p in passages]
        count = Counter(t for terms in sets for t in terms if kind.sees(t))
        self.terms = sorted(t for t in count if count[t] >= self.least(t))
        self.column = {t: i for i, t in enumerate(self.terms)}
        self.kind, self.vectors = kind, vectors
        rarity = np.log(len(passages) / np.array([count[t] for t in self.terms])) + .1
        self.is_sign = np.array([t[0] == "~" for t in self.terms])
        self.counts = np.where(self.is_sign, kind.signs * np.sqrt(rarity) + 1, rarity)
        self.rows = self.read(sets)
        self.length = self.lengths(self.of(self.column, sets)).mean()
        self.vector_share = kind.vectors / np.linalg.norm(self.rows.words @ vectors.rows, axis=1).mean()
        self.rows.words *= self.vector_share
        self.usual = self.read(vectors.scenes)
        self.usual.words *= self.vector_share
        sizes = [len(self.terms), vectors.rows.shape[1], 1]
        self.penalty = np.repeat([*kind.penalties, 0], sizes)[:, None]

    @staticmethod
    def of(columns, sets):
        """Which of the columns stand in which set."""
        pairs = [(row, columns[t]) for row, terms in enumerate(sets) for t in terms if t in columns]
        row, column = np.array(pairs).T
        return csr_matrix((np.ones(len(pairs)), (row, column)), (len(sets), len(columns)))

    def lengths(self, there):
        return np.sqrt(there.multiply((self.counts * ~self.is_sign) ** 2).sum(1)).A.ravel().clip(1)

    def read(self, sets):
        there = self.of(self.column, sets)
        length = diags(1 / self.lengths(there))
        terms, words = length @ there @ diags(self.counts), length @ self.of(self.vectors.at, sets)
        return Rows(terms.tocsr(), words.tocsr(), self.vectors.rows, float(self.kind.starts))

    def shape(self, columns):
        return len(self.penalty), columns

    @staticmethod
    def least(term):
        return SIGNS_LEAST if term[0] == "~" else PAIRS_LEAST if "_" in term or "." in term else WORDS_LEAST

    def whole(self, weights):
        """{term: whole weights}, and those of every passage: for passages that are terms alone, and of any length."""
        of_terms, of_vectors, start = np.split(weights, [len(self.terms), len(weights) - 1])
        by_word = self.vectors.rows @ of_vectors * self.vector_share * SCALE
        found = dict(zip(self.vectors.at, by_word))
        for term, row in zip(self.terms, of_terms * self.counts[:, None] * SCALE):
            found[term] = found.get(term, 0) + row / times(term)
        return {t: np.rint(row).clip(-127, 127).astype(int) for t, row in found.items()}, self.round(start[0])

    def round(self, constants):
        return np.rint(constants * SCALE * self.length).astype(int)


def descend(slopes_of, *shapes):
    """Weights of these shapes, by Adam."""
    weights = [np.zeros(shape) for shape in shapes]
    means, squares = [np.zeros(s) for s in shapes], [np.zeros(s) for s in shapes]
    for step in range(1, STEPS + 1):
        for w, slope, mean, square in zip(weights, slopes_of(*weights), means, squares):
            mean += .1 * (slope - mean)
            square += .01 * (slope * slope - square)
            w -= RATE * mean / (1 - .9 ** step) / (np.sqrt(square / (1 - .99 ** step)) + 1e-8)
    return weights


def shares(sums, axes):
    e = np.exp(sums - sums.max(axes, keepdims=True))
    return e / e.sum(axes, keepdims=True)


def learn_moods(m, passages, rows):
    rows = [i for i in rows if passages[i].moods.any()]
    x = m.rows.pick(rows)
    wanted = np.array([passages[i].moods / passages[i].moods.sum() for i in rows])

    def slopes(w):
        found = shares(m.usual.sums(w), 1)
        pull = found / found.mean(0) / len(airs.MOODS)
        pull = (found * pull.sum(1, keepdims=True) - pull) * USUAL / len(found)
        return (x.slopes((shares(x.sums(w), 1) - wanted) / len(rows)) + m.usual.slopes(pull) + m.penalty * w,)

    weights, = descend(slopes, m.shape(len(airs.MOODS)))
    return m.whole(weights)


def pair_sums(sums, pairs):
    """Of hours and lights without none, which weighs nothing: of all pairs."""
    hours, lights = np.split(np.atleast_2d(sums), [len(airs.HOURS)], axis=1)
    hours, lights = np.pad(hours, ((0, 0), (1, 0))), np.pad(lights, ((0, 0), (1, 0)))
    return hours[:, :, None] + lights[:, None, :] + pairs


def learn_lights(m, passages, rows):
    rows = [i for i in rows if passages[i].near is not None]
    x = m.rows.pick(rows)
    near = np.array([passages[i].near for i in rows])

    def slopes(w, pairs):
        all_shares = shares(pair_sums(x.sums(w), pairs), (1, 2))
        right = all_shares * near
        off = (all_shares - right / right.sum((1, 2), keepdims=True)) / len(rows)
        by_column = np.concatenate([off.sum(2)[:, 1:], off.sum(1)[:, 1:]], 1)
        return x.slopes(by_column) + m.penalty * w, off.sum(0) + 1e-3 * pairs

    weights, pairs = descend(slopes, m.shape(len(airs.HOURS + airs.LIGHTS)), PAIR)
    pairs = m.round(pairs)
    pairs[0, 0] -= UNTOLD
    return *m.whole(weights), pairs


class Model:
    def __init__(self, matrices, passages, rows):
        self.moods, self.mood_start = learn_moods(matrices[0], passages, rows)
        self.lights, self.light_start, self.pairs = learn_lights(matrices[1], passages, rows)

    def judge(self, p):
        """Are mood, light and hour right?"""
        mood = self.mood_start + sum(times(t) * self.moods[t] for t in p.terms if t in self.moods)
        light = self.light_start + sum(times(t) * self.lights[t] for t in p.terms if t in self.lights)
        hour, light = np.unravel_index(pair_sums(light, self.pairs).argmax(), PAIR)
        seen = told(LIGHTS[light], HOURS[hour])
        return p.moods[mood.argmax()] > 0, seen[0] in p.options[0]["light"], seen[1] in p.options[0]["hour"]

    def write(self):
        print("# What words tell of the air of a passage; see airs.py. Learned by tests/quality/train.py: not written by hand.")
        print(f"# {' '.join(airs.COLUMNS)}")
        print("*", *self.mood_start, *self.light_start)
        for hour, row in zip([""] + airs.HOURS, self.pairs):
            print(f"+{hour}", *row)
        nothing = [[0] * len(airs.MOODS), [0] * len(airs.HOURS + airs.LIGHTS)]
        for term in sorted({*self.moods, *self.lights}):
            row = [*self.moods.get(term, nothing[0]), *self.lights.get(term, nothing[1])]
            if max(map(abs, row)) >= SMALLEST and len(term) < airs.TERM_BYTES:
                print(term, *row)


# ---- how good it is

def report(what, right):
    mood, light, hour = (f"{100 * n:.1f} %" for n in np.mean(right, axis=0))
    both, everything = np.all([r[1:] for r in right], 1).mean(), np.all(right, 1).mean()
    print(f"{what}, right of {len(right)}: mood {mood}, light {light}, hour {hour}, light and hour {100 * both:.1f} %, "
          f"all three {100 * everything:.1f} %", flush=True)


def check_sets(matrices, passages):
    every = []
    for first in range(0, len(labelled(file_text(PAST))), SET):
        model = Model(matrices, passages, [*range(first), *range(first + SET, len(passages))])
        right = [model.judge(p) for p in passages[first:first + SET]]
        report(f"set {first // SET + 1}", right)
        every += right
    report("all sets", every)


def check(matrices, passages, share=1.0):
    rng = np.random.RandomState(0)
    order, right = rng.permutation(len(passages)), []
    for fold in range(FOLDS):
        left = order[fold::FOLDS]
        rest = rng.permutation(np.setdiff1d(order, left))
        model = Model(matrices, passages, rest[:int(share * len(rest))])
        right += [model.judge(passages[i]) for i in left if passages[i].whole]
    report(f"learned from {share * (len(passages) - len(left)):.0f}", right)


def main(arguments):
    build, path = arguments[-2:]
    passages, vectors = read_passages(build), Vectors(path)
    matrices = [Matrix(kind, passages, vectors) for kind in (MOOD, LIGHT)]
    if "--curve" in arguments:
        for share in (.25, .5, .75):
            check(matrices, passages, share)
    if "--sets" in arguments:
        check_sets(matrices, passages)
    elif "--curve" in arguments or "--check" in arguments:
        check(matrices, passages)
    else:
        Model(matrices, passages, range(len(passages))).write()


if __name__ == "__main__":
    main(sys.argv[1:])
