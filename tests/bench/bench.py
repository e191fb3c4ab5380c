#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures bookfs beside the native file system and other mounters, all in one run.

    bench.py --program BOOKFS --measure MEASURE [--nullfs NULLFS] [--parked PARKED]
             [--slow SLOWFS] [--model MODEL [--syncs SYNCS.so]] [--quick] [--apart] [--only PART,PART]
             [--json FILE]

Every figure is taken three times in turn (system A, B, C, then A again ...), so that a busy moment
of the machine does not fall on one of them; the best and the median are kept. Ratios are to the
native file system of this run. Where root, caches are dropped before every row that says "first".
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

import classic
import folder
import peers
from peers import rig
import bookmaker

ROUNDS = 3


class Table:
    """rows[row][system] = all figures taken; higher is better unless the row's unit is a time."""

    def __init__(self):
        self.units, self.rows = {}, {}

    def add(self, row, unit, system, figure):
        self.units[row] = unit
        self.rows.setdefault(row, {}).setdefault(system, []).append(figure)

    def best(self, row, system):
        figures = self.rows.get(row, {}).get(system)
        if not figures:
            return None
        return min(figures) if self.units[row] == "ms" else max(figures)

    def median(self, row, system):
        figures = self.rows.get(row, {}).get(system)
        return statistics.median(figures) if figures else None

    def ratio(self, row, system, to, of="best"):
        """How many times as good as `to`."""
        ours, theirs = getattr(self, of)(row, system), getattr(self, of)(row, to)
        if not ours or not theirs:
            return None
        return theirs / ours if self.units[row] == "ms" else ours / theirs

    def show(self, systems):
        width = max(map(len, self.rows)) + 1
        for what in ("best", "median", "ratio to native"):
            print(f"\n{what}\n{'':{width}}{'unit':8}" + "".join(f"{s:>13}" for s in systems))
            for row, unit in self.units.items():
                print(f"{row:{width}}{unit:8}" + "".join(
                    f"{self.cell(what, row, s):>13}" for s in systems))

    def cell(self, what, row, system):
        if what == "ratio to native":
            value = self.ratio(row, system, "native")
            return "-" if value is None else f"{value:.2f}x"
        figures = self.rows.get(row, {}).get(system)
        if not figures:
            return "-"
        value = getattr(self, what)(row, system)
        return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def say(text):
    print(f"# {text}", flush=True)


def drop_caches():
    """True if it could be done."""
    try:
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as f:
            f.write("3\n")
        return True
    except OSError:
        return False


