#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What an estimate says, beside what the run that follows takes: the requests to the one, the tokens within 15 %.

    estimate.py BOOKFS --server SERVER.py [--books FOLDER] [--full] [--more BOOK.epub ...]

The scripted server answers at such length as a model would and counts in a way of its own (tests/providers/answers_model.py).
Each book is estimated before anything is done, and once more when a tenth of its chapters is analysed; then it must hold even
where a book is too odd for it before. --full: all books of the folder; without, one made here and a few of them.
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

    def beside(self, took):
        """Whether it is near enough, and that in words."""
        errors = [off(a, b) for a, b in zip(self.tokens, took.tokens)]
        good = self.requests == took.requests and abs(errors[2]) <= 100 * MOST
        return good, "%d+%d of %d+%d requests, tokens in %+.1f %% out %+.1f %% together %+.1f %%" % (
            *self.requests, *took.requests, *errors)


class Test:
    def __init__(self, args, checks):
        self.args, self.checks = args, checks
        self.folder = rig.work_folder()
        self.server = Server(args.server)
        self.options = self.server.options("model", "good", "chat_slots=8,image_slots=8")

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

    def of_book(self, path):
        name = os.path.basename(path)[:-5]
        book = shutil.copy(path, self.folder)
        fresh = self.estimate(book)
        tenth = -(-fresh.requests[0] // 10)
        self.bookfs("run", book, "--no-images", options=",max_requests=%d" % tenth)
        first = self.taken()
        later = self.estimate(book)
        code, _, err = self.bookfs("run", book)
        if code or first.requests != (tenth, 0):
            raise rig.Failure("%s: %s %s" % (name, first.requests, err))
        rest = self.taken()
        whole = Count(*(a + b for a, b in zip(first.requests + first.tokens[:2], rest.requests + rest.tokens[:2])))
        good, said = fresh.beside(whole)
        if rest.requests[0]:
            good_later, said_later = later.beside(rest)
            self.checks.note("%s, after %d: %s" % (name, tenth, said_later))
            good = good_later and (good or fresh.requests == whole.requests)
        self.checks.ok("%s: %s" % (name, said), good)


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
    finally:
        test.server.close()


if __name__ == "__main__":
    parser = rig.arguments(__doc__, 120, 900)
    parser.add_argument("--server", required=True)
    parser.add_argument("--books", default=os.path.join(os.environ["BOOKFS_CORPUS"], "books")
                        if "BOOKFS_CORPUS" in os.environ else "")
    parser.add_argument("--more", nargs="*", default=[])
    rig.main(parser, run)
