#!/bin/sh
# SPDX-License-Identifier: MIT
# The first minutes with bookfs: installs what is missing, builds, and shows a book as a directory.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build
bookfs=$build/fs/bookfs
book=$build/examples/gannet-stair.epub
mnt=

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }
die() {
	echo "tour.sh: $*" >&2
	exit 1
}

# Whatever happens, no mount stays behind. A folder that something is mounted on cannot be removed, dead or alive.
leave() {
	status=$?
	trap - EXIT INT TERM HUP
	exec 3<&-
	if [ -n "$mnt" ] && ! rmdir "$mnt" 2>/dev/null; then
		"$bookfs" umount "$mnt" || fusermount3 -u -z "$mnt" || status=1
		rmdir "$mnt" || status=1
	fi
	exit $status
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# What is to be seen is a line of shell; it is shown, and then it is done.
show() {
	printf '\n$ %s\n' "$1"
	sh -c "cd \"\$1\" && $1" sh "$mnt"
}

# Is all that was asked for made? Says what failed.
settled() {
	python3 - "$mnt/status.json" <<'PYTHON'
import json
import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
totals = json.load(open(sys.argv[1], encoding="utf-8"))["totals"]
count = lambda *states: sum(totals[kind].get(state, 0) for kind in ("chapters", "images") for state in states)
if count("failed"):
    print(f"tour.sh: {count('failed')} results failed; status.json says why", file=sys.stderr)
sys.exit(1 if count("pending", "in_progress") else 0)
PYTHON
}

say "1. What it needs, and the program itself"
"$root/contrib/setup.sh" build
[ -f "$build/build.ninja" ] || meson setup "$build" "$root"
ninja -C "$build"
[ -e /dev/fuse ] || die "there is no /dev/fuse here: load the kernel's fuse module, or give the container the device"

say "2. A book becomes a directory"
mnt=$(mktemp -d "${TMPDIR:-/tmp}/bookfs-tour.XXXXXX")
printf '\n$ bookfs %s %s\n' "$book" "$mnt"
"$bookfs" "$book" "$mnt"
show 'ls -F'
show 'ls by-title'
show 'head -n 5 by-title/*Across*/text.md'

say "3. Reading an analysis makes it"
if command -v jq >/dev/null; then
	show 'jq "{chapterTitle, status, concepts}" by-title/*Across*/concepts.json'
else
	show 'cat by-title/*Across*/concepts.json'
fi

say "4. The whole book, and its pictures"
# Opened before the work is asked for, so that no event is missed. A read waits for the next one.
exec 3<"$mnt/.bookfs/events"
show 'echo analyze all >.bookfs/ctl'
until settled; do
	timeout 120 dd bs=64k count=1 status=none <&3 >/dev/null || die "no news for two minutes, or the mount has ended"
done
show 'ls -v images'

say "5. Who and what is in it"
# The longest documents are of those who are seen most.
show 'ls -S elements/characters | head -n 8'
show 'ls -S elements/creatures elements/places elements/items'
# shellcheck disable=SC2016  # show's shell expands it
show 'head -n 12 elements/characters/"$(ls -S elements/characters | head -n 1)"'

farewell() {
	cat <<END

The pictures and analyses are kept in $book.bookfs: run this again, and nothing is made twice.
With a book of your own (EPUB, text, Markdown, HTML):

    $bookfs BOOK mnt
    cat mnt/chapters/9/concepts.json; ls mnt/images
    $bookfs umount mnt
END
}
exec 3<&-
"$bookfs" umount "$mnt"
farewell
