#!/bin/sh
# Sees to it that the tests have the programs that pip cannot install; says so in one line where that can't be done.
set -eu

packages=""
# need PACKAGE PROGRAM...: the package, unless one of the programs is there.
need() {
    package=$1
    shift
    for program in "$@"; do
        if command -v "$program" >/dev/null 2>&1 || [ -x "/usr/sbin/$program" ]; then
            return
        fi
    done
    packages="$packages $package"
}
need "chromium fonts-liberation" chromium chromium-browser google-chrome
need nginx-light nginx
need openssl openssl
need gettext-base envsubst
need systemd systemd-analyze
need prometheus promtool

if [ -z "$packages" ]; then
    exit 0
fi
as_root=""
if [ "$(id -u)" != 0 ]; then
    as_root="sudo -n"
fi
missing=$packages
if command -v apt-get >/dev/null 2>&1 && $as_root true 2>/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    missing=""
    $as_root apt-get update -qq || true  # what the lists of before can bring is still installed
    for package in $packages; do  # one by one: the others come where one cannot
        $as_root apt-get install -y -qq --no-install-recommends "$package" >/dev/null || missing="$missing $package"
    done
fi
if [ -n "$missing" ]; then
    echo "Not here, and can't be installed:$missing. Tests that need them will be skipped." >&2
fi
