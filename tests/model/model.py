#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the model of the lock protocol (locks.pml) with SPIN, and that each seeded fault is found.

The states are bounded by few holders and one round, and searched without a gap. Usage: model.py
"""
import os
import shutil
import subprocess
import sys
import tempfile

MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "locks.pml")

# What each search adds: a kill at any moment, an override at any moment, a second lock asked for with one in hand.
THREE = ["-DHOLDERS=3", "-DROUNDS=1"]
SOUND = {
    "three holders, one killed": THREE + ["-DKILL"],
    "three holders, one overridden": THREE + ["-DOVERRIDE"],
    "three holders, each after a second lock": THREE + ["-DNESTED"],
}
ASSERTED, STUCK = "assertion violated", "invalid end state"
FAULTS = {
    "a grant without a second look": (THREE + ["-DFAULT_NO_RECHECK"], (ASSERTED, STUCK)),
    "a release by name instead of token": (THREE + ["-DOVERRIDE", "-DFAULT_RELEASE_BY_NAME"], (ASSERTED,)),
    "an override that keeps the token": (THREE + ["-DOVERRIDE", "-DFAULT_OVERRIDE_KEEPS_TOKEN"], (ASSERTED,)),
    "a lost wake-up": (THREE + ["-DFAULT_LOST_WAKE_UP"], (STUCK,)),
    "a set taken in part": (THREE + ["-DFAULT_SET_IN_PART"], (ASSERTED, STUCK)),
    "no look for circles": (THREE + ["-DNESTED", "-DFAULT_NO_CIRCLES"], (STUCK,)),
}


def search(options):
    """The errors that SPIN found (text), and how many states it saw."""
    with tempfile.TemporaryDirectory(prefix="bookfs-model-") as place:
        def run(*command):
            done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(f"{command[0]}: {done.stdout}{done.stderr}")
            return done.stdout

        said = run("spin", *options, "-a", MODEL)
        if not os.path.exists(os.path.join(place, "pan.c")):
            sys.exit(f"spin: {said}")
        run(os.environ.get("CC", "cc").split()[-1], "-w", "-O1", "-DSAFETY", "-o", "pan", "pan.c")
        out = run("./pan", "-m10000", "-w24")
    if "errors: " not in out or "max search depth too small" in out:
        sys.exit(f"pan did not end its search: {out}")
    states = out.split(" states, stored")[0].split()[-1]
    found = [line for line in out.splitlines() if line.startswith("pan:1:")]
    return " ".join(found), int(states)


def main():
    failed = 0
    if not shutil.which("spin"):
        print("no spin here: the model is not checked")
        return 77
    for name, options in SOUND.items():
        found, states = search(options)
        print(f"{'FAILED' if found else 'ok'}: {name}: {states} states {found}")
        failed += bool(found)
    for name, (options, wanted) in FAULTS.items():
        found, states = search(options)
        named = any(fault in found for fault in wanted)
        print(f"{'ok' if named else 'FAILED'}: seeded, {name}: {found or 'not found'} ({states} states)")
        failed += not named
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
