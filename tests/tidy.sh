#!/bin/bash
# SPDX-License-Identifier: MIT
# clang-tidy over the product's sources. Usage: tests/tidy.sh BUILD-FOLDER (configured with clang)
set -euo pipefail
cd "$(dirname "$0")/.."
# The last line is the verdict: what was found stands far above it, among all that was looked at.
trap '[ $? = 0 ] && echo "clang-tidy: nothing found" || echo "clang-tidy: FAILED, see each \"error:\" above"' EXIT
find core fs -name '*.c' | sort | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p "$1" 2>&1 |
	sed '/^[0-9]* warnings\{0,1\} generated\.$/d'
