#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds the seams that the compiler cannot: which folder may include what, and how large a file may grow.

A layer's own headers are its own: others see only the header that has the folder's name. A system header has one home.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LAYERS = ["base", "source", "story", "store", "providers", "jobs", "views"]
# What a layer may include of the others, besides its own files.
SEES = {
    "base": [],
    "source": ["base"],
    "story": ["base"],
    "store": ["base", "source", "story"],
    "providers": ["base", "source", "story"],
    "jobs": ["base", "source", "story", "store", "providers"],
    "views": ["base", "source", "story", "store"],
    "fs": LAYERS,
}
# A system header's one home; others must not even include it.
HOMES = {
    r"zip(conf)?\.h": ["source"],
    r"libdeflate\.h": ["source", "providers"],
    r"libxml/.*": ["source"],
    r"sqlite3(ext)?\.h": ["store"],
    r"curl/.*": ["providers"],
    r"(cairo|pango|fontconfig).*": ["providers"],
    r"nettle/.*": ["base"],
    r"fuse.*": ["fs"],
    r"ini\.h": ["fs"],
    # fs: `bookfs status DIR` is a client that reads a mount's status.json.
    r"cjson/.*": ["source", "story", "providers", "views", "fs"],
}
MOST_LINES = 800


def folder_of(path):
    parts = os.path.relpath(path, ROOT).split(os.sep)
    return parts[1] if parts[0] == "core" else parts[0]


def sources():
    for top in ["core", "fs"]:
        for folder, _, names in os.walk(os.path.join(ROOT, top)):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    yield os.path.join(folder, name)


def faults(path, headers):
    here = folder_of(path)
    lines = open(path, encoding="utf-8").read().split("\n")
    if len(lines) - 1 > MOST_LINES:
        yield len(lines) - 1, f"{len(lines) - 1} lines, more than {MOST_LINES}"
    for number, line in enumerate(lines, 1):
        local = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        system = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
        if local:
            name = local.group(1)
            if "../" in name:
                yield number, f'include of "{name}": no way up'
            elif name not in headers[here]:
                layer = name[:-2]
                if layer not in LAYERS:
                    yield number, f'include of "{name}": a private header of another folder'
                elif layer not in SEES[here]:
                    yield number, f"{here} must not see {layer}"
        if system:
            for pattern, homes in HOMES.items():
                if re.fullmatch(pattern, system.group(1)) and here not in homes:
                    yield number, f"<{system.group(1)}> belongs to {', '.join(homes)}"


def main():
    files = list(sources())
    headers = {layer: set() for layer in SEES}
    for path in files:
        if path.endswith(".h"):
            headers[folder_of(path)].add(os.path.basename(path))
    count = 0
    for path in files:
        for number, text in faults(path, headers):
            print(f"{os.path.relpath(path, ROOT)}:{number}: {text}", file=sys.stderr)
            count += 1
    print(f"{len(files)} files, {count} faults")
    return 1 if count else 0


sys.exit(main())
