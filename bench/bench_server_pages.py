"""What do large projects cost that are looked at on a team server: 1,000 runs in a chart, 10,000 in a table, 100,000 metrics?

The runs are made by the daemon's own code, sent to a replica by a daemon, and asked for as the page does: first with an empty
cache, all files in the bucket, and then again. Needs the servers of the tests: make s3-server postgres.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _harness import FOLDER, arguments, fresh, median, say_machine, show
from big_store import PROJECT, fill

sys.path.insert(0, str(FOLDER.parent))
from tests.postgres_server import PostgresServer
from tests.s3.s3_servers import S3Server
from tests.s3.uploading import UploadStore
from tests.server.servers import Answer, Replica, Team
from tests.server.test_replication import login

_API = f"/api/v1/projects/{PROJECT}"
_METRIC = "val/metric_0001"
_SYNC_SECONDS = 1800.0


@contextlib.contextmanager
def _filled(
    server: S3Server, postgres: PostgresServer, run_count: int, metric_count: int, point_count: int
) -> Any:
    """Gives a replica that has got runs from a daemon and read none of their files, and a key."""
    prefix = f"s3://bench/{run_count}-{metric_count}"
    with Team.running(prefix, server.endpoint_url, postgres.new_schema(), 2) as team, UploadStore() as store:
        team.add_member("team", "ada")
        key = team.add_key("ada")
        fresh(fill, str(store.folder), run_count, metric_count, point_count)
        done = login(store, team.replicas[0].url, key)
        if done.returncode:
            raise RuntimeError(done.stderr)
        begin = time.monotonic()
        while store.status().pending_run_count or store.status().state != "idle":
            if time.monotonic() - begin > _SYNC_SECONDS:
                raise RuntimeError(f"the runs are not sent: {store.status()}")
            time.sleep(0.5)
        show("server", f"{run_count} runs of {metric_count} metrics sent", time.monotonic() - begin, "s")
        # The one that nobody has asked anything.
        yield team.replicas[1], key


def _ask(replica: Replica, key: str, method: str, path: str, body: Any = None) -> Answer:
    answer = replica.ask(method, path, key, body)
    if answer.status != 200:
        raise RuntimeError(f"{method} {path}: {answer}")
    return answer


def _time(what: str, replica: Replica, key: str, method: str, path: str, body: Any, repeats: int) -> None:
    """Prints what a question takes at first, and again."""
    times, size_bytes = [], 0
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        size_bytes = len(_ask(replica, key, method, path, body).content)
        times.append((time.perf_counter() - begin) * 1e3)
    show("server", f"{what}, first", times[0], "ms")
    show("server", f"{what}, again", median(times[1:]), "ms")
    show("server", f"{what}, bytes", size_bytes, "B")


def main() -> None:
    """Prints the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--table-runs", type=int, default=10_000, help="(default: %(default)s)")
    parser.add_argument("--chart-runs", type=int, default=1_000, help="(default: %(default)s)")
    parser.add_argument("--metrics", type=int, default=100_000, help="of one run (default: %(default)s)")
    options = parser.parse_args()
    say_machine()
    os.environ["TRACKD_CAPTURES"] = "none"
    with (
        tempfile.TemporaryDirectory(prefix="trackd-bench-s3-") as folder,
        S3Server.single(Path(folder)) as server,
        PostgresServer.running() as postgres,
    ):
        os.environ.update(server.environment)
        server.make_bucket("bench")
        with _filled(server, postgres, options.chart_runs, 4, 200) as (replica, key):
            names = [f"run-{number:05}" for number in range(options.chart_runs)]
            each: list[dict[str, Any]] = [{"project": PROJECT, "run": name, "key": _METRIC} for name in names]
            group: list[dict[str, Any]] = [
                {"project": PROJECT, "key": _METRIC, "group": {"id": "all", "runs": names}}
            ]
            what = f"one metric over {options.chart_runs} runs"
            for kind, series in (("a line each", each), ("one line with a band", group)):
                _time(
                    f"{what}, {kind}",
                    *(replica, key, "POST", "/api/v1/series:query", {"series": series}, options.repeats),
                )
        with _filled(server, postgres, options.table_runs, 20, 0) as (replica, key):
            columns = [
                "name",
                "state",
                "tags",
                "config.lr",
                *(f"summary.{_METRIC[:-1]}{i}" for i in (1, 4, 7)),
            ]
            question = {
                "columns": columns,
                "limit": 50,
                "sort": [{"column": f"summary.{_METRIC}", "descending": True}],
            }
            _time(
                f"table of {options.table_runs} runs, sorted",
                *(replica, key, "POST", f"{_API}/runs:query", question, options.repeats),
            )
        with _filled(server, postgres, 1, options.metrics, 20) as (replica, key):
            what = f"run of {options.metrics} metrics"
            one = [{"project": PROJECT, "run": "run-00000", "key": "val/metric_50000"}]
            for kind, method, path, body in (
                ("its metrics", "GET", f"{_API}/runs/run-00000/metrics", None),
                ("the project's metrics", "GET", f"{_API}/metrics", None),
                ("one of them", "POST", "/api/v1/series:query", {"series": one}),
            ):
                _time(f"{what}, {kind}", replica, key, method, path, body, options.repeats)


if __name__ == "__main__":
    main()
