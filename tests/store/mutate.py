#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Copies a source file with one fault put in, for tests that must see it. Usage: mutate.py FAULT INPUT OUTPUT

Each fault replaces text that stands in its file exactly once; if the source has moved on, the build says so here.
"""
import sys

FAULTS = {
    # hand_over() does not ask again whether the set is free.
    "unchecked-grant": ("|| !can_have(l, &w.asker)", "|| (!can_have(l, &w.asker) && false)"),
    # A release is by name: whose lock it is by now does not matter.
    "release-by-name": ("if (more != 1 || row.k.token != k->token)", "if (more != 1)"),
    # Whoever has a resource has the same token as who had it before.
    "old-token": ("row.k.token = seq;", "row.k.token = seq - seq + 1000 + (resource + 100) % 100;"),
    # Who frees a resource does not look at its queue, nor does anybody later.
    "lost-wakeup": ("while (!l->failed && (first =", "while (l->failed && (first ="),
    # A commit of another's just after our own, which wrote nothing, is taken for ours.
    "late-moment": ("commits_of(&k->moment) == k->commits + k->wrote;", "commits_of(&k->moment) == k->commits + 1;"),
    # Only the first of a set is taken.
    "partial-set": ("for (size_t i = 0; i < a->set.len && result == 0; i++)\n\t\tresult = take_one(", "for (size_t i = 0; i < 1 && result == 0; i++)\n\t\tresult = take_one("),
}


def main():
    fault, source, target = sys.argv[1:]
    old, new = FAULTS[fault]
    text = open(source, encoding="utf-8").read()
    if text.count(old) != 1:
        sys.exit(f"{source}: the fault {fault} has no place any more: {text.count(old)} times: {old}")
    with open(target, "w", encoding="utf-8") as out:
        out.write(text.replace(old, new))


main()
