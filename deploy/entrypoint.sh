#!/bin/sh
# What the image runs: `server …` is the team server and its commands, everything else are options of the daemon of /data.
set -eu
if [ "${1:-}" = server ]; then
    shift
    exec python -m trackd_service.server_command "$@"
fi
exec python -m trackd_service --store /data --http-host 0.0.0.0 --http-port 7373 --foreground "$@"
