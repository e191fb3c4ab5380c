#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds bookfs and runs all its tests, installing first what is missing. Usage: tests/run.sh [gcc|clang|asan|tsan]...
#   gcc          the whole suite as people build it (the default)
#   clang        the layers' tests by another compiler; mounts and whole runs are no other compiler's business
#   asan         the whole suite under the address and undefined-behaviour sanitizers
#   tsan         what has threads and mounts, under the thread sanitizer
# BOOKFS_CORPUS=DIR adds the tests that read a folder of real and of hostile books.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
logs=

configure() { # DIR COMPILER OPTION...
	dir=$1
	compiler=$2
	shift 2
	if [ -f "$dir/build.ninja" ]; then
		meson configure "$dir" "$@"
	else
		CC=$compiler meson setup "$dir" "$@"
	fi
}

# Builds what its tests need. A failure must not hide the other variants' results: the totals decide at the end.
suite() { # DIR MESON-TEST-OPTION...
	dir=$1
	shift
	rm -f "$dir/meson-logs/testlog.json"
	meson test -C "$dir" --print-errorlogs "$@" || true
	logs="$logs $dir/meson-logs/testlog.json"
}

variant() {
	case $1 in
	gcc)
		configure build-test gcc --buildtype=debugoptimized
		ninja -C build-test
		suite build-test
		;;
	clang)
		configure build-clang clang --buildtype=debugoptimized
		ninja -C build-clang
		suite build-clang --no-suite mount --no-suite system --no-suite model
		;;
	# The sanitizers' instrumentation makes gcc warn of what is not so; gcc and clang above are the judges.
	asan)
		# The faults' shim is preloaded before the sanitizer's library.
		export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1:verify_asan_link_order=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
		configure build-asan gcc --buildtype=debugoptimized -Db_sanitize=address,undefined -Dwerror=false
		suite build-asan --timeout-multiplier 4
		;;
	tsan)
		export TSAN_OPTIONS="halt_on_error=1 suppressions=$root/tests/tsan.supp"
		configure build-tsan gcc --buildtype=debugoptimized -Db_sanitize=thread -Dwerror=false
		suite build-tsan --timeout-multiplier 6 --suite threads
		;;
	*)
		echo "tests/run.sh: unknown variant '$1'; there are gcc, clang, asan, tsan" >&2
		exit 2
		;;
	esac
}

contrib/setup.sh test
for name in "${@:-gcc}"; do
	variant "$name"
done

# shellcheck disable=SC2086  # the names of build folders have no spaces
python3 - $logs <<'PYTHON'
import json
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
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed or not passed else 0)
PYTHON
