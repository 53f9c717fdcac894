# shellcheck shell=bash disable=SC2034
# Debian packages by what they are for, and how to get the missing ones. Sourced by demo.sh,
# test.sh and .ci/run (bash).

build_packages="gcc libc6-dev make libfcgi-dev libyaml-dev libb64-dev libjansson-dev libcdb-dev libmd-dev
    libqrencode-dev libseccomp-dev libcurl4-openssl-dev libnghttp2-dev libssl-dev"
demo_packages="nginx curl"
test_packages="nginx curl lighttpd lighttpd-modules-lua spawn-fcgi multiwatch apache2
    libapache2-mod-fcgid libcmocka-dev
    python3 python3-yaml git jq procps openssl v2ray"
# With these the browser tests need npm, and tests/browser to be run once.
browser_packages="chromium zbar-tools fonts-dejavu-core"
# With these the tests of real clients need root and, once, Go and tests/clients.
client_packages="iproute2 openssl"
lint_packages="clang clang-format clang-tidy libclang-rt-14-dev cppcheck mandoc pyflakes3 shellcheck valgrind"

# need PACKAGE…: installs those that are missing; without any missing it needs no root.
need() {
    local missing="" package sudo=""
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        echo "This is no Debian. Install what these Debian packages hold, then run 'make check':" >&2
        echo "  $*" | tr -s ' \n' ' ' >&2
        echo >&2
        exit 2
    fi
    for package in "$@"; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            missing="$missing $package"
        fi
    done
    [ -n "$missing" ] || return 0
    echo "Installing:$missing" >&2
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
            echo "Not root, and there is no sudo. As root: apt-get install$missing" >&2
            exit 2
        }
        sudo=sudo
    fi
    # A web server that is installed for a trial shall not start serving this machine.
    local policy=""
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        policy=yes
        printf '#!/bin/sh\nexit 101\n' | $sudo tee /usr/sbin/policy-rc.d >/dev/null
        $sudo chmod 755 /usr/sbin/policy-rc.d
    fi
    local status=0 get="apt-get -qq -o Acquire::Retries=3"
    # shellcheck disable=SC2086 # one word per package
    { $sudo $get update &&
        $sudo env DEBIAN_FRONTEND=noninteractive $get -y --no-install-recommends \
            install $missing; } >&2 </dev/null || status=$?
    if [ -n "$policy" ]; then
        $sudo rm -f /usr/sbin/policy-rc.d
    fi
    if [ "$status" -ne 0 ]; then
        echo "apt-get could not install:$missing" >&2
        exit 2
    fi
}
