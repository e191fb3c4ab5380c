#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Ten thousand readers wait for one analysis; the rest of the mount does not notice.

    parked.py SLOWFS --parked PARKED [--readers N] [--figures] [--full]

SLOWFS is the mount with a provider that takes its time (tests/fs). Prints lines "figure NAME: VALUE" with
--figures, for the benchmark.
"""
import json
import os
import re
import signal
import subprocess
import time

import bookmaker
import rig

WAIT_S = 120


def resident_bytes(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read()).group(1)) * 1024


def elsewhere(mount, rounds):
    """The slowest of many ls and stat of other places, in ms; the best of three sets, as the machine
    has other things to do too."""
    worst = []
    for _ in range(3):
        slowest = 0.0
        for n in range(rounds):
            chapter = 2 + n % 20
            for action in (lambda: os.listdir(mount.path("chapters", chapter)),
                           lambda: os.stat(mount.path("chapters", chapter, "concepts.json")),
                           lambda: os.stat(mount.path("status.json")),
                           lambda: os.listdir(mount.path("images"))):
                start = time.perf_counter()
                action()
                slowest = max(slowest, (time.perf_counter() - start) * 1000)
        worst.append(slowest)
    return min(worst)


def interrupt(mount, path):
    """Milliseconds from SIGINT to the end of a cat that waits, and how it ended."""
    before = parked_count(mount, 1)
    process = subprocess.Popen(["cat", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rig.started[process.pid] = None
    rig.wait_for(lambda: parked_count(mount, 1) > before, 2)
    start = time.perf_counter()
    process.send_signal(signal.SIGINT)
    process.wait()
    took = (time.perf_counter() - start) * 1000
    rig.started.pop(process.pid, None)
    return took, process.returncode


def parked_count(mount, chapter):
    """How many readers .bookfs/waiting names, a line each."""
    lines = mount.read(".bookfs", "waiting").decode().splitlines()
    return sum(line.lstrip("/").startswith(f"chapters/{chapter}/") for line in lines)


def run(args, checks):
    readers = args.readers or (10_000 if args.full else 1_000)
    figures = {}
    work = rig.work_folder()
    book = bookmaker.make(os.path.join(work, "book.epub"), chapters=24, words=300)
    env = {args.delay_variable: str(args.delay_ms or (12_000 if readers > 2000 else 5_000))}
    with rig.Mount(args.program, book, options=f"wait={WAIT_S},images=off", env=env) as mount:
        path = mount.path("chapters", 1, "concepts.json")
        os.listdir(mount.path("chapters"))
        time.sleep(0.5)
        before = resident_bytes(mount.pid)
        threads = 100 if readers >= 1000 else 20
        crowd = subprocess.Popen([args.parked, path, str(readers // threads), str(threads)],
                                 stdout=subprocess.PIPE, text=True)
        rig.started[crowd.pid] = None
        asking = crowd.stdout.readline().split()
        checks.ok(f"{readers} readers ask", asking[:2] == ["asking", str(readers)], asking)
        rig.wait_for(lambda: parked_count(mount, 1) == readers, 5, every=0.1)
        checks.ok("the daemon says that they wait", parked_count(mount, 1) == readers,
                  mount.read(".bookfs", "waiting")[:300])
        checks.ok("nobody has been answered yet",
                  mount.json("chapters", 1, "status.json")["status"] == "in_progress",
                  mount.read("chapters", 1, "status.json"))
        each = (resident_bytes(mount.pid) - before) / readers
        figures["daemon memory per reader"] = f"{each:.0f} bytes"
        if readers >= 1000:     # of few readers a page more or less would decide
            if os.environ.get("SANITIZE", "none") == "none":  # its shadow is no memory of ours
                checks.ok("at most 1 KB a reader", each <= 1024, figures["daemon memory per reader"])
        slowest = elsewhere(mount, 50)
        figures["ls and stat elsewhere meanwhile"] = f"{slowest:.2f} ms at most"
        checks.ok("ls and stat elsewhere do not wait for them", slowest < 100, slowest)
        ended = [interrupt(mount, path) for _ in range(5)]
        figures["Ctrl-C"] = f"{max(t for t, _ in ended):.1f} ms at most of 5"
        checks.ok("Ctrl-C ends a reader within 50 ms",
                  all(ms <= 50 and code == -signal.SIGINT for ms, code in ended), ended)
        still = mount.json("chapters", 1, "status.json")["status"]
        checks.ok("they were measured while all waited", still == "in_progress", still)
        crowd.wait()
        rig.started.pop(crowd.pid, None)
        judge(checks, mount, json.loads(crowd.stdout.read().split(" ", 1)[1]), readers, figures)
        crowd.stdout.close()
    if args.figures:
        for name, value in figures.items():
            print(f"figure {name}: {value}")


def judge(checks, mount, awake, readers, figures):
    checks.ok("all have the whole result", awake["good"] == readers and not awake["errors"], awake)
    events = [e for e in mount.events() if e.get("chapter") == 1]
    starts = [e for e in events if e["event"] == "analysisStarted"]
    checks.ok("it was one analysis", len(starts) == 1, starts)
    ready = [e["time"] for e in events if e["event"] == "conceptsReady"]
    checks.ok("it is ready once", len(ready) == 1, ready)
    figures["all awake"] = f"{awake['spread_ms']:.0f} ms from the first to the last of {readers}"
    checks.ok("all are awake within 1 s", awake["spread_ms"] <= 1000, awake)
    late = [n for n in (2, 3) if mount.json("chapters", n, "status.json")["status"] != "pending"]
    checks.ok("no other chapter was touched", not late, late)


if __name__ == "__main__":
    parser = rig.arguments(__doc__, quick_seconds=60, full_seconds=180)
    parser.add_argument("--parked", required=True, help="the program of parked.c")
    parser.add_argument("--readers", type=int, default=0)
    parser.add_argument("--figures", action="store_true")
    parser.add_argument("--delay-ms", type=int, default=0)
    parser.add_argument("--delay-variable", default="SLOW_MS",
                        help="how SLOWFS is told its delay in milliseconds")
    rig.main(parser, run)
