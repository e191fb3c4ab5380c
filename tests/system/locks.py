#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sixteen agents, two mounts of one book, and kills: the history that comes of it is judged by an independent checker.

    locks.py BOOKFS --client LOCK_CLIENT --checker CHECK_HISTORY [--operations N] [--seed N] [--full] [--keep]
             [--expect RULE] [--patience MS]

What the agents do stands in lock_client.c, the rules in tests/store/check_history.py. Before them there is a drill of
fixed steps. With --expect the program is one with a fault put in, which the drill shows for certain: nothing else is
done, and the checker must name that rule. Without it, the time is measured too in which a dead holder's lock is free,
and is another's who waits.
"""
import collections
import ctypes
import importlib.util
import mmap
import os
import random
import re
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import time

import bookmaker
import rig

PROCESSES, MOUNTS = 16, 2
SLOT, SLOTS = 32, 4 + 4 * MOUNTS        # of struct control: bytes a slot, and where they begin
FREE_MS = 50


def load(path):
    spec = importlib.util.spec_from_file_location("check_history", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def now_us():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def reap_group(group):
    """Until all of a process group are gone; those whose parent died are ours by then."""
    while True:
        try:
            os.waitpid(-group, 0)
        except ChildProcessError:
            return


class Field:
    """Book, mounts, agents, and the control file that all of them share."""

    def __init__(self, args):
        self.args, self.random = args, random.Random(args.seed)
        self.folder = rig.work_folder("/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.book = os.path.join(self.folder, "book.epub")
        bookmaker.make(self.book, chapters=3, words=200, pictures=0)
        with open(self.path("control"), "wb") as f:
            f.write(bytes(4096))
        with open(self.path("control"), "r+b") as f:
            self.control = mmap.mmap(f.fileno(), 4096)
        self.kills = open(self.path("kills"), "w", encoding="ascii")
        self.mounts, self.epochs = [None] * MOUNTS, [0] * MOUNTS
        self.agents, self.generations = {}, [0] * PROCESSES
        self.killed, self.given = collections.Counter(), set()
        for m in range(MOUNTS):
            self.mount(m)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def put(self, at, value):
        self.control[at:at + 4] = struct.pack("i", value)

    def mount(self, m):
        self.mounts[m] = rig.Mount(self.args.program, self.book, "trigger=never")
        link = self.path(f"m{m}")
        os.symlink(self.mounts[m].dir, link + ".new")
        os.rename(link + ".new", link)
        self.put(4 + 4 * m, self.epochs[m])

    def kill_mount(self, m):
        self.put(4 + 4 * m, -1)
        begun = now_us()
        self.mounts[m].process.kill()
        self.mounts[m].process.wait()
        self.kills.write(f"K m{m}.{self.epochs[m]} {begun} {now_us()}\n")
        self.mounts[m].kill()
        self.killed["mounts"] += 1
        self.epochs[m] += 1
        self.mount(m)

    def start_agent(self, slot):
        generation = self.generations[slot]
        at = SLOTS + SLOT * slot
        for word in (8, 16, 20, 24, 28):    # all but the number of operations
            self.put(at + word, 0)
        self.put(at, generation)
        environment = {**os.environ, "BOOKFS_INSTANCE": f"P{slot}.{generation}"}
        agent = subprocess.Popen([self.args.client, "act", self.folder, str(slot), str(generation),
                                  str(self.args.seed), self.args.program, self.book], stdin=subprocess.DEVNULL,
                                 start_new_session=True, env=environment)
        rig.started[agent.pid] = None
        self.agents[slot] = agent

    def kill_agent(self, slot):
        agent = self.agents.pop(slot)
        begun = now_us()
        os.killpg(agent.pid, signal.SIGKILL)
        reap_group(agent.pid)
        agent.returncode = -signal.SIGKILL
        rig.started.pop(agent.pid, None)
        self.kills.write(f"K P{slot}.{self.generations[slot]} {begun} {now_us()}\n")
        self.killed["agents"] += 1
        self.generations[slot] += 1
        self.start_agent(slot)

    def operations(self):
        return sum(struct.unpack_from("i", self.control, SLOTS + SLOT * slot + 4)[0] for slot in range(PROCESSES))

    def act(self, count, seconds):
        """Kills now and then until so many operations are done, and two of the kills were of mounts."""
        watcher = subprocess.Popen([self.args.client, "watch", self.folder, self.book + ".bookfs"])
        rig.started[watcher.pid] = None
        for slot in range(PROCESSES):
            self.start_agent(slot)
        start, calls = time.monotonic(), 0
        while time.monotonic() < start + seconds and (
                self.operations() < count or self.killed["mounts"] < 2):
            time.sleep(self.random.uniform(0.05, 0.15))
            calls += 1
            self.kill_agent(self.random.randrange(PROCESSES))
            if calls % 6 == 3:
                self.kill_mount(self.random.randrange(MOUNTS))
        took, made, stopped = time.monotonic() - start, self.operations(), now_us()
        self.put(0, 1)
        codes = [agent.wait(30) for agent in self.agents.values()] + [watcher.wait(30)]
        for slot in self.agents:    # what was handed to one of them meanwhile ends with him
            self.kills.write(f"K P{slot}.{self.generations[slot]} {stopped} {now_us()}\n")
        for pid in [agent.pid for agent in self.agents.values()] + [watcher.pid]:
            rig.started.pop(pid, None)
        self.agents.clear()
        self.put(0, 0)
        return took, made, codes

    def drill(self):
        """Steps that show each fault of mutate.py. Two are in one mount, the third in the other."""
        with open(self.path("history.drill"), "w", encoding="ascii", buffering=1) as out:
            a, b, c = people = [Person(self, number, out) for number in range(3)]
            first, second, both = ["Chapter_01"], ["Chapter_02"], ["Chapter_01", "Chapter_02"]
            for one in (a, c):          # a set in part; the next holder's token
                one.release(both, one.take(both))
            had = a.take(first)         # a wake-up
            ends = b.wait_in_flock("Chapter_01")
            a.release(first, had)
            ends()
            had, other = a.take(first), c.take(second)      # a grant of what is not free
            ends = b.wait_for_set(both)
            a.release(first, had)
            got = ends() if b.sees(second[0])[0] == b.name else None
            c.release(second, other)
            b.release(both, got or ends())
            for one in people:
                one.end()

    def history(self):
        """All records in one file: those of an operation in their order, the queue's just after its beginning."""
        self.kills.flush()
        path = self.path("history")
        queue = collections.defaultdict(list)
        with open(self.path("queue"), "a+", encoding="ascii") as lines:
            lines.seek(0)
            for line in lines:
                queue[line.split()[1]].append(line)
        with open(path, "w", encoding="ascii") as out:
            for name in sorted(os.listdir(self.folder)):
                if not name.startswith("history."):
                    continue
                with open(self.path(name), encoding="ascii") as lines:
                    for line in lines:
                        out.write(line)
                        if line[0] == "I":
                            out.writelines(queue.pop(line.split()[1], []))
            with open(self.path("kills"), encoding="ascii") as lines:
                out.writelines(lines)
        return path

    def close(self):
        codes = [m.close() for m in self.mounts]
        self.kills.close()
        return codes


