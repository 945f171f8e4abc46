#!/bin/sh
# Sees to it that `chromium` is on PATH, for the browser tests.
set -eu

if command -v chromium >/dev/null; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing chromium …"
    export DEBIAN_FRONTEND=noninteractive
    # The fonts: without any, pages show boxes instead of text.
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null || true
fi
if ! command -v chromium >/dev/null; then
    echo "error: the browser tests need 'chromium' on PATH: install it (on Debian, as root: apt-get install chromium)" >&2
    exit 1
fi
