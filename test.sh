#!/usr/bin/env bash
# Installs what is missing (Debian), builds Signpost and runs every test.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=tests/packages.sh
. tests/packages.sh

# shellcheck disable=SC2086 # one word per package
need $build_packages $test_packages
exec make -s check JOBS=4
