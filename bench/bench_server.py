"""Does a team server keep up with many daemons, and lose nothing while its parts die?

Three replicas over one PostgreSQL and one S3 server take the runs of eight daemons, all on this machine. With --faults, a
replica is killed, the database stopped for a minute, and the S3 server killed and started again while runs are logged.
Needs the servers of the tests: make s3-server postgres.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg

from _harness import FOLDER, arguments, say_machine, show

sys.path.insert(0, str(FOLDER.parent))
from tests.postgres_server import PostgresServer
from tests.s3.s3_servers import S3Server
from tests.s3.uploading import BucketContent, UploadStore
from tests.server.servers import Replica, Team
from tests.server.test_replication import login

_PROJECT = "load"
_LOOK_SECONDS = 1.0
_END_SECONDS = 900.0  # for the rest to arrive
_DATABASE_SECONDS = 60.0
_CATALOG_SIZE = "SELECT pg_database_size(current_database()), (SELECT count(*) FROM runs)"

_PRODUCE = """
import json, sys, time, trackd
store, first, count, seconds, rate, metric_count = json.loads(sys.argv[1])
settings = {"store": store, "quiet": True, "finish_timeout_seconds": 30.0, "console": "off"}
names = [f"run-{first + place:04}" for place in range(count)]
runs = [trackd.init(project="load", id=name, settings=settings, reinit="create_new") for name in names]
slowest, logged, begin = 0.0, 0, time.monotonic()
print(json.dumps(time.time()), flush=True)
while time.monotonic() - begin < seconds:
    for run in runs:
        row = {f"m{place}": logged + place for place in range(metric_count)}
        started = time.perf_counter()
        run.log(row)
        slowest = max(slowest, time.perf_counter() - started)
    logged += 1
    time.sleep(max(0.0, begin + logged / rate - time.monotonic()))
for run in runs:
    run.finish()
