#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Of each word in what company it stands, as a vector, for train.py: words of like company have like vectors.

    vectors.py BUILD VECTORS.npz TEXT...    (needs numpy, scipy, BUILD/tests/quality/quality_terms)

TEXT is English prose in plain text, paragraphs with an empty line between; some ten million words of novels out of
copyright were used for core/providers/airs.txt. Counted is which words stand within REACH words of each other; what
counts is how much oftener than by chance (positive pointwise mutual information), brought down to DIMENSIONS numbers by
singular values. Names are left out: only words of the lexicon are kept. Beside the vectors: the
terms of some scenes that the analyst chooses of the texts, so that what is usual in a novel is known.
"""
import os
import subprocess
import sys
from collections import Counter

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix

from tools import ROOT, Analyst, capitalised

sys.path.insert(0, os.path.join(ROOT, "core/providers"))
import lexicon  # noqa: E402
import wordnet  # noqa: E402

LEAST = 20
SCENES, CHAPTER, KEPT = 4, 20000, 3000  # so many of so many letters; and of all of them
WORDNET = "/usr/share/wordnet"
REACH, DIMENSIONS, EXTRA, ROUNDS = 8, 200, 30, 4
OFTEN = 1e-4  # the share of the text above which a word counts less
COMMON = 20000  # words whose mean vector tells nothing
PIECE = 3000  # letters of a text that is read at once


def pieces(paths, size):
    piece = ""
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for paragraph in file.read().split("\n\n"):
                piece += paragraph + "\n\n"
                if len(piece) > size:
                    yield piece
                    piece = ""
    yield piece


def read_terms(build, texts):
    """The terms of each text in their order."""
    data = b"".join(b"%d\n" % len(t) + t for t in (text.encode() for text in texts))
    answer = subprocess.run([f"{build}/tests/quality/quality_terms"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return [block.split("\n") for block in answer.decode(errors="replace").split("\n\n")]


def usual_scenes(build, paths):
    """The terms of scenes, with blanks between."""
    analyst = Analyst(f"{build}/tests/quality/quality_read")
    quotes = []
    for chapter in pieces(paths, CHAPTER):
        quotes += [c["quote"]["text"] + "\n" for c in analyst.analyze(chapter, SCENES)["concepts"]]
        analyst.catalogue()
    chosen = np.random.RandomState(0).permutation(len(quotes))[:KEPT]
    return [" ".join(sorted(t for t in set(terms) if t.isascii())) for terms in read_terms(build, [quotes[i] for i in chosen])]


def known_words():
    """Those of the lexicon that are no names, places or peoples."""
    listed, _ = lexicon.read_list(os.path.join(ROOT, "core/providers/lexicon.txt"))
    rows = lexicon.merge(listed, *wordnet.read(WORDNET, lexicon.mood_seeds(listed)))
    return {row["word"] for row in rows if not row["kinds"] & {"geo", "proper", "noname"}}


def count_company(texts, words, counts):
    at = {word: i for i, word in enumerate(words)}
    row = np.array([at.get(w, -1) for text in texts for w in text])
    less = np.minimum(1, np.sqrt(OFTEN * counts.sum() / counts)).astype(np.float32)
    company = csr_matrix((len(words), len(words)), dtype=np.float32)
    for distance in range(1, REACH + 1):
        a, b = row[:-distance], row[distance:]
        known = (a >= 0) & (b >= 0)
        a, b = a[known], b[known]
        company = company + coo_matrix((less[a] * less[b], (a, b)), shape=company.shape).tocsr()
    return company + company.T


def surprise(company):
    sums = np.asarray(company.sum(1)).ravel()
    smooth = sums ** .75
    smooth *= sums.sum() / smooth.sum()
    c = company.tocoo()
    value = np.log(c.data * sums.sum() / (sums[c.row] * smooth[c.col]))
    return csr_matrix((np.maximum(value, 0).astype(np.float32), (c.row, c.col)), shape=company.shape)


def reduce(matrix):
    """Randomised: a subspace, turned towards the greatest singular values in a few rounds."""
    q = np.random.RandomState(0).randn(matrix.shape[1], DIMENSIONS + EXTRA).astype(np.float32)
    for _ in range(ROUNDS):
        q = np.linalg.qr(matrix @ q)[0]
        q = np.linalg.qr(matrix.T @ q)[0]
    u, s, _ = np.linalg.svd(matrix @ q, full_matrices=False)
    vectors = (u * np.sqrt(s))[:, :DIMENSIONS]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors - vectors[:COMMON].mean(0)


def main(build, target, *paths):
    texts = read_terms(build, pieces(paths, PIECE))
    texts = [[t for t in text if t and not {"_", "~", "."} & set(t)] for text in texts]
    found, known = Counter(w for text in texts for w in text), known_words() - capitalised(pieces(paths, PIECE))
    words = [w for w, count in found.most_common() if count >= LEAST and w in known]
    counts = np.array([found[w] for w in words], float)
    vectors = reduce(surprise(count_company(texts, words, counts)))
    rarity = np.maximum(0, np.log(found.total() / counts) - 4)
    np.savez(target, words=np.array(words), vectors=vectors.astype(np.float32), rarity=rarity.astype(np.float32),
             scenes=np.array(usual_scenes(build, paths)))


if __name__ == "__main__":
    main(*sys.argv[1:])
