#!/bin/bash
# SPDX-License-Identifier: MIT
# Every parser of untrusted bytes under libFuzzer. Usage: tests/fuzz.sh [SECONDS [TARGET...]] | tests/fuzz.sh coverage
#   SECONDS    each target's time, 300 by default, beginning from its corpus; two run at a time
#   TARGET     fuzz_LAYER_NAME, as in fuzz_source_epub; all by default
#   coverage   how many of the parsers' lines the corpora reach; exit 1 if a file has less than 80 %
# Inputs that reach something new go to build-fuzz/new, what was found to build-fuzz/found.
set -euo pipefail
cd "$(dirname "$0")/.."

# What reads the bytes of a book, an answer, a person, or a caller of the mount; the program with its targets' corpora.
parsers='
	source     core/source/*.c
	story      core/story/answer.c core/story/clean.c core/story/codec.c core/story/concept*.c core/story/doubt.c core/story/element_document.c core/story/findings*.c core/story/json.c core/story/quote.c core/story/style.c
	providers  core/providers/analyst*.c core/providers/painter_wire.c
	jobs       core/jobs/ctl.c
	views      core/views/names.c
	fs         fs/options.c fs/lock_words.c fs/lock_json.c fs/cover_rules.c'
least=80

configure() { # DIR C_ARGS LINK_ARGS OPTION...
	local dir=$1 c_args=$2 link_args=$3
	shift 3
	[ -f "$dir/build.ninja" ] ||
		CC=clang meson setup "$dir" -Dc_args="$c_args" -Dc_link_args="$link_args" "$@" >"$dir.log" ||
		{ cat "$dir.log" >&2 && exit 1; }
	rm -f "$dir.log"
}

build() { # DIR NINJA-TARGET...
	ninja -C "$@" >"$1/build.log" || { cat "$1/build.log" >&2 && exit 1; }
}

# build-fuzz/tests/LAYER/fuzz_LAYER_NAME, with tests/LAYER/corpus/NAME
run_one() { # PROGRAM SECONDS
	local target layer name log new code=0
	target=$(basename "$1")
	layer=$(basename "$(dirname "$1")")
	name=${target#"fuzz_${layer}_"}
	log=build-fuzz/found/$target.log
	new=build-fuzz/new/$target
	mkdir -p "$new" build-fuzz/found
	# What was freed is kept poisoned, but not so much of it that the limit is reached by that alone.
	ASAN_OPTIONS=quarantine_size_mb=64 "$1" -max_total_time="$2" -timeout=10 -rss_limit_mb=512 -print_final_stats=1 \
		-artifact_prefix="build-fuzz/found/$target-" "$new" "tests/$layer/corpus/$name" >"$log" 2>&1 || code=$?
	printf '%-30s %9s runs, %5s edges, %6s features, %s\n' "$target" \
		"$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
		"$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' "$log" | tail -1)" \
		"$(sed -n 's/.* ft: \([0-9]*\).*/\1/p' "$log" | tail -1)" \
		"$([ $code = 0 ] && echo nothing found || echo "FOUND: see $log")"
	return $code
}

fuzz() { # SECONDS TARGET...
	local seconds=$1 programs
	shift
	configure build-fuzz '-fsanitize=fuzzer-no-link -fno-sanitize-recover=all' '' \
		-Db_sanitize=address,undefined -Db_lundef=false
	build build-fuzz fuzzers
	programs=$(find build-fuzz/tests -type f -name 'fuzz_*' -executable | sort)
	[ $# = 0 ] || programs=$(for target; do
		grep "/$target\$" <<<"$programs" || { echo "tests/fuzz.sh: there is no target $target" >&2 && exit 2; }
	done)
	export -f run_one
	xargs -P 2 -I {} bash -c "run_one {} $seconds" <<<"$programs" || exit 1
}

# A line a file, and exit 1 if one has too few.
report() { # PROGRAM PROFILE FILE...
	local program=$1 profile=$2
	shift 2
	llvm-cov export -summary-only -instr-profile="$profile" "$program" | python3 -c '
import json, os, sys
least, wanted, low = float(sys.argv[1]), sys.argv[2:], 0
found = {os.path.relpath(f["filename"]): f["summary"]["lines"] for f in json.load(sys.stdin)["data"][0]["files"]}
for path in wanted:
    lines = found.get(path, {"count": 0, "percent": 0})
    low += lines["percent"] < least
    print("%-36s %4d lines, %3d %% by the corpora" % (path, lines["count"], lines["percent"]))
sys.exit(1 if low else 0)' "$least" "$@"
}

coverage() {
	local dir=build-coverage flags='-fprofile-instr-generate -fcoverage-mapping' layer files program folder code=0
	configure $dir "$flags" "$flags" --buildtype=debug
	rm -rf $dir/profile
	while read -r layer files; do
		program=tests/$layer/${layer}_fuzz
		build $dir "$program"
		for folder in "tests/$layer/corpus"/*; do
			LLVM_PROFILE_FILE=$PWD/$dir/profile/$layer/%p.raw "$dir/$program" "${folder##*/}" "$folder"
		done
		llvm-profdata merge -o "$dir/profile/$layer.all" "$dir/profile/$layer"/*.raw
		# shellcheck disable=SC2086  # patterns
		report "$dir/$program" "$dir/profile/$layer.all" $files || code=1
	done < <(sed '/^$/d' <<<"$parsers")
	return $code
}

if [ "${1-}" = coverage ]; then
	coverage
else
	fuzz "${@:-300}"
fi
