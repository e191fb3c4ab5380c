#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints the promises of the design with what they are here, beside the native file system, mount-zip,
# fuse-zip, squashfuse and archivemount (those that are on the PATH), and what `bookfs run` takes with a server beside
# the bound that its slots set, and a project's own files beside bindfs and fuse-overlayfs, all in one run of under 8
# minutes.
#
#     tests/bench.sh [--built] [--quick] [--apart] [arguments of bench/bench.py]
#
# BUILD names the build folder (build). --quick: a small book, one round; it shows that the benchmark works.
# --apart: on a busy machine, a processor for the file system and one for its reader.
# --built (first): the programs are there, do not call ninja. As root, caches are dropped before first reads.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-$here/../build}
tools="fs/bookfs tests/bench/measure tests/bench/nullfs tests/bench/model tests/bench/syncs.so tests/system/parked tests/fs/slowfs"

if [ "${1:-}" = --built ]; then
	shift
else
	[ -f "$build/build.ninja" ] || meson setup "$build" "$here/.." >&2
	# shellcheck disable=SC2086
	ninja -C "$build" $tools >&2
fi
exec python3 -B "$here/bench/bench.py" --program "$build/fs/bookfs" \
	--measure "$build/tests/bench/measure" --nullfs "$build/tests/bench/nullfs" \
	--model "$build/tests/bench/model" --syncs "$build/tests/bench/syncs.so" \
	--parked "$build/tests/system/parked" --slow "$build/tests/fs/slowfs" "$@"
