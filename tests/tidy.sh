#!/bin/sh
# SPDX-License-Identifier: MIT
# clang-tidy over the product's sources. Usage: tests/tidy.sh BUILD-FOLDER (configured with clang)
set -eu
cd "$(dirname "$0")/.."
find core fs -name '*.c' | sort | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p "$1"