print(json.dumps([logged, slowest]), flush=True)
"""


_SEND = """
import dataclasses, hashlib, json, sys, time
from pathlib import Path
from trackd_service.manifests import Manifest, run_folder
from trackd_service.server_keys import Server
from trackd_service.server_store import ServerStore
url, grpc_address, key, folder, place, count, seconds = json.loads(sys.argv[1])
store = ServerStore(Server(url, grpc_address, key))
sample = Manifest.load(Path(folder, "manifest").read_bytes())
parts = [Path(folder, ending) for ending in ("parquet", "levels")]
sums = [(hashlib.sha256(part.read_bytes()).hexdigest(), part.stat().st_size) for part in parts]
acks, commits, number, begin = [], [], 0, time.monotonic()
while time.monotonic() - begin < seconds:
    run_id = f"sent-{place}-{number % count}"
    folder_name = run_folder(sample.project, run_id)
    name = f"{folder_name}/{number // count:032x}"
    started = time.perf_counter()
    files = [(f"segments/{name}.{part.name}", *each) for part, each in zip(parts, sums)]
    store.announce((sample.project, run_id), files)
    for part, (file, sha256, _) in zip(parts, files):
        store.send_file(file, part, sha256=sha256)
    segment = sample.segments[0]
    row = dataclasses.replace(segment.row, name=name, position=number // count)
    own = dataclasses.replace(
        sample, segments=[dataclasses.replace(segment, row=row)], store_id=f"{place:016x}",
        write_time_unix_ms=sample.write_time_unix_ms + number, document={**sample.document, "run_id": run_id},
    )
    told = time.perf_counter()
    store.replace(f"runs/{folder_name}/x.json", own.dump())
    commits.append(time.perf_counter() - told)
    acks.append(time.perf_counter() - started)
    number += 1
print(json.dumps([acks, commits]), flush=True)
"""


class Producer:
    """A training process that logs many runs into the store of its daemon."""

    def __init__(self, store: UploadStore, first: int, options: Any) -> None:
        given = [
            str(store.folder),
            first,
            options.runs,
            options.seconds,
            options.rows_per_second,
            options.metrics,
        ]
        self.count = options.runs
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PRODUCE, json.dumps(given)], stdout=subprocess.PIPE, text=True
        )
        self.begin_time = 0.0
        self.row_count, self.slowest_seconds = 0, 0.0

    def wait_begun(self) -> None:
        """Waits until all its runs have begun."""
        assert self._process.stdout is not None
        self.begin_time = json.loads(self._process.stdout.readline())

    def wait_ended(self) -> None:
        """Waits until all its runs have ended."""
        assert self._process.stdout is not None
        self.row_count, self.slowest_seconds = json.loads(self._process.stdout.readline())
        self._process.wait()

    @property
    def has_ended(self) -> bool:
        """Whether it has."""
        return self._process.poll() is not None


def look(replica: Replica, key: str, limit: int) -> tuple[dict[str, Any] | None, float]:
    """Returns what the table of all runs says of each, and how long the answer took in seconds."""
    question = {"limit": limit, "columns": ["step", "state"]}
    begin = time.perf_counter()
    answer = replica.ask("POST", f"/api/v1/projects/{_PROJECT}/runs:query", key, question)
    seconds = time.perf_counter() - begin
    if answer.status != 200:
        return None, seconds
    page = answer.json
    columns = {column["name"]: column["values"] for column in page["columns"]}
    return dict(
        zip(page["run_ids"], zip(columns["step"], columns["state"], strict=True), strict=True)
    ), seconds


@contextlib.contextmanager
def daemons(count: int, replicas: list[Replica], key: str) -> Iterator[list[UploadStore]]:
    """Gives stores whose daemons send to the server."""
    with contextlib.ExitStack() as held:
        stores = [held.enter_context(UploadStore()) for _ in range(count)]
        for store in stores:
            done = login(store, replicas[0].url, key)
            if done.returncode:
                raise RuntimeError(done.stderr)
        yield stores


def break_things(team: Team, postgres: PostgresServer, server: S3Server, seconds: float) -> None:
    """Kills a part after another, each to the end of its third of the time."""
    begin = time.monotonic()

    def wait(share: float) -> None:
        time.sleep(max(0.0, begin + share * seconds - time.monotonic()))

    wait(0.15)
    print("a replica is killed", flush=True)
    team.replicas[1].kill()
    wait(0.3)
    team.replicas[1].start()
    print("the database is stopped for a minute", flush=True)
    postgres.stop("immediate")
    time.sleep(_DATABASE_SECONDS)
    postgres.start()
    print("it is there again", flush=True)
    wait(0.8)
    print("the S3 server is killed, and started again", flush=True)
    server.kill("server")
    server.restart("server")
    print("it is there again", flush=True)


def rows_of(replica: Replica, key: str, run_id: str) -> list[int]:
    """Returns the values of a run's first metric."""
    answer = replica.get(f"/api/v1/projects/{_PROJECT}/runs/{run_id}/export?format=jsonl", key)
    return [json.loads(line)["m0"] for line in answer.content.splitlines()] if answer.status == 200 else []


def cpu_seconds(team: Team) -> dict[str, float]:
    """Returns what each part of the server has used so far."""
    own = [process for replica in team.replicas for process in replica.processes()]
    others = {"database": "postgres", "S3 server": "weed"}
    used = {"replicas": own} | {
        part: [process for process in psutil.process_iter() if process.name() == name]
        for part, name in others.items()
    }
    return {part: sum(map(_cpu_seconds, processes)) for part, processes in used.items()}


def _cpu_seconds(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        # Of those that have ended as well: the database has a process for each connection.
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0


def percentiles(values: list[float]) -> tuple[float, float]:
    """Returns the median and the 99th percentile."""
    ordered = sorted(values)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]


def main() -> None:
    """Prints what the server did."""
    parser = arguments(__doc__, repeats=1)
    parser.add_argument("--replicas", type=int, default=3, help="of the server (default: %(default)s)")
    parser.add_argument("--daemons", type=int, default=8, help="how many (default: %(default)s)")
    parser.add_argument(
        "--runs", type=int, default=100, help="live ones of each daemon (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=float, default=60, help="for which runs are logged (default: %(default)g)"
    )
    parser.add_argument("--rows-per-second", type=float, default=1.0, help="of a run (default: %(default)g)")
    parser.add_argument("--metrics", type=int, default=10, help="of a row (default: %(default)s)")
    parser.add_argument(
        "--senders",
        type=int,
        default=4,
        help="processes that do nothing but send; 0 for none (default: %(default)s)",
    )
    parser.add_argument(
        "--sending-seconds", type=float, default=20, help="for how long (default: %(default)g)"
    )
    parser.add_argument("--faults", action="store_true", help="kill parts of the server meanwhile")
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
        with Team.running("s3://bench/team", server.endpoint_url, postgres.url, options.replicas) as team:
            team.add_member("team", "ada")
            key = team.add_key("ada")
            if options.senders:
                measure_sending(team, key, options, server)
            with daemons(options.daemons, team.replicas, key) as stores:
                measure(team, key, stores, options, postgres, server)


def measure_sending(team: Team, key: str, options: Any, server: S3Server) -> None:
    """Has as many segments sent as the server takes, by processes that do nothing else, unlike a daemon."""
    with (
        UploadStore("s3://bench/sample", server.endpoint_url) as store,
        tempfile.TemporaryDirectory() as folder,
    ):
        run = store.init("sample", project="sent")
        for number in range(20):
            run.log({f"m{place}": number + place for place in range(options.metrics)})
        run.finish()
        with contextlib.closing(server.client()) as raw:
            store.wait_whole(raw, "s3://bench/sample", "sample")
            for name, data in BucketContent.read(raw, "s3://bench/sample").objects.items():
                kind = "manifest" if name.startswith("runs/") else name.rpartition(".")[2]
                Path(folder, kind).write_bytes(data)
        address = "ipv4:" + ",".join(f"127.0.0.1:{replica.grpc_port}" for replica in team.replicas)
        processes = []
        before = cpu_seconds(team)
        for place in range(options.senders):
            given = [team.replicas[0].url, address, key, folder, place, options.runs, options.sending_seconds]
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-c", _SEND, json.dumps(given)], stdout=subprocess.PIPE, text=True
                )
            )
        acks: list[float] = []
        commits: list[float] = []
        for process in processes:
            told = json.loads(process.communicate()[0])
            acks += told[0]
            commits += told[1]
    show(
        "load", f"segments a second, of {options.senders} senders", len(acks) / options.sending_seconds, "1/s"
    )
    for part, after in cpu_seconds(team).items():
        show("load", f"CPU a segment, {part}", (after - before[part]) / len(acks) * 1e3, "ms")
    with psycopg.connect(team.catalog_url) as connection:
        row = connection.execute(_CATALOG_SIZE).fetchone()
        if row is not None:
            show("load", f"catalog, with {row[1]} runs", row[0] / 1e6, "MB")
    for name, values in (("signed, put and committed", acks), ("of it the commit", commits)):
        middle, worst = percentiles(values)
        show("load", f"{name}, p50", middle * 1e3, "ms")
        show("load", f"{name}, p99", worst * 1e3, "ms")


