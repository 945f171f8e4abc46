"""P13: what does a table of a project's runs cost, of 1,000 runs x 1,000 metrics and of 10,000 runs x 200?"""

from __future__ import annotations

from typing import Any

import _floor
from _harness import Client, arguments, cpu_seconds, median, memory_mib, new_store, say_machine, show, timed
from big_store import PROJECT, fill

_SIZES = ((1_000, 1_000), (10_000, 200))
_WARM_BARS_MS = {1_000: 20.0, 10_000: 50.0}
_METRICS_FIRST_BAR_MS, _METRICS_BAR_MS = 2_000.0, 100.0
_ADDRESS = f"/api/v1/projects/{PROJECT}"
_METRICS = [f"{('train', 'val', 'system')[i % 3]}/metric_{i:04}" for i in range(14)]
_COLUMNS = [
    "name",
    "state",
    "group",
    "tags",
    "config.lr",
    "config.optimizer",
    *(f"summary.{key}" for key in _METRICS),
]
_QUESTION: dict[str, Any] = {"columns": _COLUMNS, "limit": 50, "archived": "without"}
_BY_METRIC = [{"column": "summary.val/metric_0007", "descending": True}]
_QUESTIONS: dict[str, dict[str, Any]] = {
    "sorted by a metric": {"sort": _BY_METRIC},
    "sorted by three columns": {
        "sort": [{"column": "config.optimizer"}, {"column": "group", "descending": True}, *_BY_METRIC]
    },
    "filtered and sorted": {
        "filter": "val/metric_0001 > 0.5 and state = finished and lr < 1e-3 and tag = wide",
        "sort": _BY_METRIC,
    },
    "in two levels of groups, 10 sums each": {
        "group_by": ["group", "config.optimizer"],
        "aggregates": _COLUMNS[6:16],
    },
    "with the runs' brief forms": {"with_runs": True},
}


def main() -> None:
    """Asks as the page does: 50 rows of 20 columns, first and again, in several orders."""
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=int, help="of the first size alone, to try it out")
    options = parser.parse_args()
    say_machine()
    for run_count, metric_count in _SIZES if options.runs is None else ((options.runs, _SIZES[0][1]),):
        with new_store() as store:
            fill(str(store), run_count, metric_count, 0)
            what = f"{run_count:,} runs x {metric_count:,} metrics"
            store.start()
            first = timed(store.client().get, f"{_ADDRESS}/metrics")
            is_barred = metric_count == _SIZES[0][1]
            show(
                "P13", f"{what}, the project's metrics, first", first.milliseconds, "ms",
                bar=f"≤ {_METRICS_FIRST_BAR_MS:.0f} ms" if is_barred else "",
                is_met=first.milliseconds <= _METRICS_FIRST_BAR_MS if is_barred else None,
            )  # fmt: skip
            store.stop()
            store.start()
            client = store.client()
            idle, used = memory_mib(store.daemon())[0], cpu_seconds(store.daemon())
            first = timed(client.post, f"{_ADDRESS}/runs:query", _QUESTION | _QUESTIONS["sorted by a metric"])
            show("P13", f"{what}, the very first page", first.milliseconds, "ms")
            show("P13", "the same, the daemon's CPU", (cpu_seconds(store.daemon()) - used) * 1e3, "ms")
            show("P13", "the same, the daemon's memory for it", memory_mib(store.daemon())[0] - idle, "MiB")
            _ask(client, run_count, options.repeats)


def _ask(client: Client, run_count: int, repeats: int) -> None:
    ping = ("ping", _floor.ping_ms(client))
    bar_ms = _WARM_BARS_MS.get(run_count, 20.0)
    for words, question in _QUESTIONS.items():
        times = [timed(client.post, f"{_ADDRESS}/runs:query", _QUESTION | question) for _ in range(repeats)]
        usual = median(each.milliseconds for each in times)
        has_bar = "sorted by a metric" in words
        show(
            "P13", f"a page of 50 x 20, {words}", usual, "ms", floor=ping,
            bar=f"≤ {bar_ms:.0f} ms" if has_bar else "", is_met=usual <= bar_ms if has_bar else None,
        )  # fmt: skip
    for words, path in (
        ("all columns described, 100 of them", "columns?limit=100"),
        ("the columns in which runs differ", "columns?varying=true&limit=100"),
        ("the list of runs, 100 of them", "runs?limit=100"),
    ):
        usual = median(timed(client.get, f"{_ADDRESS}/{path}").milliseconds for _ in range(repeats))
        show("P13", words, usual, "ms", floor=ping)
    usual = median(timed(client.get, f"{_ADDRESS}/metrics").milliseconds for _ in range(repeats))
    show(
        "P13", "the project's metrics, again", usual, "ms", floor=ping,
        bar=f"≤ {_METRICS_BAR_MS:.0f} ms", is_met=usual <= _METRICS_BAR_MS,
    )  # fmt: skip
    usual = median(timed(client.get, "/api/v1/projects").milliseconds for _ in range(repeats))
    show("P13", "the list of projects", usual, "ms", floor=ping)


if __name__ == "__main__":
    main()
