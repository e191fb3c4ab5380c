#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What an estimate says, beside what the run that follows takes: the requests to the one, the tokens within 15 %.

    estimate.py BOOKFS --server SERVER.py [--books FOLDER] [--full] [--more BOOK.epub ...]

The scripted server answers at such length as a model would and counts in a way of its own (tests/providers/answers_model.py).
Each book is estimated before anything is done, and once more when a tenth of its chapters is analysed. Then by a model that
says everything at twice the length: of him the estimate knows what his first two answers took. Told are the tokens of what is
read, of what is written, and of both: the first and the last must be near on each book, what is written comes near on average
(a model's answer to one chapter is a throw of dice). --full: all books of the folder; without, one made here and a few of them.
"""
import glob
import json
import os
import shutil

import bookmaker
import rig
from paid import ENV, Server

MOST = 0.15
FEW = ("se-time-machine", "idpf-regime-anticancer-arabic", "debian-history-ja", "readium-tiny-mathml")


def off(said, took):
    return 100 * (said - took) / took if took else 100.0 * (said != took)


class Count:
    def __init__(self, text, pictures, tokens_in, tokens_out):
        self.requests, self.tokens = (text, pictures), (tokens_in, tokens_out, tokens_in + tokens_out)

    def __add__(self, other):
        return Count(*(a + b for a, b in zip(self.requests + self.tokens[:2], other.requests + other.tokens[:2])))

    def beside(self, took):
        """Whether it is near enough, and that in words."""
        errors = [off(a, b) for a, b in zip(self.tokens, took.tokens)]
        good = self.requests == took.requests and all(abs(e) <= 100 * MOST for e in (errors[0], errors[2]))
        return good, "%d+%d of %d+%d requests, tokens in %+.1f %% out %+.1f %% together %+.1f %%" % (
            *self.requests, *took.requests, *errors)


class Test:
    def __init__(self, args, checks):
        self.args, self.checks = args, checks
        self.folder = rig.work_folder()
        self.server = Server(args.server)
        self.sums = []

    def use(self, path, model):
        """A copy of the book, on which nothing is done yet, before such a model."""
        self.options = self.server.options(model, "good", "chat_slots=8,image_slots=8")
        book = os.path.join(self.folder, model + "-" + os.path.basename(path))
        shutil.copy(path, book)
        return book

    def bookfs(self, command, book, *more, options=""):
        return rig.run(self.args.program, command, "-o", self.options + options, *more, book, env=ENV)

    def estimate(self, book):
        code, out, err = self.bookfs("estimate", book, "--json")
        if code:
            raise rig.Failure(err)
        said = json.loads(out)
        text, image = said["chapters"], said["pictures"]
        return Count(text["requests"], image["requests"], text["tokensIn"] + image["tokensIn"],
                     text["tokensOut"] + image["tokensOut"])

    def taken(self):
        """Since the last look."""
        log = self.server.log()
        self.server.clear()
        chat = [r for r in log if r["kind"] == "chat"]
        return Count(len(chat), len(log) - len(chat), sum(r["tokens_in"] for r in chat), sum(r["tokens_out"] for r in chat))

    def run(self, book, *more, options=""):
        code, _, err = self.bookfs("run", book, *more, options=options)
        if code and not options:
            raise rig.Failure(err)
        return self.taken()

    def of_book(self, path):
        name, book = os.path.basename(path)[:-5], self.use(path, "model")
        fresh = self.estimate(book)
        tenth = -(-fresh.requests[0] // 10)
        first = self.run(book, "--no-images", options=",max_requests=%d" % tenth)
        later = self.estimate(book)
        rest = self.run(book)
        whole = first + rest
        self.sums.append((fresh, whole))
        self.check("%s" % name, fresh, whole)
        if rest.requests[0]:
            self.check("%s, when %d is analysed" % (name, tenth), later, rest)

    def of_wordy(self, path):
        name, book = os.path.basename(path)[:-5], self.use(path, "wordy")
        if self.estimate(book).requests[0] > 2:
            self.run(book, "--no-images", options=",max_requests=2")
            later = self.estimate(book)
            self.check("%s, by a wordy one, when 2 are analysed" % name, later, self.run(book))

    def check(self, what, said, took):
        good, words = said.beside(took)
        self.checks.ok("%s: %s" % (what, words), good)

    def check_all(self):
        """All that is written, in all the books."""
        said, took = (sum(sums[k].tokens[1] for sums in self.sums) for k in (0, 1))
        self.checks.ok("what is written in all of them: %+.1f %%" % off(said, took), abs(off(said, took)) <= 100 * MOST)


def books(args, test):
    if args.books and args.full:
        yield from sorted(glob.glob(args.books + "/*.epub"))
    elif args.books:
        yield from ("%s/%s.epub" % (args.books, name) for name in FEW)
    made = os.path.join(rig.work_folder(), "made.epub")
    bookmaker.make(made, chapters=20, words=900, seed=args.seed)
    yield made
    yield from args.more


def run(args, checks):
    test = Test(args, checks)
    try:
        for book in books(args, test):
            test.of_book(book)
            if args.full or not args.books or book.endswith("made.epub"):
                test.of_wordy(book)
        test.check_all()
    finally:
        test.server.close()


if __name__ == "__main__":
    parser = rig.arguments(__doc__, 120, 900)
    parser.add_argument("--server", required=True)
    parser.add_argument("--books", default=os.path.join(os.environ["BOOKFS_CORPUS"], "books")
                        if "BOOKFS_CORPUS" in os.environ else "")
    parser.add_argument("--more", nargs="*", default=[])
    rig.main(parser, run)
