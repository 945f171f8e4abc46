#!/bin/sh
# Makes .venv in the checkout, or brings it up to date with pyproject.toml: trackd itself, editable, and the dependency
# groups named as arguments.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

fail() {
    echo "error: $*" >&2
    exit 1
}

version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) ||
    fail "'$python' is not a Python; trackd needs Python 3.10 or later: set PYTHON=/path/to/python3"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    fail "'$python' is Python $version; trackd needs 3.10 or later: set PYTHON=/path/to/python3"

# Debian ships Python without the part that makes environments.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv
    fi
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "'$python' cannot make virtual environments: install its venv module (on Debian: apt-get install python3-venv)"
fi

.venv/bin/python -c '' 2>/dev/null || "$python" -m venv --clear .venv
pip() {
    .venv/bin/python -m pip --disable-pip-version-check --quiet "$@"
}
groups="--group build"
for group; do
    groups="$groups --group $group"
done
echo "installing into .venv (Python $version): trackd, $*"
pip install 'pip>=25.1' # Older ones do not know dependency groups.
# Not compiled: of these packages most modules are never imported, and compiling them takes longer than all the rest.
pip install --no-compile --group build
# Without isolation: the build requirements, Node among them, are already here and need not be fetched twice. With the
# groups once more, so that one resolution holds for the tools and for what trackd itself needs.
# shellcheck disable=SC2086  # A list of words on purpose.
pip install --no-compile --no-build-isolation $groups --editable .