class Person:
    """A shell that does one thing after another, which are written down; it is the holder."""

    def __init__(self, field, number, out):
        self.name, self.out, self.count = f"D{number}.0", out, 0
        self.folder, self.patience_s = field.folder, 0.6 if field.args.expect else 30
        self.locks, self.via = field.mounts[number % MOUNTS].path("locks"), f"m{number % MOUNTS}.0"
        self.shell = subprocess.Popen(["bash", "--norc", "--noprofile"], cwd=self.locks, stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                      env={**os.environ, "BOOKFS_INSTANCE": self.name, "B": field.book,
                                           "BOOKFS": field.args.program}, start_new_session=True)
        rig.started[self.shell.pid] = None

    def end(self):
        self.shell.communicate("exit\n")
        rig.started.pop(self.shell.pid, None)

    def start(self, line):
        self.shell.stdin.write(f"{line}; echo $?\n")
        self.shell.stdin.flush()

    def status(self):
        return int(self.shell.stdout.readline())

    def begin(self, kind, names, tokens=(), more=""):
        self.count += 1
        self.out.write(f"I {self.name}/{self.count} {self.name} {now_us()} {kind} {'+'.join(names)} "
                       f"{'+'.join(map(str, tokens or [0] * len(names)))}{more}\n")
        return f"{self.name}/{self.count}"

    def answered(self, op, result, tokens):
        self.out.write(f"R {op} {now_us()} {result} {'+'.join(map(str, tokens))}\n")
        return tokens

    def sees(self, name):
        """(holder, token) of a lock, or (None, 0)"""
        try:
            with open(os.path.join(self.locks, name), encoding="utf-8") as f:
                fields = dict(line.split(": ", 1) for line in f.read().splitlines())
        except FileNotFoundError:
            return None, 0
        return fields["instance"], int(fields["token"])

    def mine(self, names):
        return [token if who == self.name else 0 for who, token in map(self.sees, names)]

    def take(self, names):
        op = self.begin("take", names)
        self.start("touch " + "+".join(names))
        status = self.status()
        return self.answered(op, "EBUSY" if status else "OK", self.mine(names))

    def release(self, names, tokens):
        for name, token in zip(names, tokens):
            if token:
                op = self.begin("release", [name], [token])
                self.start("rm -f " + name)
                self.answered(op, "EBUSY" if self.status() else "OK", [token])

    def wait(self, op, line):
        """Starts it, until it is in the queue. What ends that wait, which tells whether it was granted."""
        def arrivals():
            with open(os.path.join(self.locks, ".log"), encoding="utf-8") as f:
                return sum(" waiting " in line and self.name in line for line in f)
        before = arrivals()
        self.start(line + " & echo $!; wait $!")
        pid = int(self.shell.stdout.readline())
        rig.wait_for(lambda: arrivals() > before, 30)
        self.out.write(f"Q {op} {now_us()}\n")

        def ends():
            if not select.select([self.shell.stdout], [], [], self.patience_s)[0]:
                self.out.write(f"C {op} {now_us()}\n")
                os.kill(pid, signal.SIGTERM)
            if self.status() == 0:
                return True
            self.answered(op, "EINTR", [0])
            return False
        return ends

    def wait_for_set(self, names):
        """What ends that wait, and gives its tokens."""
        op = self.begin("wait", names)
        ends = self.wait(op, f'"$BOOKFS" lock --wait 600 "$B" {" ".join(names)} > /dev/null')
        return lambda: self.answered(op, "OK", self.mine(names)) if ends() else [0] * len(names)

    def wait_in_flock(self, name):
        """The same; what was got goes with the descriptor."""
        op, said = self.begin("wait", [name], more=f" via={self.via}"), os.path.join(self.folder, "said")
        ends = self.wait(op, f'flock .all/{name} cat {name} > "{said}"')

        def ends_and_closes():
            if not ends():
                return
            with open(said, encoding="utf-8") as f:
                token = re.search(r"^token: (\d+)", f.read(), re.M).group(1)
            self.answered(op, "OK", [token])
            self.answered(self.begin("close", [name], [token]), "OK", [token])
            rig.wait_for(lambda: self.sees(name)[0] is None, 30)
        return ends_and_closes