def measure(program, what, amount, where, seconds=60):
    folder, suffix = where
    done = subprocess.run([*peers.reader, program, what, str(amount), folder, suffix], timeout=seconds,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise rig.Failure(f"measure {what} {folder}: {done.stderr.strip()}")
    return [float(x) for x in done.stdout.split()]


def timed_ms(command):
    start = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise rig.Failure(f"{' '.join(command)}: {done.stderr.strip()[:200]}")
    return (time.monotonic() - start) * 1000


def mb_a_second(program, where, what="read", rounds=0):
    size, seconds, _ = measure(program, what, rounds, where)
    return size / seconds / 1e6


def names_below(folder):
    return sum(len(d) + len(f) for _, d, f in os.walk(folder)) + 1


def serve(table, system, args):
    """One round of one system: mounted, measured, unmounted."""
    short = 100 if args.quick else 700
    reads = 2000 if args.quick else 20000
    drop_caches()
    start = time.monotonic()
    system.start()
    os.listdir(os.path.join(system.root, system.first_listing))
    table.add("mount to first ls, cold", "ms", system.name, (time.monotonic() - start) * 1000)
    try:
        slow = system.name == "archivemount"
        table.add("120 chapters, open and read, first", "ms", system.name,
                  measure(args.measure, "read", 0, system.text)[1] * 1000)
        table.add("120 chapters, open and read, again", "ms", system.name,
                  min(measure(args.measure, "read", 0, system.text)[1] for _ in range(3)) * 1000)
        table.add("text warm", "MB/s", system.name,
                  mb_a_second(args.measure, system.text, "warm", 2 if slow else 20))
        if slow and table.rows.get("stored pictures warm", {}).get(system.name):
            return      # its pictures and places take 10 s a round; one is enough
        again(system, cold=False)
        table.add("4k random first", "/s", system.name,
                  measure(args.measure, "random", 100 if slow else reads // 10, system.pictures)[0])
        again(system, cold=True)
        table.add("stored pictures first, disk cold", "MB/s", system.name,
                  mb_a_second(args.measure, system.pictures))
        again(system, cold=False)
        table.add("stored pictures first", "MB/s", system.name,
                  mb_a_second(args.measure, system.pictures))
        table.add("stored pictures warm", "MB/s", system.name,
                  mb_a_second(args.measure, system.pictures, "warm", 1))
        table.add("4k random warm", "/s", system.name,
                  measure(args.measure, "random", 100 if slow else reads, system.pictures)[0])
        table.add("stat warm", "/s", system.name,
                  measure(args.measure, "stat", short, system.text)[0])
        table.add("open+close", "/s", system.name,
                  measure(args.measure, "open", short, system.text)[0])
        names = names_below(system.root)
        table.add("find, a 1,000 names", "ms", system.name,
                  timed_ms(["find", system.root]) * 1000 / names)
        if isinstance(system, peers.Bookfs):
            painted(table, system, args)
    finally:
        system.stop()


def bound(table, system, args):
    """What requests cost here, for those two rows that are made of them."""
    system.start()
    try:
        place = system.root, ""
        table.add("stored pictures first", "MB/s", system.name, mb_a_second(args.measure, place))
        table.add("open+close", "/s", system.name,
                  measure(args.measure, "open", 100 if args.quick else 700, place)[0])
    finally:
        system.stop()


def share(table, facts):
    """How much of what this kernel allows is had."""
    for row in ("open+close", "stored pictures first"):
        part = table.ratio(row, "bookfs", "no work", "median")
        if part:
            name = row.replace("stored ", "") + ", of a FUSE without work"
            facts.append((name, f"{part:.2f}x (medians; the same loop)"))


def again(system, cold):
    """Mounted afresh, so that a first read is one. Not cold: what the disk holds is in the page cache, so
    that it is the file system that is measured and not the disk, which bounds all of them alike."""
    system.stop()
    if cold:
        drop_caches()
    system.start()


def painted(table, system, args):
    images = os.path.join(system.root, "images"), ""
    if not os.listdir(images[0]):
        return
    again(system, cold=False)
    table.add("painted pictures first", "MB/s", system.name, mb_a_second(args.measure, images))
    table.add("painted pictures warm", "MB/s", system.name,
              mb_a_second(args.measure, images, "warm", 1))


def warm_start(table, system):
    """From the call to the first list, with the program and the store in the page cache."""
    start = time.monotonic()
    system.start()
    os.listdir(os.path.join(system.root, system.first_listing))
    table.add("mount to first ls, warm", "ms", system.name, (time.monotonic() - start) * 1000)
    system.stop()


def first_import(program, book, work, facts):
    """A store that is not there yet: how long until the mount answers, and what takes the time."""
    figures = []
    for n in range(ROUNDS):
        for leftover in (book + ".bookfs", book + ".bookfs-locks"):
            if os.path.exists(leftover):
                os.unlink(leftover)
        drop_caches()
        system = peers.Bookfs(program, book, os.path.join(work, f"import{n}"))
        start = time.monotonic()
        system.start()
        os.listdir(os.path.join(system.root, "chapters"))
        wall_ms = (time.monotonic() - start) * 1000
        with open(f"/proc/{system.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        with open(f"/proc/{system.process.pid}/io") as f:
            io = dict(line.split(": ") for line in f.read().splitlines())
        cpu_ms = (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")
        figures.append((wall_ms, cpu_ms, int(io["read_bytes"]) / 1e6, int(io["write_bytes"]) / 1e6))
        system.stop()
    wall, cpu, read, wrote = min(figures)
    facts.append(("first import", f"{wall:.0f} ms ({cpu:.0f} ms of it CPU; {read:.1f} MB read, "
                  f"{wrote:.1f} MB written)"))
    facts.append(("first import is bounded by", profile(program, book, work)))


def profile(program, book, work):
    """Where the CPU time of an import goes, by library and function; "-" without perf."""
    if not shutil.which("perf"):
        return "(perf is not installed)"
    data, point = os.path.join(work, "perf.data"), os.path.join(work, "perf")
    os.unlink(book + ".bookfs")
    system = peers.Bookfs(program, book, point)
    system.command = ["perf", "record", "-q", "-F", "2000", "-o", data, "--"] + system.command
    try:
        system.start()
        os.listdir(os.path.join(point, "chapters"))
        system.stop()
    except rig.Failure:
        return "(perf cannot record here)"
    shares = []
    for key in ("dso", "symbol"):
        out = subprocess.run(["perf", "report", "-i", data, "--stdio", "-q", "--sort", key],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        rows = re.findall(r"^\s*([\d.]+)%\s+(\S.*?)\s*$", out, re.M)
        shares.append(", ".join(f"{name} {share} %" for share, name in rows[:4]))
    return "; ".join(shares) if any(shares) else "(perf recorded nothing)"


def memory_kb(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def idle_memory(program, book, work, facts, quick):
    """Before and after every chapter was analysed and painted, once it is idle again."""
    mount = rig.Mount(program, book)
    try:
        os.listdir(mount.path("chapters"))
        time.sleep(3)
        before = memory_kb(mount.pid)
        start = time.monotonic()
        mount.command("analyze all")
        rig.wait_done(mount, 60 if quick else 150)
        took = time.monotonic() - start
        time.sleep(7)       # the painter leaves after 5 s without work
        after = memory_kb(mount.pid)
        family = sum(memory_kb(pid) for pid in rig.children(mount.pid))
    finally:
        mount.close()
    facts.append(("whole book analysed and painted", f"{took:.1f} s"))
    facts.append(("idle memory before / after painting",
                  f"{before / 1024:.1f} / {after / 1024:.1f} MB resident "
                  f"(child processes then {family / 1024:.1f} MB)"))
    return before, after


def nothing(args, work, facts):
    """What this machine's FUSE costs: a file system that does nothing."""
    point = os.path.join(work, "nullfs")
    os.makedirs(point)
    system = peers.Peer("nullfs", [args.nullfs], "", point)
    system.command = [args.nullfs, point]
    system.start()
    try:
        best = {what: max(measure(args.measure, what, 300, (point, ""))[0] for _ in range(ROUNDS))
                for what in ("open", "create")}
    finally:
        system.stop()
    facts.append(("a FUSE file system that does nothing", f"{best['open']:.0f} open+close a second, "
                  f"{best['create']:.0f} create+unlink a second"))


def parked(args, facts):
    """tests/system/parked.py's figures; its own checks say whether they are what was promised."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system", "parked.py")
    readers = "200" if args.quick else "10000"
    done = subprocess.run([sys.executable, script, args.slow, "--parked", args.parked,
                           "--readers", readers, "--figures"], stdout=subprocess.PIPE, text=True)
    found = re.findall(r"^figure (.+?): (.+)$", done.stdout, re.M)
    facts.extend(found)
    if done.returncode or not found:
        facts.append(("parked readers", f"parked.py ended with {done.returncode}"))
    return dict(found)


def promises(table, memory, park):
    """DESIGN.md's table: what, promised, measured, kept."""
    def cell(row, system="bookfs"):
        return table.best(row, system)

    def ratio(row, to):
        return table.ratio(row, "bookfs", to)
    rows = [
        ("mount to first ls chapters, imported", "10 ms", cell("mount to first ls, warm"), 10, "ms", -1),
        ("warm stat, to native", "0.7x", ratio("stat warm", "native"), 0.7, "x", 1),
        ("warm read of text, to native", "0.9x", ratio("text warm", "native"), 0.9, "x", 1),
        ("warm read of stored pictures, to native", "0.9x", ratio("stored pictures warm", "native"), 0.9, "x", 1),
        ("first read of stored pictures", "1000 MB/s", cell("stored pictures first"), 1000, "MB/s", 1),
        ("the same, to mount-zip", "1.5x", ratio("stored pictures first", "mount-zip"), 1.5, "x", 1),
        # Where two processes happen to share a processor a round trip is several times as fast, so
        # the best of three is luck; the median is not.
        ("open+close of a ready file, to mount-zip", "3x",
         table.ratio("open+close", "bookfs", "mount-zip", "median"), 3, "x", 1),
    ]
    if memory:
        rows += [("idle memory before painting", "16 MB", memory[0] / 1024, 16, "MB", -1),
                 ("idle memory after painting", "16 MB", memory[1] / 1024, 16, "MB", -1)]
    for name, promised, limit, unit in (("daemon memory per reader", "1 KB", 1024, "bytes"),
                                        ("all awake", "1000 ms", 1000, "ms"),
                                        ("Ctrl-C", "50 ms", 50, "ms")):
        number = re.match(r"-?[\d.]+", park.get(name, ""))
        rows.append((f"parked readers: {name}", promised, float(number.group()) if number else None,
                     limit, unit, -1))
    missed = 0
    print(f"\n{'promise':44}{'promised':>12}{'measured':>16}")
    for what, promised, value, limit, unit, sign in rows:
        kept = value is not None and (value - limit) * sign >= 0
        missed += value is not None and not kept
        verdict = "not measured" if value is None else "kept" if kept else "MISSED"
        shown = "-" if value is None else f"{value:.2f} {unit}"
        print(f"{what:44}{promised:>12}{shown:>16}  {verdict}")
    return missed


def run(args):
    work = rig.work_folder()
    table, facts, memory, park = Table(), [], None, {}
    only = args.only.split(",") if args.only else [
        "import", "files", "memory", "null", "parked", "classic", "folder"]
    book = os.path.join(work, "book.epub")
    if args.quick:
        bookmaker.make(book, chapters=6, words=300, pictures=4, picture_bytes=100_000)
    else:
        bookmaker.make_bench(book)
    say(f"book: {os.path.getsize(book) / 1e6:.1f} MB; {os.cpu_count()} processors; "
        f"{'caches are dropped' if drop_caches() else 'not root: caches stay, first reads are warm'}")
    if "null" in only and args.nullfs:
        nothing(args, work, facts)
    systems = peers.found(book, work, say) if "files" in only else []
    if args.program:
        if "import" in only:
            first_import(args.program, book, work, facts)
        if "memory" in only:
            memory = idle_memory(args.program, book, work, facts, args.quick)
        if "files" in only:
            systems.insert(1, peers.Bookfs(args.program, book, os.path.join(work, "bookfs")))
            warm_import = rig.Mount(args.program, book)
            next(s for s in systems if s.name == "native").add_chapters(warm_import.dir)
            warm_import.close()
    nothing_at_all = None
    if systems and args.nullfs:
        nothing_at_all = peers.Nothing(args.nullfs, os.path.join(work, "nothing"))
    for _ in range(1 if args.quick else ROUNDS):
        for system in systems:
            serve(table, system, args)
        if nothing_at_all:
            bound(table, nothing_at_all, args)
    for _ in range(ROUNDS):
        for system in systems[1:]:
            warm_start(table, system)
    if "parked" in only and args.slow and args.parked:
        park = parked(args, facts)
    missed = 0
    if "classic" in only and args.model and args.program:
        tools = {"program": args.program, "model": args.model, "syncs": args.syncs}
        missed += classic.measure(tools, work, args.quick, say)
    if "folder" in only and args.program:
        missed += folder.measure({k: getattr(args, k) for k in ("program", "measure", "nullfs")}, work, args.quick, say)
    share(table, facts)
    if table.rows:
        table.show([s.name for s in systems + ([nothing_at_all] if nothing_at_all else [])])
    print()
    for name, text in facts:
        print(f"{name:40}{text}")
    if args.quick:
        say("a small book and one round: these figures only show that the benchmark works")
    if args.program and table.rows:
        missed += promises(table, memory, park)
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"rows": table.rows, "units": table.units, "facts": facts}, f, indent=1)
    return 1 if missed and args.strict else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", help="bookfs; without it only the others are measured")
    parser.add_argument("--measure", required=True)
    parser.add_argument("--nullfs")
    parser.add_argument("--parked")
    parser.add_argument("--slow", help="the bookfs with the slow provider")
    parser.add_argument("--model", help="the server of models that takes its time")
    parser.add_argument("--syncs", help="what counts syncs when it is preloaded")
    parser.add_argument("--quick", action="store_true", help="a small book, one round: a smoke test")
    parser.add_argument("--only", help="of import,files,memory,null,parked,classic,folder")
    parser.add_argument("--apart", action="store_true", help="a file system has one processor and its "
                        "reader another, both before all others: the same on a busy machine (root)")
    parser.add_argument("--json")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a promise is missed")
    args = parser.parse_args()
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        say("skipped: /dev/fuse cannot be opened here")
        sys.exit(rig.SKIP)
    if args.apart:
        peers.apart()
    rig.watchdog(110 if args.quick else 520)
    code = 1
    try:
        code = run(args)
    except rig.Failure as reason:
        print(f"not ok - {reason}")
    finally:
        rig.clean_up()
    sys.exit(code)


if __name__ == "__main__":
    main()
