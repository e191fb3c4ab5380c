#!/bin/sh
# SPDX-License-Identifier: MIT
# The manual page is well formed and names every option of the mount and every command: test_manual.sh FS-FOLDER
set -eu

page=$1/bookfs.1
status=0
fail() {
	echo "failed: $*"
	status=1
}

if command -v mandoc >/dev/null; then
	# Which other manual pages are installed here is no matter.
	if mandoc -Tlint "$page" 2>&1 | grep -v 'outdated mandoc.db\|referenced manual not found'; then
		fail "$page is not clean"
	fi
fi

# A key is a setting and no option.
options=$(sed -n '/SETTING_SECRET/d; s/^\t{"\([a-z_]*\)", SETTING_.*/\1/p' "$1/settings.c")
[ -n "$options" ] || fail "no options found in settings.c"
for option in $options; do
	grep -q "^\.It \(.* \)\?Cm $option\( \|$\)" "$page" || fail "the option $option is not explained"
done

commands=$(sed -n '/^const struct command /,/^};/s/^\t\.name = "\([a-z]*\)",$/\1/p' "$1"/*.c)
[ -n "$commands" ] || fail "no commands found"
for name in $commands; do
	grep -q "^\.It .*Cm $name\( \|$\)" "$page" || fail "the command $name is not explained"
done
exit $status