def report(field, history, took, checks):
    kinds = collections.Counter()
    granted = 0
    for op in history.operations.values():
        kinds[op.kind, op.result or "unanswered"] += 1
        granted += op.kind == "wait" and op.result == "OK" and op.queued is not None
    by_kind = collections.defaultdict(list)
    for (kind, result), count in sorted(kinds.items(), key=lambda k: -k[1]):
        by_kind[kind].append(f"{count} {result}")
    total = len(history.operations)
    checks.note(f"{total} operations in {took:.1f} s, {total / took:.0f} a second; killed: {field.killed['agents']} "
                f"agents, {field.killed['mounts']} mounts; {granted} waited in the queue and were granted")
    for kind, results in sorted(by_kind.items()):
        checks.note(f"  {kind}: {', '.join(results)}")
    return kinds, granted


def judge(field, checker, took, checks):
    path = field.history()
    history = checker.History(path, field.args.patience * 1000)
    history.check()
    kinds, granted = report(field, history, took, checks)
    rules = collections.Counter(rule for rule, _ in history.faults)
    for rule, count in rules.items():
        checks.note(f"{rule}: {count}, such as {next(t for r, t in history.faults if r == rule)}")
    if field.args.expect:
        checks.ok(f"the fault is seen: {field.args.expect}", field.args.expect in rules, dict(rules))
    else:
        checks.ok("the history is that of a table that excludes, queues and fences", not rules, dict(rules))
        checks.ok("enough of everything happened", granted >= 10 and all(
            kinds[what] for what in (("take", "OK"), ("take", "EBUSY"), ("wait", "OK"), ("release", "OK"),
                                     ("break", "OK"), ("give", "OK"), ("see", "OK"))), dict(kinds))
    field.given = {(op.resources[0], op.to) for op in history.of_kind("give") if op.may_have_worked()}
    if field.args.keep or (rules and not field.args.expect):
        checks.note(f"the history: {shutil.copy(path, '/tmp/bookfs-lock-history')}")


