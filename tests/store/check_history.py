#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Judges a recorded history of locks: could a table that excludes, queues and fences have given these answers?

Usage: check_history.py FILE [--patience MS]
       check_history.py --record PROGRAM MS SEED [--expect RULE]
                                                   runs `PROGRAM FILE MS SEED` first

The history is a text, a line a record, fields divided by blanks, times in microseconds of one monotonic clock. Records of
several processes may stand in any order, those of one operation in theirs. OP is any word that is unique, WHO a holder of
locks (an instance id); RESOURCES and TOKENS are joined by '+', in the same order, token 0: not held.

    I OP WHO TIME KIND RESOURCES [TOKENS] [via=MOUNT] [to=WHO]
                                            WHO begins it. KIND: take (at once or not at all), wait (in the queue),
                                            release, break; unlock, close (of a descriptor: what they answer says
                                            nothing, and a close has its effect when the kernel has time); give (what
                                            was held becomes that of `to`); see (is it held?). For all after wait
                                            TOKENS are those of the locks meant. via: it is held through a descriptor
                                            in that mount
    Q OP TIME                               a wait that is in the queue for sure from now on (may be missing)
    C OP TIME                               WHO is about to give this wait up
    R OP TIME RESULT [TOKENS]               its answer: OK or the errno's name; of a take or wait what is held now, of a
                                            give its new token, of a see what was shown. LOST: the mount died under it,
                                            and nothing is held by name. IN_USE: of a release or give, refused as a file
                                            that WHO has open, or closed lately, has it too; it is WHO's still
    K WHO TIME TIME                         WHO, a holder or a mount, was killed, or ended, between these two times

An operation without R was under way when its process or mount was killed: it may have had its effect or not, and its
lock, if it took one, a token that nobody knows, until what it hung on was found dead (within the patience). Nor does
a process know in which moment a call took effect: all is judged by what holds for any moment between call and answer.
The rules:

    mutual exclusion    two hold one resource at once
    token order         a later lock's token is not higher, or a token is used twice
    order of arrival    one who came later was served before one who waited
    lost wake-up        one waits on though all it wants has been free for longer than the patience
    lost lock           a lock is gone that nobody released or broke; or one is refused though nobody can have it
    ghost lock          one is shown that was given back or broken, or whose holder is dead
    stale release       a lock that was broken before is released successfully
    partial set         a set was granted and part of it is not held
