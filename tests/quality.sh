#!/bin/sh
# SPDX-License-Identifier: MIT
# How good the built-in analyst and painter are, in figures. Usage: tests/quality.sh [-v] [-p PART] [BUILD [BOOK.epub NAMES.json]...]
#   -v      says under each line what is not as it should be
#   -p      measures a part only: choice talk spread passages cast names sources cards pairs lettering speed builds
#   BUILD   a build folder, build-test without; the programs are built in it first
# BOOKFS_CORPUS=DIR adds the novels in DIR/books. Further books are measured by lists like those in tests/quality/names.
# Ends with 1 when something is below what is wanted.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
options=
while getopts vp: option; do
	case $option in
	v) options="$options -v" ;;
	p) options="$options --part $OPTARG" ;;
	*)
		echo "usage: tests/quality.sh [-v] [-p PART] [BUILD [BOOK.epub NAMES.json]...]" >&2
		exit 2
		;;
	esac
done
shift $((OPTIND - 1))
build=${1:-$root/build-test}
[ $# -eq 0 ] || shift
[ -f "$build/build.ninja" ] || meson setup "$build" "$root" >&2
build=$(cd "$build" && pwd)
ninja -C "$build" tests/quality/quality_read tests/quality/quality_paint tests/quality/quality_pixels \
	tests/quality/quality_textless.so tests/source/book_dump core/providers/bookfs-painter examples/gannet-stair.epub >&2
# shellcheck disable=SC2086  # a list of words
exec python3 "$root/tests/quality/quality.py" $options "$build" "$@"
