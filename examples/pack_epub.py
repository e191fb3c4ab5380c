#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Packs a folder into an EPUB (OCF 3.3): pack_epub.py FOLDER OUT.epub [OUT.d]

The same folder gives the same bytes on every run: members sorted, one date, one mode. OUT.d, if
asked for, lists what went in, so that the build packs again when a chapter changes.
"""
import os
import sys
import zipfile

# The specification wants this member first and not compressed, so that file(1) can name the format.
FIRST = "mimetype"
# The earliest date a ZIP archive can hold.
DATE = (1980, 1, 1, 0, 0, 0)
MODE = 0o100644


def members(folder):
    """Paths of all regular files below folder, relative to it, FIRST leading."""
    found = []
    for where, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        # Neither an editor's hidden files nor its backups belong to the book.
        found += [os.path.join(where, name) for name in files if name[0] != "." and name[-1] != "~"]
    names = (os.path.relpath(path, folder).replace(os.sep, "/") for path in found)
    return sorted(names, key=lambda name: (name != FIRST, name))


def pack(folder, out):
    names = members(folder)
    if not names or names[0] != FIRST:
        sys.exit(f"{folder}: no {FIRST} in it, so it is no EPUB")
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            info = zipfile.ZipInfo(name, DATE)
            info.create_system = 3  # Unix, wherever it is packed
            info.external_attr = MODE << 16
            info.compress_type = zipfile.ZIP_STORED if name == FIRST else zipfile.ZIP_DEFLATED
            with open(os.path.join(folder, name), "rb") as member:
                archive.writestr(info, member.read(), compresslevel=9)
    return names


def write_depfile(path, target, folder, names):
    """In make's syntax, where a space and a # in a name are escaped and a $ is doubled."""
    def escape(name):
        return name.replace("\\", "\\\\").replace(" ", "\\ ").replace("#", "\\#").replace("$", "$$")

    folders = {os.path.dirname(os.path.join(folder, name)) for name in names}
    inputs = [os.path.join(folder, name) for name in names] + sorted(folders)
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"{escape(target)}: {' '.join(escape(name) for name in inputs)}\n")


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__.splitlines()[0])
    folder, out = sys.argv[1:3]
    names = pack(folder, out)
    if len(sys.argv) == 4:
        write_depfile(sys.argv[3], out, folder, names)


if __name__ == "__main__":
    main()
