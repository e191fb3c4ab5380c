#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `bookfs status` says of the book's file: as it was imported, changed since, or gone.

    status.py BOOKFS
"""
import json
import os

import bookmaker
import rig


def told(program, where):
    """The words for a person that name a remedy, and the JSON."""
    code, out, err = rig.run(program, "status", where)
    lines = [line for line in out.splitlines() if "book's file" in line]
    more, as_json, _ = rig.run(program, "status", "--json", where)
    return lines, json.loads(as_json).get("bookFile") if code == more == 0 else f"{code}: {err}"


def expect(checks, what, program, where, status, remedy):
    lines, file = told(program, where)
    good = isinstance(file, dict) and file["status"] == status
    if remedy:
        good = good and len(lines) == 1 and remedy in lines[0] and remedy in file["remedy"]
    else:
        good = good and not lines and "remedy" not in file
    checks.ok(f"{what}: {status}", good, f"{lines} {file}")


def write(book, seed):
    """Another book of that name, in place of the old one as an editor saves it."""
    bookmaker.make(book + ".new", chapters=2, words=100, pictures=0, seed=seed)
    os.rename(book + ".new", book)


def run(args, checks):
    book = os.path.join(rig.work_folder(), "book.epub")
    write(book, 1)
    code, _, err = rig.run(args.program, "run", "--no-images", book)
    checks.ok("the first run completes", code == 0, err)
    expect(checks, "imported", args.program, book, "current", None)
    os.utime(book, (1, 1))
    expect(checks, "touched", args.program, book, "current", None)
    write(book, 2)
    expect(checks, "written over", args.program, book, "changed", "bookfs run")
    expect(checks, "asked again", args.program, book, "changed", "bookfs run")
    code, _, err = rig.run(args.program, "run", "--no-images", book)
    checks.ok("the run after it completes", code == 0, err)
    expect(checks, "imported again", args.program, book, "current", None)
    with rig.Mount(args.program, book) as mount:
        expect(checks, "mounted", args.program, mount.dir, "current", None)
        write(book, 3)
        expect(checks, "written over while mounted", args.program, mount.dir, "changed", "mounting it again")
        os.unlink(book)
        expect(checks, "deleted while mounted", args.program, mount.dir, "gone", "put it back")


if __name__ == "__main__":
    rig.main(rig.arguments(__doc__, quick_seconds=60, full_seconds=60), run)
