#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs from Debian what bookfs needs and is not there yet. Usage: contrib/setup.sh build|test
#   build   what compiles and runs it
#   test    that, and what the tests, the benchmarks and .ci/run use
# On a terminal it says what is missing and asks; without one (CI) it says so and goes on.
set -eu

# The one list of packages. A reason stands where the name gives none.
build='
	gcc libc6-dev pkg-config meson ninja-build python3
	fuse3 libfuse3-dev
	libsqlite3-dev libzip-dev libdeflate-dev libxml2-dev libcjson-dev nettle-dev
	libcairo2-dev libpango1.0-dev libgdk-pixbuf-2.0-dev wordnet-base libcurl4-openssl-dev libinih-dev libcmark-dev
	fonts-dejavu-core fonts-ebgaramond'	# the letters on a picture card
test='
	clang clang-tidy clang-format libclang-rt-14-dev llvm
	git mandoc shellcheck strace procps psmisc inotify-tools
	squashfuse squashfs-tools fuse-zip archivemount linux-perf spin stress-ng
	jq rsync ripgrep nodejs vim ed less zip unzip file sqlite3 perl xxd
	bsdextrautils binutils bzip2 xz-utils zstd openssl curl
	fonts-droid-fallback locales'	# the everyday readers

case ${1-} in
build) packages=$build ;;
test) packages="$build $test" ;;
*)
	echo "usage: contrib/setup.sh build|test" >&2
	exit 2
	;;
esac

if ! command -v apt-get >/dev/null; then
	# shellcheck disable=SC2086  # a list of words
	echo "contrib/setup.sh: no apt-get here; install what these Debian packages hold:" $packages >&2
	exit 0
fi

missing=
for package in $packages; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
	[ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "contrib/setup.sh: as root, please: apt-get install$missing" >&2
		exit 1
	fi
	as_root=sudo
fi

echo "To be installed from Debian:$missing" >&2
if [ -t 0 ] && [ -t 2 ]; then
	printf 'Go on? [Y/n] ' >&2
	read -r answer || answer=n
	case $answer in
	'' | [Yy]*) ;;
	*)
		echo "Nothing was installed." >&2
		exit 1
		;;
	esac
else
	echo "There is no terminal to ask on: going on." >&2
fi

apt() {
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" >&2
}
apt update
# shellcheck disable=SC2086  # a list of words
apt install --no-install-recommends $missing