"""
import argparse
import bisect
import os
import subprocess
import sys
import tempfile

EVER = 1 << 62


class Operation:
    def __init__(self, fields):
        self.id, self.who, begun, self.kind = fields[1], fields[2], int(fields[3]), fields[4]
        self.resources = fields[5].split("+")
        more = dict(f.split("=") for f in fields[6:] if "=" in f)
        self.meant = [int(t) for f in fields[6:7] if "=" not in f for t in f.split("+")]
        self.via, self.to = more.get("via"), more.get("to")
        self.begun, self.queued, self.gave_up, self.ended = begun, None, None, EVER
        self.result, self.tokens = None, []

    def may_have_worked(self):
        return self.result in ("OK", None)

    def is_unknown(self):
        return self.result in ("LOST", None)

    def __str__(self):
        return f"{self.id} ({self.kind} {'+'.join(self.resources)}: {self.result})"


class Hold:
    """From `sure` to `sure_end` somebody has it for certain; outside `begun` to `end` for certain not."""

    def __init__(self, op, resource, token):
        self.op, self.who, self.resource, self.token = op, op.to or op.who, resource, token
        self.begun, self.sure, self.sure_end, self.end = op.begun, op.ended, EVER, EVER

    def __str__(self):
        return f"{self.op} token {self.token}"


class Intervals:
    """The union of intervals, to be asked what it covers."""

    def __init__(self, pairs):
        self.starts, self.ends = [], []
        for start, end in sorted(pairs):
            if self.ends and start <= self.ends[-1]:
                self.ends[-1] = max(self.ends[-1], end)
            else:
                self.starts.append(start)
                self.ends.append(end)

    def meets(self, start, end):
        i = bisect.bisect_right(self.starts, end) - 1
        return i >= 0 and self.ends[i] >= start

    def covers(self, start, end):
        i = bisect.bisect_right(self.starts, start) - 1
        return i >= 0 and self.ends[i] >= end

    def longest_gap(self, start, end):
        at, longest = start, 0
        for first, last in zip(self.starts, self.ends):
            if last >= at and first <= end:
                longest = max(longest, first - at)
                at = max(at, last)
        return max(longest, end - at)


class History:
    def __init__(self, path, patience_us):
        self.patience = patience_us
        self.operations, self.killed, self.faults = {}, {}, []
        with open(path, encoding="ascii") as lines:
            for number, line in enumerate(lines, 1):
                self.read(line.split(), number)
        self.find_holds()
        self.find_left()
        self.find_untold()

    def read(self, f, number):
        try:
            if f[0] == "I":
                self.operations[f[1]] = Operation(f)
            elif f[0] == "K":
                self.killed[f[1]] = (int(f[2]), int(f[3]))
            elif f[0] == "Q":
                self.operations[f[1]].queued = int(f[2])
            elif f[0] == "C":
                self.operations[f[1]].gave_up = int(f[2])
            else:
                op = self.operations[f[1]]
                op.ended, op.result = int(f[2]), f[3]
                op.tokens = [int(t) for t in f[4].split("+")] if len(f) > 4 else []
        except (IndexError, KeyError, ValueError) as e:
            sys.exit(f"line {number}: no record: {' '.join(f)} ({e!r})")

    def fault(self, rule, text):
        self.faults.append((rule, text))

    def of_kind(self, *kinds):
        return [op for op in self.operations.values() if op.kind in kinds]

    # ---- who had what when

    def find_holds(self):
        self.holds = [
            Hold(op, r, t)
            for op in self.of_kind("take", "wait", "give")
            if op.result == "OK"
            for r, t in zip(op.resources, op.tokens)
            if t
        ]
        self.by_lock = {}       # one that is renewed is taken more than once
        for h in self.holds:
            self.by_lock.setdefault((h.resource, h.token), []).append(h)
        self.begin_unknown()
        for op in self.of_kind("release", "break", "unlock", "close", "give"):
            for lock in zip(op.resources, op.meant):
                for h in self.by_lock.get(lock, []):
                    self.end_hold(h, op)
        for h in self.holds:
            for name in (h.who, h.op.via):
                if name in self.killed:
                    h.sure_end = min(h.sure_end, self.killed[name][0])
                    # What is handed to somebody who is dead already may have no process whose death could free it.
                    if not h.op.to or self.killed[name][0] > h.op.ended:
                        h.end = min(h.end, self.killed[name][1] + self.patience)

    def begin_unknown(self):
        """What was granted as its mount died has no answer: a renewal may be the first to tell its token."""
        by_holder = {}
        for h in self.holds:
            by_holder.setdefault((h.who, h.resource), []).append(h)
        for op in self.of_kind("take", "wait"):
            for r in op.resources if op.is_unknown() else []:
                for h in by_holder.get((op.who, r), []):
                    if op.begun < h.begun <= self.last_of(op):
                        h.begun = op.begun

    def end_hold(self, h, op):
        if op.may_have_worked():
            h.sure_end = min(h.sure_end, op.begun)
            h.end = min(h.end, op.ended + (self.patience if op.kind == "close" else 0))
        elif op.kind == "release" and op.result != "IN_USE":
            h.end = min(h.end, op.ended)    # it was refused, so he has it no more

    def last_of(self, op):
        """Until when it may have been under way, or have had an effect nobody has seen."""
        late = self.patience if op.result == "LOST" else 0
        killed = self.killed.get(op.who)
        return op.ended + late if op.ended < EVER or not killed else killed[1] + self.patience

    def leaves(self, op):
        """When a wait begins to end that was not granted."""
        killed = [self.killed[name][0] for name in (op.who, op.via) if name in self.killed]
        return min([op.gave_up or EVER, op.ended] + killed)

    def find_left(self):
        """By (who, resource), in which times he may have it through a file although he does not think so."""
        self.left = {}
        for op in self.operations.values():
            times = []
            if op.kind == "close" or op.result == "LOST":
                times.append((op.begun, op.ended + self.patience))
            if op.via in self.killed:
                times.append((op.begun, self.killed[op.via][1] + self.patience))
            for r in op.resources if times else []:
                self.left.setdefault((op.who, r), []).extend(times)

    def find_untold(self):
        """By resource, the breaks of a lock that nobody knew to be his: it may have been granted to one who waits."""
        self.untold = {}
        for op in self.of_kind("break"):
            for r, token in zip(op.resources, op.meant):
                if op.may_have_worked() and (r, token) not in self.by_lock:
                    self.untold.setdefault(r, []).append(op)

    def stands_in(self, op, resource):
        """Until when at least a wait that was not granted, as far as its process knows, kept others behind it."""
        broken = [b.begun for b in self.untold.get(resource, []) if b.ended > op.begun]
        return min([self.leaves(op)] + broken)

    def may_have_left(self, who, resource, start, end):
        return any(a <= end and b >= start for a, b in self.left.get((who, resource), []))

    def resources(self):
        return sorted({r for op in self.operations.values() for r in op.resources})

    # ---- rules

    def check(self):
        for resource in self.resources():
            holds = [h for h in self.holds if h.resource == resource]
            self.check_exclusion(resource, holds)
            self.check_tokens(resource, holds)
            self.check_arrival(resource, holds)
        self.check_twice()
        self.check_refusals()
        self.check_wakeups()
        self.check_releases()
        self.check_sets()
        self.check_sights()

    def check_exclusion(self, resource, holds):
        last = None
        # One that was broken before its answer came was at no moment certain.
        for h in sorted((h for h in holds if h.sure < h.sure_end), key=lambda h: h.sure):
            if last and h.sure < last.sure_end and (h.who, h.token) != (last.who, last.token):
                self.fault("mutual exclusion", f"{resource}: {last} and {h}")
            if not last or h.sure_end > last.sure_end:
                last = h

    def check_tokens(self, resource, holds):
        ended = sorted(holds, key=lambda h: h.sure)
        highest, i = None, 0
        for h in sorted(holds, key=lambda h: h.begun):
            while i < len(ended) and ended[i].sure < h.begun:
                if not highest or ended[i].token > highest.token:
                    highest = ended[i]
                i += 1
            if highest and h.token <= highest.token and (h.who, h.token) != (highest.who, highest.token):
                self.fault("token order", f"{resource}: {highest}, and later {h}")

    def check_twice(self):
        seen = {}
        for h in self.holds:
            other = seen.setdefault(h.token, h)
            if (other.resource, other.who) != (h.resource, h.who):
                self.fault("token order", f"one token twice: {other} and {h}")

    def check_arrival(self, resource, holds):
        """The grant's order is that of the tokens; who never came to know of a grant waited at least until he began to
        leave, or somebody to break what may have been his."""
        waits = sorted(
            (op for op in self.of_kind("wait") if op.queued is not None and resource in op.resources),
            key=lambda op: op.queued,
        )
        tokens = {h.op.id: h.token for h in holds}
        i, latest_grant, latest_leave, latest_end = 0, None, None, 0
        first = {}      # who renews what he has passes nobody, and what is handed on was never free
        for h in sorted(holds, key=lambda h: h.begun):
            if first.setdefault(h.token, h) is not h or h.op.kind == "give":
                continue
            while i < len(waits) and waits[i].queued < h.begun:
                op, i = waits[i], i + 1
                if op.id in tokens:
                    if not latest_grant or tokens[op.id] > tokens[latest_grant.id]:
                        latest_grant = op
                elif op.result != "OK" and self.stands_in(op, resource) > latest_end:
                    latest_leave, latest_end = op, self.stands_in(op, resource)
            if self.may_have_left(h.who, resource, h.begun, h.begun):
                continue    # a renewal, too
            if latest_grant and tokens[latest_grant.id] > h.token:
                self.fault("order of arrival", f"{resource}: {h} passed {latest_grant}")
            if h.sure < latest_end:
                self.fault("order of arrival", f"{resource}: {h} passed {latest_leave}")

    def possible(self):
        """By resource, the times in which somebody may have it: (from, to, operation)."""
        times = {r: [] for r in self.resources()}
        for h in self.holds:
            times[h.resource].append((h.begun, h.end, h.op))
        for op in self.of_kind("take", "wait"):
            if op.is_unknown() or (op.kind == "wait" and op.result != "OK"):
                # A wait that was granted and did not come to know it: that must have been at its end.
                late = self.leaves(op) - self.patience if op.kind == "wait" else 0
                for r in op.resources:
                    times[r].append((max(op.begun, late), self.last_of(op), op))
            for r, token in zip(op.resources, op.tokens if op.result == "OK" else []):
                if not token:       # broken before WHO saw what it was
                    times[r].append((op.begun, op.ended, op))
        for op in self.of_kind("give"):
            if op.result is None or op.tokens == [0]:
                times[op.resources[0]].append((op.begun, EVER, op))
        return times

    def waiting(self):
        times = {r: [] for r in self.resources()}
        for op in self.of_kind("wait"):
            for r in op.resources:
                times[r].append((op.begun, self.last_of(op), op))
        return times

    def check_refusals(self):
        possible, waiting = self.possible(), self.waiting()
        busy = {r: Intervals([t[:2] for t in possible[r] + waiting[r]]) for r in possible}
        for op in self.of_kind("take"):
            if op.result == "EBUSY" and not any(busy[r].meets(op.begun, op.ended) for r in op.resources):
                self.fault("lost lock", f"{op} was refused, and nobody can have had it")

    def check_wakeups(self):
        possible, waiting = self.possible(), self.waiting()
        for op in self.of_kind("wait"):
            # Who was granted it and came to know late may have been kept from running.
            end, patience = (op.ended, 10 * self.patience) if op.result == "OK" else (self.leaves(op), self.patience)
            if op.queued is None or end >= EVER or end - op.queued <= patience:
                continue
            reasons = []
            for r in op.resources:
                reasons += [t[:2] for t in possible[r] if t[0] < end and t[1] > op.queued and t[2] is not op]
                reasons += [t[:2] for t in waiting[r] if t[0] < op.queued < t[1] and t[2] is not op]
            gap = Intervals(reasons).longest_gap(op.queued, end)
            if gap > patience:
                self.fault("lost wake-up", f"{op} waited on for {gap // 1000} ms with nothing in its way")

    def check_releases(self):
        broken, unknown = {}, set()
        for op in self.of_kind("break"):
            if op.may_have_worked():
                for lock in zip(op.resources, op.meant):
                    broken.setdefault(lock, []).append(op)
        for op in self.of_kind("release"):
            if op.is_unknown():
                unknown.update(zip(op.resources, op.meant))
        for op in self.of_kind("release", "give"):
            for lock in zip(op.resources, op.meant):
                breaks = broken.get(lock, [])
                if op.result == "OK" and any(b.result == "OK" and b.ended < op.begun for b in breaks):
                    self.fault("stale release", f"{op} after {breaks[0]}")
                if op.may_have_worked() or lock in unknown or any(b.begun < op.ended for b in breaks):
                    continue
                if op.result == "IN_USE" and self.may_have_left(op.who, lock[0], op.begun, op.ended):
                    continue
                self.fault("lost lock", f"{op}: nobody took it away")

    def check_sets(self):
        breaks = {}
        for op in self.of_kind("break"):
            for r in op.resources:
                breaks.setdefault(r, []).append(op)
        for op in self.of_kind("take", "wait"):
            if op.result != "OK" or self.killed.get(op.via, (EVER, EVER))[0] < op.ended:
                continue
            for r, token in zip(op.resources, op.tokens):
                if not token and not any(b.begun < op.ended and b.ended > op.begun for b in breaks.get(r, [])):
                    self.fault("partial set", f"{op}: {r} is not held")

    def check_sights(self):
        sure = {r: [] for r in self.resources()}
        for h in self.holds:
            if h.sure < h.sure_end:
                sure[h.resource].append((h.sure, h.sure_end))
        sure = {r: Intervals(pairs) for r, pairs in sure.items()}
        unknown = {
            r: Intervals([t[:2] for t in times if not t[2].tokens or 0 in t[2].tokens])
            for r, times in self.possible().items()
        }
        for op in self.of_kind("see"):
            if op.result != "OK":
                continue
            resource, token = op.resources[0], op.tokens[0]
            holds = self.by_lock.get((resource, token), [])
            if token == 0 and sure[resource].covers(op.begun, op.ended):
                self.fault("lost lock", f"{op}: {resource} is not there, though somebody has it")
            if (
                token
                and not any(h.begun <= op.ended and h.end >= op.begun for h in holds)
                and (holds or not unknown[resource].meets(op.begun, op.ended))
            ):
                self.fault("ghost lock", f"{op}: {resource} {token} is shown, though it is nobody's")


def record(program, ms, seed):
    path = os.path.join(tempfile.mkdtemp(prefix="bookfs-history-"), "history")
    result = subprocess.run([program, path, ms, seed], check=False)
    if result.returncode != 0:
        sys.exit(f"{program}: exit {result.returncode}; the history is {path}")
    return path


def judge(path, patience_ms, expect):
    history = History(path, patience_ms * 1000)
    history.check()
    rules = {}
    for rule, text in history.faults:
        rules.setdefault(rule, []).append(text)
    for rule, texts in sorted(rules.items()):
        print(f"{rule}: {len(texts)}, such as {texts[0]}")
    granted = len({h.op.id for h in history.holds})
    waited = len([op for op in history.of_kind("wait") if op.queued is not None])
    print(
        f"{len(history.operations)} operations, {granted} granted, {waited} waited, {len(history.killed)} killed, "
        f"{len(history.faults)} faults"
    )
    if expect:
        return expect not in rules
    if granted < 100 or waited < 10:
        sys.exit("too little happened to say anything")
    return bool(rules)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file", nargs="?")
    parser.add_argument("--record", nargs=3, metavar=("PROGRAM", "MS", "SEED"))
    parser.add_argument("--patience", type=int, default=1000, metavar="MS")
    parser.add_argument("--expect", metavar="RULE")
    arguments = parser.parse_args()
    if arguments.record:
        arguments.file = record(*arguments.record)
    bad = judge(arguments.file, arguments.patience, arguments.expect)
    if arguments.record and not bad:
        os.remove(arguments.file)
        os.rmdir(os.path.dirname(arguments.file))
    elif bad:
        print(f"the history: {arguments.file}")
    sys.exit(bad)


if __name__ == "__main__":
    main()
