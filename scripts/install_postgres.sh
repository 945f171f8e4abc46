#!/bin/sh
# Sees to it that PostgreSQL's server programs are there, for the tests of catalogs that a team shares.
set -eu

find_initdb() {
    for initdb in /usr/lib/postgresql/*/bin/initdb $(command -v initdb || true); do
        if [ -x "$initdb" ]; then
            return 0
        fi
    done
    return 1
}

if find_initdb; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing postgresql …"
    export DEBIAN_FRONTEND=noninteractive
    # The tests make clusters of their own; the package would begin one that nobody asked for.
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql >/dev/null || true
fi
if ! find_initdb; then
    echo "error: the tests of PostgreSQL need its server programs (initdb, postgres): install them (on Debian, as root: apt-get install postgresql)" >&2
    exit 1
fi
