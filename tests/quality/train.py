#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Learns what words tell of a passage's mood, from texts/training.txt and
passages-training.txt: writes core/providers/moods.txt.

    train.py BUILD > core/providers/moods.txt      (needs numpy, scipy, BUILD/tests/quality/quality_terms)
    train.py --check BUILD                         how many it gets right of passages it has not learned from

A passage is its terms (analyst_mood.h), each once; the rarer a term the more it counts. The model is the plainest
there is: one weight of each term for each mood, their sum, the greatest wins (multinomial logistic regression with a
small quadratic penalty). Weights are rounded to whole numbers and the small ones left out, so that the analyst's sums
are the same on every machine. --check learns eight times from seven eighths, and judges the eighth that is left;
passages of a few lines, which know a mood alone and no light, are learned from only.
"""
import os
import subprocess
import sys
from collections import Counter

import numpy as np
from scipy.sparse import csr_matrix

from tools import ROOT, file_text, labelled

sys.path.insert(0, os.path.join(ROOT, "core/providers"))
from moods import MOODS  # noqa: E402

WORDS_LEAST, PAIRS_LEAST = 2, 3  # passages in which a term stands
PENALTY, STEPS, RATE = 3e-4, 200, .05
SCALE, SMALLEST = 3, 3
NAMED = 8  # MOOD_NAMED
FIRST_CHOICE = 1.5  # the first of several right moods weighs so much more than the others
FOLDS = 8


def terms_of(program, texts):
    data = b"".join(b"%d\n" % len(t) + t for t in (text.encode() for text in texts))
    answer = subprocess.run([program], input=data, stdout=subprocess.PIPE, check=True).stdout.decode(errors="replace")
    return [block.split("\n") for block in answer.split("\n\n")][:len(texts)]


class Matrix:
    """Which terms (columns, each with what it counts) stand in which passages (rows)."""

    def __init__(self, passages, seen):
        count = Counter(t for terms in seen for t in set(terms) if t.isascii() and t[:1] != "~" and t)
        self.terms = sorted(t for t in count if count[t] >= (PAIRS_LEAST if "_" in t else WORDS_LEAST))
        column = {t: i for i, t in enumerate(self.terms)}
        self.there = np.zeros((len(passages), len(self.terms)))
        for row, terms in enumerate(seen):
            self.there[row, [column[t] for t in terms if t in column]] = 1
        self.rarity = np.log(len(passages) / self.there.sum(0)) + .1
        weighed = self.there * self.rarity
        length = np.sqrt((weighed ** 2).sum(1))
        self.length = length.mean()
        self.rows = weighed / length[:, None]
        self.wanted = np.zeros((len(passages), len(MOODS)))
        for row, passage in enumerate(passages):
            for rank, mood in enumerate(passage.options[0]["mood"]):
                self.wanted[row, MOODS.index(mood)] = 1 if rank else FIRST_CHOICE
        self.named = np.array([[NAMED * terms.count("~" + mood) for mood in MOODS] for terms in seen])
        self.right = self.wanted > 0
        self.wanted /= self.wanted.sum(1, keepdims=True)


def descend(rows, wanted, told):
    """Weights and the constants, by Adam; told is known before."""
    x = csr_matrix(np.hstack([rows, np.ones((len(rows), 1))]))
    turned = x.T.tocsr()
    w = np.zeros((x.shape[1], wanted.shape[1]))
    slope, square = np.zeros_like(w), np.zeros_like(w)
    for step in range(1, STEPS + 1):
        z = x @ w + told
        e = np.exp(z - z.max(1, keepdims=True))
        g = turned @ (e / e.sum(1, keepdims=True) - wanted) / len(rows)
        g[:-1] += PENALTY * w[:-1]
        slope = .9 * slope + .1 * g
        square = .99 * square + .01 * g * g
        w -= RATE * slope / (1 - .9 ** step) / (np.sqrt(square / (1 - .99 ** step)) + 1e-8)
    return w[:-1], w[-1]


def learn(m, rows):
    """Whole weights for passages that are no vectors of length 1 any more, only terms that are there or not."""
    weights, start = descend(m.rows[rows], m.wanted[rows], m.named[rows] / (SCALE * m.length))
    weights = np.rint(weights * m.rarity[:, None] * SCALE).clip(-127, 127).astype(int)
    weights[abs(weights) < SMALLEST] = 0
    return weights, np.rint(start * SCALE * m.length).astype(int)


def check(m, judged):
    order = np.random.RandomState(0).permutation(judged)
    right = 0
    for fold in range(FOLDS):
        left = order[fold::FOLDS]
        weights, start = learn(m, np.setdiff1d(np.arange(len(m.rows)), left))
        best = (m.there[left] @ weights + start + m.named[left]).argmax(1)
        right += m.right[left, best].sum()
    print(f"mood: {right} of {len(judged)} right")


def write(m):
    weights, start = learn(m, np.arange(len(m.rows)))
    print("# What words tell of the mood of a passage; see moods.py. Learned by tests/quality/train.py: not written by hand.")
    print()
    for term, row in [("*", start)] + list(zip(m.terms, weights)):
        told = sorted((-w, MOODS[i]) for i, w in enumerate(row) if w)
        if told:
            print(f"{term}: {' '.join(f'{mood}{-w:+d}' for w, mood in told)}")


def main(arguments):
    program = os.path.join(arguments[-1], "tests/quality/quality_terms")
    passages = labelled(file_text("passages-training.txt").strip() + "\n\n" + file_text("training.txt"))
    m = Matrix(passages, terms_of(program, [p.text.strip() + "\n" for p in passages]))
    if "--check" in arguments:
        check(m, [i for i, p in enumerate(passages) if "light" in p.options[0]])
    else:
        write(m)


if __name__ == "__main__":
    main(sys.argv[1:])
