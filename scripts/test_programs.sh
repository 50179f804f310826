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
if command -v apt-get >/dev/null 2>&1 && $as_root true 2>/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  # a list of packages
    if $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends $packages >/dev/null
    then
        exit 0
    fi
fi
echo "Not here, and can't be installed:$packages. Tests that need them will be skipped." >&2
