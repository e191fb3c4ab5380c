#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What belongs to one .bookfs/seq agrees, 200 times during a run.

    consistency.py SLOWFS [--times N] [--full]

SLOWFS is the mount with a provider that answers when it is let (tests/fs).

A round reads seq, then the manifests, chapter and concept files, Chapters.md, status.json and the list of
images/, then seq again. Where both numbers are equal everything read between them is of one state, and is
held against each other. Rounds where the number moved say nothing and are only counted; that it stands still again
is certain, as answers come only when they are let go, a few before each round. While it runs the documents must also
be whole whatever the number does: JSON parses, Chapters.md ends as it should.
"""
import collections
import json
import os
import random
import re
import threading

import bookmaker
import rig


STEPS = 4           # at most, between two states that are looked at


class Snapshot:
    """Everything that should agree, as it was read."""

    def __init__(self, mount, pick):
        self.seq = mount.seq()
        self.parts = {
            "status": lambda: mount.json("status.json"),
            "analyze": lambda: mount.json(".analyze.state", "manifest.json"),
            "illustrate": lambda: mount.json(".illustrate.state", "manifest.json"),
            "old": lambda: mount.json(".imaginize.state.json"),
            "chapters": lambda: state_files(mount, ".analyze.state", "chapter_"),
            "concepts": lambda: state_files(mount, ".illustrate.state", "concept_"),
            "document": lambda: mount.read("Chapters.md").decode(),
            "images": lambda: sorted(os.listdir(mount.path("images"))),
            "own": lambda: {n: mount.json("chapters", n, "status.json") for n in pick},
        }
        # In another order each time, so that no order hides a tear.
        order = list(self.parts)
        random.shuffle(order)
        for part in order:
            setattr(self, part, self.parts[part]())
        self.after = mount.seq()

    def still(self):
        return self.seq == self.after


def state_files(mount, folder, prefix):
    found = {}
    for name in os.listdir(mount.path(folder)):
        if name.startswith(prefix):
            try:
                found[name] = mount.json(folder, name)
            except FileNotFoundError:
                found[name] = None      # gone between list and open: only an error if seq stood still
    return found


def disagreements(s):
    """Every sentence is one way in which one state contradicts itself."""
    rows = {row["number"]: row for row in s.status["chapters"]}
    done = {n for n, row in rows.items() if row["status"] == "completed"}
    running = {n for n, row in rows.items() if row["status"] == "in_progress"}
    yield from differ("manifest's completedChapters", s.analyze["completedChapters"],
                      "completed in status.json", done)
    yield from differ("manifest's inProgressChapters", s.analyze["inProgressChapters"],
                      "in progress in status.json", running)
    by_file = {int(re.sub(r"\D", "", name)): c for name, c in s.chapters.items()}
    yield from differ("completed state files",
                      [n for n, c in by_file.items() if c and c["status"] == "completed"],
                      "completed in status.json", done)
    for number, chapter in by_file.items():
        if not chapter:
            yield f"chapter_{number}.json is listed and cannot be opened"
        elif chapter["status"] == "completed" and number in rows and \
                len(chapter["concepts"]) != rows[number]["concepts"]:
            yield f"chapter {number} has {len(chapter['concepts'])} concepts, " \
                  f"status.json says {rows[number]['concepts']}"
    for number, own in s.own.items():
        if own["status"] != rows[number]["status"]:
            yield f"chapters/{number}/status.json says {own['status']}, " \
                  f"status.json {rows[number]['status']}"
    yield from totals_agree("chapters", s.status)
    yield from totals_agree("images", s.status)
    yield from pictures_agree(s, by_file)


def differ(name, got, other, want):
    got, want = sorted(got), sorted(want)
    if got != want:
        yield f"{name} {got}, {other} {want}"


def totals_agree(what, status):
    want = collections.Counter(row["status"] for row in status[what])
    got = {k: n for k, n in status["totals"][what].items() if n}
    if got != dict(want):
        yield f"totals of {what} {got}, rows {dict(want)}"


def pictures_agree(s, by_file):
    painted = {row["file"] for row in s.status["images"] if row["status"] == "completed"}
    yield from differ("images/", s.images, "completed in status.json", painted)
    yield from differ("links in Chapters.md", re.findall(r"\]\(images/([^)]+)\)", s.document),
                      "images/", s.images)
    complete = {c["conceptId"]: c for c in s.concepts.values() if c and c["status"] == "completed"}
    yield from differ("completed concept files", [c["imageUrl"] for c in complete.values()],
                      "images/", s.images)
    ids = {c["id"] for chapter in by_file.values() if chapter for c in chapter["concepts"]}
    yield from differ("concepts in status.json", [row["id"] for row in s.status["images"]],
                      "concepts in chapter files", ids)
    scenes = len(re.findall(r"^#### Scene ", s.document, re.M))
    if scenes != len(ids):
        yield f"Chapters.md has {scenes} scenes, the chapter files have {len(ids)}"
    finished = {int(re.match(r"ch(\d+)_", i).group(1)) for i in complete}
    unknown = set(s.illustrate["completedChapters"]) - finished
    if unknown:
        yield f"illustrate manifest calls {sorted(unknown)} complete, without a complete picture"
    for name, concept in s.concepts.items():
        if concept is None:
            yield f"{name} is listed and cannot be opened"


def whole_always(mount, stop, torn):
    """A second reader that never asks for the number: what it reads must be whole all the same."""
    names = ["status.json", ".analyze.state/manifest.json", ".illustrate.state/manifest.json"]
    while not stop.is_set():
        for name in names:
            try:
                mount.json(name)
            except json.JSONDecodeError as reason:
                torn.append(f"{name}: {reason}")
        if not mount.read("Chapters.md").startswith(b"# Chapters - "):
            torn.append("Chapters.md has no head")


class Tally:
    def __init__(self):
        self.during = self.moved = 0
        self.states, self.contradictions, self.torn = set(), [], []


def look(mount, chapters, tally):
    """A state that stood still while it was read."""
    while True:
        s = Snapshot(mount, [random.randint(1, chapters)])
        if s.still():
            return s
        tally.moved += 1


def one_book(args, checks, work, number, wanted, tally):
    """Watches the whole run of one book; adds to the tally."""
    chapters = 40 if args.full else 24
    book = bookmaker.make(os.path.join(work, f"book{number}.epub"), chapters=chapters, words=600,
                          seed=number)
    steps = os.path.join(work, f"steps{number}")
    os.mkfifo(steps)
    fd = os.open(steps, os.O_RDWR)
    with rig.Mount(args.program, book, options="pages_per_image=1", env={"SLOW_STEPS": steps}) as mount:
        stop = threading.Event()
        second = threading.Thread(target=whole_always, args=(mount, stop, tally.torn), daemon=True)
        second.start()
        mount.command("analyze all")
        done = False
        while not done and tally.during < wanted:
            os.write(fd, b"1" * random.randint(1, STEPS))
            s = look(mount, chapters, tally)
            done = rig.all_done(s.status)
            tally.during += not done
            tally.states.add((number, s.seq))
            tally.contradictions += [f"at seq {s.seq}: {line}" for line in disagreements(s)]
        stop.set()
        second.join(60)
        os.write(fd, b"1" * 4096)
        status = rig.wait_done(mount, 120)
        last = look(mount, chapters, tally)
        checks.ok(f"run {number} completes", rig.all_done(status), status["totals"])
        checks.ok(f"run {number}, finished, agrees", not list(disagreements(last)),
                  "; ".join(disagreements(last)))
    os.close(fd)


def run(args, checks):
    wanted = args.times or (200 if args.full else 30)
    random.seed(args.seed)
    work, tally, number = rig.work_folder(), Tally(), 0
    while tally.during < wanted and number < 100:
        number += 1
        one_book(args, checks, work, number, wanted, tally)
    checks.note(f"{tally.during} rounds of one seq during {number} runs, {len(tally.states)} different states; "
                f"the number moved in {tally.moved} more")
    checks.ok(f"{tally.during} rounds of one seq agree", not tally.contradictions,
              "; ".join(tally.contradictions[:6]))
    checks.ok("no document was ever torn", not tally.torn, tally.torn[:3])
    checks.ok(f"at least {wanted} rounds were during a run", tally.during >= wanted, tally.during)


if __name__ == "__main__":
    parser = rig.arguments(__doc__, quick_seconds=90, full_seconds=900)
    parser.add_argument("--times", type=int, default=0, help="rounds of one seq to be compared")
    rig.main(parser, run)
