#!/bin/sh
# SPDX-License-Identifier: MIT
# How good the built-in analyst and painter are, in figures. Usage: tests/quality.sh [-v] [BUILD [BOOK.epub NAMES.json]...]
#   -v      says under each line what is not as it should be
#   BUILD   a build folder, build-test without; the programs are built in it first
# BOOKFS_CORPUS=DIR adds the novels in DIR/books. Further books are measured by lists like those in tests/quality/names.
# Ends with 1 when something is below what is wanted.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
verbose=
if [ "${1-}" = -v ]; then
	verbose=-v
	shift
fi
build=${1:-$root/build-test}
[ $# -eq 0 ] || shift
[ -f "$build/build.ninja" ] || meson setup "$build" "$root" >&2
build=$(cd "$build" && pwd)
ninja -C "$build" tests/quality/quality_read tests/quality/quality_paint tests/quality/quality_pixels \
	tests/quality/quality_textless.so tests/source/book_dump core/providers/bookfs-painter examples/gannet-stair.epub >&2
exec python3 "$root/tests/quality/quality.py" $verbose "$build" "$@"
