#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lock plus unlock through the mount, beside create plus unlink on a FUSE file system that does nothing.

    locks.py --program BOOKFS --lockers LOCKERS --nullfs NULLFS [--measure MEASURE] [--count N] [--rounds N]

All figures are of one run, taken in turn; the best of the rounds counts, as a busy machine only makes them worse. The
pair is what touch and rm do: open with O_CREAT, utimensat, close, unlink. Exit 1 if a promise is not kept: 5,000 pairs
a second by touch and by flock, half the rate of doing nothing, and 99 of 100 pairs within 1 ms with 200 waiters
parked."""

import argparse
import os
import subprocess
import sys

import peers
from peers import rig
import bookmaker


class Figures:
    def __init__(self):
        self.rows = {}

    def add(self, name, text):
        figure = [float(x) for x in text.split()]   # a second, p50, p99, worst in us
        best = self.rows.get(name)
        if not best or figure[0] > best[0]:
            self.rows[name] = figure

    def show(self):
        print("%-44s%10s%10s%10s%10s" % ("", "a second", "p50 us", "p99 us", "worst us"))
        for name, f in self.rows.items():
            print("%-44s%10.0f%10.1f%10.1f%10.1f" % (name, *f))


def pairs(args, idiom, folder, resource):
    return subprocess.run([args.lockers, "pairs", idiom, folder, resource, str(args.count)], check=True,
                          stdout=subprocess.PIPE, text=True, timeout=300,
                          env={**os.environ, "BOOKFS_INSTANCE": "CLI-1"}).stdout


def with_waiters(args, locks, figures):
    """The same while 200 wait for another lock, which is held all the time."""
    holder = subprocess.Popen(["flock", ".all/Chapter_01", "sleep", "1000"], cwd=locks, start_new_session=True,
                              env={**os.environ, "BOOKFS_INSTANCE": "CLI-2"})
    rig.wait_for(lambda: "Chapter_01" in os.listdir(locks), 10)
    crowd = subprocess.Popen([args.lockers, "park", locks, "Chapter_01", "200"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    try:
        crowd.stdout.readline()
        for _ in range(args.rounds):
            figures.add("touch + rm, 200 parked", pairs(args, "touch", locks, "Chapter_02"))
            figures.add("flock + close, 200 parked", pairs(args, "flock", locks, "Chapter_02"))
    finally:
        crowd.stdin.close()
        crowd.wait()
        os.killpg(holder.pid, 9)
        holder.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("--program", "--lockers", "--nullfs"):
        parser.add_argument(name, required=True)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="only show that it works")
    args = parser.parse_args()
    if args.quick:
        args.count, args.rounds = 100, 1
    work = rig.work_folder()
    figures = Figures()
    try:
        book = os.path.join(work, "book.epub")
        bookmaker.make(book)
        nothing = peers.Nothing(args.nullfs, os.path.join(work, "nothing"))
        plain = peers.Peer("nullfs", [args.nullfs], "", os.path.join(work, "plain"))
        plain.command = [args.nullfs, plain.root]
        for system in (nothing, plain):
            os.makedirs(system.root, exist_ok=True)
            system.start()
        mount = rig.Mount(args.program, book)
        locks = os.path.join(mount.dir, "locks")
        try:
            for _ in range(args.rounds):
                figures.add("create + unlink, doing nothing", pairs(args, "redirect", plain.root, "name"))
                figures.add("create + unlink, nothing in a loop like ours", pairs(args, "redirect", nothing.root, "n"))
                figures.add("touch + rm", pairs(args, "touch", locks, "Chapter_02"))
                figures.add("flock + close", pairs(args, "flock", locks, "Chapter_02"))
            with_waiters(args, locks, figures)
        finally:
            mount.close()
            plain.stop()
            nothing.stop()
    finally:
        rig.clean_up()
    figures.show()
    rows = figures.rows
    nothing, touch, flock = (rows[n] for n in ("create + unlink, doing nothing", "touch + rm", "flock + close"))
    print("touch + rm is %.2fx, flock %.2fx the rate of doing nothing" % (touch[0] / nothing[0], flock[0] / nothing[0]))
    kept = [touch[0] >= 5000, flock[0] >= 5000, touch[0] >= nothing[0] / 2,
            rows["touch + rm, 200 parked"][2] < 1000, rows["flock + close, 200 parked"][2] < 1000]
    return 0 if all(kept) or args.quick else 1


if __name__ == "__main__":
    sys.exit(main())