def spread(values):
    ordered = sorted(values)
    return f"median {statistics.median(ordered):.1f} ms, worst {ordered[-1]:.1f} ms"


def deaths(field, count, checks):
    """How long a dead holder is in the way, in milliseconds."""
    times = collections.defaultdict(list)
    for what in ("free", "grant"):
        done = subprocess.run([field.args.client, "deaths", field.folder, str(count), what], stdout=subprocess.PIPE,
                              text=True, timeout=300, check=False, start_new_session=True)
        if not checks.ok(f"{count} holders were killed ({what})", done.returncode == 0):
            return
        for line in done.stdout.splitlines():
            held, m, *took = map(int, line.split())
            if what == "grant":
                times["granted", held == m].append(took[0] / 1000)
            for i, us in enumerate(took if what == "free" else []):
                times["free", held == i].append(us / 1000)
    for (what, same), values in sorted(times.items(), reverse=True):
        limit = FREE_MS if what == "free" else 2 * FREE_MS
        checks.note(f"after the kill, {what} in {'the same' if same else 'the other'} mount: {spread(values)} "
                    f"({len(values)} kills, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors)")
        checks.ok(f"{what} within {limit} ms in {'the same' if same else 'the other'} mount",
                  statistics.median(values) < limit, spread(values))


def left(field):
    """What is held, as text, but for what was handed to somebody who had just died: that hangs on no process and is
    held for its ttl, as it must be."""
    texts = []
    for name in os.listdir(field.mounts[0].path("locks")):
        try:
            with open(field.mounts[0].path("locks", name), encoding="utf-8") as f:
                text = f.read()
        except FileNotFoundError:
            continue
        fields = dict(line.split(": ", 1) for line in text.splitlines())
        if "pid" in fields or (name, fields["instance"]) not in field.given:
            texts.append(text)
    return texts


def run(args, checks):
    checker = load(args.checker)
    args.client = os.path.abspath(args.client)
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)     # PR_SET_CHILD_SUBREAPER: orphans are ours to wait for
    count = args.operations or (110000 if args.full else 5000)
    field = Field(args)
    took = time.monotonic()
    field.drill()
    took = time.monotonic() - took
    if not args.expect:
        took, made, codes = field.act(count, 600 if args.full else 12)
        checks.ok("all agents ended well", not any(codes), codes)
        if args.full:
            checks.ok(f"{count} operations", made >= count, made)
    judge(field, checker, took, checks)
    if not args.expect:
        deaths(field, 100 if args.full else 16, checks)
        checks.ok("nothing is held when all are gone", rig.wait_for(lambda: not left(field), 5), left(field))
    checks.ok("the mounts end well", not any(field.close()))


if __name__ == "__main__":
    parser = rig.arguments(__doc__, quick_seconds=100, full_seconds=1500)
    parser.add_argument("--client", required=True)
    parser.add_argument("--checker", required=True)
    parser.add_argument("--operations", type=int)
    parser.add_argument("--patience", type=int, default=1000, metavar="MS")
    parser.add_argument("--expect", metavar="RULE")
    parser.add_argument("--keep", action="store_true")
    rig.main(parser, run)