def measure(
    team: Team, key: str, stores: list[UploadStore], options: Any, postgres: PostgresServer, server: S3Server
) -> None:
    """Has the runs logged, and looks at them from the server's side."""
    total = options.daemons * options.runs
    begin = time.monotonic()
    producers = [Producer(store, place * options.runs, options) for place, store in enumerate(stores)]
    for producer in producers:
        producer.wait_begun()
    show("load", f"{total} runs begun", time.monotonic() - begin, "s")
    watched = team.replicas[-1]
    breaking = threading.Thread(target=break_things, args=(team, postgres, server, options.seconds))
    if options.faults:
        breaking.start()
    lags, answers, failures = [], [], 0
    while not all(producer.has_ended for producer in producers):
        time.sleep(_LOOK_SECONDS)
        found, seconds = look(watched, key, total)
        now = time.time()
        answers.append(seconds)
        if found is None:
            failures += 1
            continue
        for place, producer in enumerate(producers):
            for number in range(place * options.runs, (place + 1) * options.runs):
                step = (found.get(f"run-{number:04}") or (None, ""))[0]
                steps = 0 if step is None else step + 1
                # The row behind the last one that is shown was logged then; one that is not due yet is no lag.
                lags.append(max(0.0, now - producer.begin_time - steps / options.rows_per_second))
    if options.faults:
        breaking.join()
    for producer in producers:
        producer.wait_ended()
    end = time.monotonic()
    deadline = end + _END_SECONDS
    while time.monotonic() < deadline:
        found, _ = look(watched, key, total)
        if (
            found is not None
            and len(found) == total
            and all(state == "finished" for _, state in found.values())
        ):
            break
        time.sleep(_LOOK_SECONDS)
    drained = time.monotonic() - end
    rows = sum(producer.row_count * producer.count for producer in producers)
    show("load", "rows logged", rows, "")
    show("load", "points a second, logged to shown", rows * options.metrics / (end - begin + drained), "1/s")
    for name, (middle, worst) in (
        ("log to server", percentiles(lags)),
        ("table of all runs", percentiles(answers)),
    ):
        show("load", f"{name}, p50", middle, "s")
        show("load", f"{name}, p99", worst, "s")
    show("load", "answers that failed", failures, "")
    show("load", "slowest log()", max(producer.slowest_seconds for producer in producers) * 1e3, "ms")
    show("load", "from the last finish() to all there", drained, "s")
    wrong = 0
    for place, producer in enumerate(producers):
        for number in range(place * options.runs, (place + 1) * options.runs):
            replica = team.replicas[number % len(team.replicas)]
            wrong += rows_of(replica, key, f"run-{number:04}") != list(range(producer.row_count))
    show("load", "runs with a row lost or twice", wrong, "", bar="0", is_met=wrong == 0)


if __name__ == "__main__":
    main()
