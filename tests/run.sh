#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds bookfs and runs all its tests, installing first what is missing. Usage: tests/run.sh [gcc|clang|asan|tsan|tidy]...
#   gcc          the whole suite as people build it (the default)
#   clang        the layers' tests by another compiler; mounts and whole runs are no other compiler's business
#   asan         the whole suite under the address and undefined-behaviour sanitizers
#   tsan         what has threads and mounts, under the thread sanitizer
#   tidy         clang-tidy
# BOOKFS_CORPUS=DIR adds the tests that read a folder of real and of hostile books.
#
# Tests wait more than they work. So while the tests of one variant run, a second process makes the next ones, in the time
# that nobody else wants, and says of each when it is done.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

# A variant's folder, its compiler and options, and which of the tests it runs.
describe() {
	dir=build-$1 compiler=gcc options='' tests=''
	case $1 in
	gcc) dir=build-test ;;
	clang)
		compiler=clang
		tests='--no-suite mount --no-suite system --no-suite model'
		;;
	# The sanitizers' instrumentation makes gcc warn of what is not so; gcc and clang above are the judges. Checks are put in
	# before the code is optimised: with little of that more accesses are seen, and it takes half as long to build.
	asan)
		options='-Db_sanitize=address,undefined -Dwerror=false -Doptimization=1 -Dc_args=-g1'
		tests='--timeout-multiplier 4'
		# The faults' shim is preloaded before the sanitizer's library.
		export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1:verify_asan_link_order=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
		;;
	tsan)
		options='-Db_sanitize=thread -Dwerror=false -Doptimization=1 -Dc_args=-g1'
		tests='--timeout-multiplier 6 --suite threads'
		export TSAN_OPTIONS="halt_on_error=1 suppressions=$root/tests/tsan.supp"
		;;
	tidy) dir=build-clang compiler=clang ;;
	*)
		echo "tests/run.sh: unknown variant '$1'; there are gcc, clang, asan, tsan, tidy" >&2
		exit 2
		;;
	esac
}

# shellcheck disable=SC2086  # options and tests are lists of words
configure() {
	if [ ! -f "$dir/build.ninja" ]; then
		CC=$compiler meson setup "$dir" $options
	elif [ -n "$options" ]; then
		meson configure "$dir" $options
	fi
}

# The compilers judge all of the code. Of a sanitizer's build only what its tests need is made: by a run of these in which
# each is a run of `true`.
# shellcheck disable=SC2086
build() {
	case $1 in
	gcc | clang) ninja -C "$dir" all meson-test-prereq ;;
	asan | tsan) meson test -C "$dir" --quiet --wrapper true $tests ;;
	tidy) tests/tidy.sh "$dir" ;;
	esac
}

make() { (describe "$1" && configure && build "$1"); }

# Each session has an equal share of the machine, whatever the priorities in it, unless it says less for itself too.
builder() {
	[ ! -w /proc/self/autogroup ] || echo 19 >/proc/self/autogroup
	chrt --idle --pid 0 $$
	for name; do
		status=0
		make "$name" >"build-$name.log" 2>&1 || status=$?
		echo "$status"
	done
}

if [ "${1-}" = --build ]; then
	shift
	builder "$@"
	exit
fi

[ $# != 0 ] || set -- gcc
for name; do
	(describe "$name")
done
contrib/setup.sh test

first=$1
shift
built=0
make "$first" || built=$?

place=$(mktemp -d)
mkfifo "$place/built"
setsid "$0" --build "$@" >"$place/built" &
builder=$!
trap 'kill -- "-$builder" 2>/dev/null || true; rm -r "$place"' EXIT
trap 'exit 130' INT TERM
exec 3<"$place/built"

# A failure must not hide the other variants' results: the totals decide at the end.
logs='' broken=''
for name in "$first" "$@"; do
	[ "$name" = "$first" ] || read -r built <&3 || built=ended
	describe "$name"
	if [ "$built" != 0 ]; then
		[ "$name" = "$first" ] || cat "build-$name.log"
		broken="$broken $name"
	elif [ "$name" != tidy ]; then
		echo "== $name is built ($(date +%T))"
		logs="$logs $dir/meson-logs/testlog.json"
		rm -f "$dir/meson-logs/testlog.json"
		# shellcheck disable=SC2086,SC2046
		meson test -C "$dir" --no-rebuild --print-errorlogs --num-processes $(($(nproc) + 1)) $tests || true
	fi
done

# shellcheck disable=SC2086  # the names of build folders have no spaces
BROKEN=$broken python3 - $logs <<'PYTHON'
import json
import os
import sys

passed = failed = skipped = 0
for path in sys.argv[1:]:
    for line in open(path, encoding="utf-8"):
        result = json.loads(line)["result"]
        if result in ("OK", "EXPECTEDFAIL"):
            passed += 1
        elif result == "SKIP":
            skipped += 1
        else:
            failed += 1
            print(f"failed: {json.loads(line)['name']} ({path.split('/')[0]})")
broken = os.environ["BROKEN"].split()
for name in broken:
    print(f"failed: the build of {name}" if name != "tidy" else "failed: clang-tidy")
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed or broken or (sys.argv[1:] and not passed) else 0)
PYTHON
