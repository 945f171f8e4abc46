"""Owns how the ranks of a run stand to each other: which there are, who is silent, who is behind, and the words for it.

Invariants: a rank is never called slow or silent for logging rarely, or nothing at all: it is measured by its own habit, and
against those that log the same. No I/O and no clock: times are given. docs/distributed_runs.md has the definitions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from trackd_service import config
from trackd_service.run_states import RunState
from trackd_service.writers import Writer

_Lag: TypeAlias = "tuple[int, float | None]"  # steps and seconds behind the first

_RANK = re.compile(r"\brank[ _-]?(\d{1,9})\b", re.IGNORECASE)
_DIGITS = re.compile(r"(\d+)")
# How many ranks there are to be, by what launchers tell their processes.
_SIZES = ("WORLD_SIZE", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
_METRICS_COMPARED = 32  # of a writer, to find out who logs the same: those that do begin with the same ones
_NAMED_MAX = 3  # ranks of a sentence; a table lists all
_PAUSES = 3  # a rank that has paused for so long before is silent after as many times that
_STRIDES = 3  # of logging: a rank that logs every tenth step is no slower for being 29 steps behind
_MISSING_SHARE = (
    0.25  # where more are missing, they are not missed: one process a machine writes, for example
)
_END_WORDS = {
    RunState.FINISHED: "finished",
    RunState.FAILED: "failed",
    RunState.KILLED: "was killed",
    RunState.CRASHED: "is gone without a word",
    RunState.PREEMPTED: "was taken away by the scheduler",
}
_COUNT_WORDS = (
    ("running", "runs", "run"),
    ("silent", "is silent", "are silent"),
    ("finished", "has finished", "have finished"),
    ("failed", "has failed", "have failed"),
    ("killed", "was killed", "were killed"),
    ("crashed", "has crashed", "have crashed"),
    ("preempted", "was preempted", "were preempted"),
)


def current(writers: Iterable[Writer]) -> list[Writer]:
    """Returns the ranks of a run, by number: its writers without helpers, and of a rank that was begun again the last one."""
    vital = [writer for writer in writers if writer.is_vital]
    begun: dict[str, int] = {}
    for writer in vital:
        if writer.label or writer.role == "primary":
            begun[writer.label] = max(begun.get(writer.label, 0), writer.begin_time)

    def is_last(writer: Writer) -> bool:
        if not writer.label and (writer.is_open or writer.role != "primary"):
            return True  # nothing says that another one took its place
        return begun[writer.label] <= writer.update_time

    return sorted(filter(is_last, vital), key=_order)


def describe(
    writers: Iterable[Writer], environment: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Returns all writers as JSON values, for readers, and how those that are ranks stand; None where one process writes."""
    writers = list(writers)
    ranks = current(writers)
    are_current = {writer.writer_id for writer in ranks}
    lags = _lags(ranks)
    documents = []
    for writer in writers:
        steps_behind, seconds_behind = lags.get(writer.writer_id, (None, None))
        documents.append(
            {
                **writer.describe(),
                "rank": rank_number(writer),
                "superseded": writer.is_vital and writer.writer_id not in are_current,
                "steps_behind": steps_behind,
                "seconds_behind": seconds_behind,
            }
        )
    return documents, None if len(ranks) < 2 else _describe_ranks(ranks, lags, environment)


def _describe_ranks(
    ranks: Sequence[Writer], lags: Mapping[str, _Lag], environment: Mapping[str, Any]
) -> dict[str, Any]:
    counts = Counter("silent" if rank.is_silent else rank.state.value for rank in ranks)
    hosts = {host for rank in ranks if (host := rank.process.get("host"))}
    expected = _expected(ranks, environment)
    return {
        "rank_count": len(ranks),
        "expected_count": expected,
        "host_count": len(hosts),
        "running_count": counts["running"],
        "silent_count": counts["silent"],
        "finished_count": counts["finished"],
        "failed_count": len(ranks) - counts["running"] - counts["silent"] - counts["finished"],
        "sentence": _sentence(ranks, len(hosts), counts),
        "notes": _notes(ranks, lags, expected),
    }


def newly_silent(writers: Iterable[Writer], now: int) -> list[Writer]:
    """Returns the ranks at work of this store that have fallen silent by now, in nanoseconds since 1970 UTC.

    These have logged rows, and have said nothing for longer than is usual with them, while at least as many ranks go on.
    """
    ranks = [rank for rank in current(writers) if rank.is_open and not rank.as_of_time]
    if len(ranks) < 2:
        return []
    waits = {rank.writer_id: _patience(rank) for rank in ranks}
    latest = max(rank.update_time for rank in ranks)
    silent, going_count = [], 0
    for rank in ranks:
        wait = waits[rank.writer_id]
        if rank.progress.last_step is None or rank.row_count < 2 or wait is None:
            continue
        if now - rank.update_time <= wait:
            going_count += 1
        elif latest - rank.update_time > wait:
            silent.append(rank)
    return [rank for rank in silent if not rank.is_silent] if len(silent) <= going_count else []


def end_words(writer: Writer) -> tuple[str, str]:
    """Returns the title and the text of an alert about a rank that has ended badly, while others go on."""
    return f"{_label(writer)} {_END_WORDS[writer.state]}", f"{name_of(writer)} {_ended(writer)}; others go on"


def silence_words(silent: Sequence[Writer], now: int) -> tuple[str, str]:
    """Returns the title and the text of an alert about ranks that have fallen silent."""
    seconds = (now - min(rank.update_time for rank in silent)) / 1e9
    title = f"{_label(silent[0])} is silent" if len(silent) == 1 else f"{len(silent)} ranks are silent"
    said = "has" if len(silent) == 1 else "have"
    text = f"{_names(silent)} {said} said nothing for {seconds:.0f} s, while others go on"
    return title, f"{text}; no process of theirs has ended" if len(silent) > 1 else (
        f"{text}; its process has not ended"
    )


def name_of(writer: Writer) -> str:
    """Returns what a person calls a rank: `rank 13 on node-4`."""
    host = writer.process.get("host")
    return f"{_label(writer)} on {host}" if host else _label(writer)


def rank_number(writer: Writer) -> int | None:
    """Returns the number that a writer's label has; None where it has none."""
    found = _RANK.search(writer.label)
    return None if found is None else int(found[1])


def _label(writer: Writer) -> str:
    pid = writer.process.get("pid")
    return writer.label or (f"process {pid}" if pid else f"writer {writer.writer_id[:8]}")


def _order(writer: Writer) -> tuple[Any, ...]:
    parts = _DIGITS.split(writer.label)
    natural = [(int(part[:18]), "") if place % 2 else (-1, part) for place, part in enumerate(parts)]
    return (
        not writer.label,
        natural,
        str(writer.process.get("host", "")),
        writer.process.get("pid", 0),
        writer.begin_time,
    )


def _patience(writer: Writer) -> float | None:
    """Returns after how many nanoseconds without a word a rank is silent; None for never."""
    given = writer.watching.stalled_after_seconds
    if given == 0:
        return None
    seconds = config.SILENT_AFTER_SECONDS if given is None else min(given, config.SILENT_AFTER_SECONDS)
    return max(seconds * 1e9, _PAUSES * writer.progress.longest_pause)


def _lags(ranks: Sequence[Writer]) -> dict[str, _Lag]:
    """Returns how many steps and seconds ranks are behind the first, by writer; of those alone that log the same."""
    peers = _peers(ranks)
    if len(peers) < 2:
        return {}
    leader = max(peers, key=_last_step)
    pace = leader.progress.steps_per_second or 0.0
    lags = {}
    for rank in peers:
        ahead = _last_step(leader)
        if rank.as_of_time:
            # What another store said a while ago is held against where the leader was then.
            ahead -= round(pace * max(0, leader.progress.last_time - rank.as_of_time) / 1e9)
        steps = max(0, ahead - _last_step(rank))
        lags[rank.writer_id] = steps, (steps / pace if pace > 0 else None if steps else 0.0)
    return lags


def _peers(ranks: Sequence[Writer]) -> list[Writer]:
    logging = [rank for rank in ranks if rank.progress.last_step is not None and rank.row_count > 1]
    counts = Counter(metric for rank in logging for metric in _first_metrics(rank))
    if not counts:
        return []
    metric = counts.most_common(1)[0][0]
    peers = [rank for rank in logging if metric in rank.metrics]
    usual = sorted(map(_last_step, peers))[len(peers) // 2]
    # One that counts its own rows and has half of them logs more rarely: its steps are other ones.
    return [rank for rank in peers if rank.progress.has_given_steps or 2 * _last_step(rank) >= usual]


def _first_metrics(writer: Writer) -> list[str]:
    return [metric for metric, _ in zip(writer.metrics, range(_METRICS_COMPARED), strict=False)]


def _last_step(writer: Writer) -> int:
    return writer.progress.last_step or 0


def _slowest(ranks: Sequence[Writer], lags: Mapping[str, _Lag]) -> tuple[Writer, int] | None:
    """Returns the rank at work that is furthest behind, and by how many steps; None where none is worth a word."""
    at_work = [rank for rank in ranks if rank.is_open and not rank.is_silent and rank.writer_id in lags]
    if not at_work:
        return None
    slowest = max(at_work, key=lambda rank: lags[rank.writer_id][0])
    stride = max(rank.progress.stride(rank.row_count) for rank in ranks if rank.writer_id in lags)
    steps, seconds = lags[slowest.writer_id]
    if steps < _STRIDES * stride or seconds is None or seconds < config.SLOW_AFTER_SECONDS:
        return None
    return slowest, steps


def _expected(ranks: Sequence[Writer], environment: Mapping[str, Any]) -> int | None:
    if any(rank_number(rank) is None for rank in ranks):
        return None
    for name in _SIZES:
        text = str(environment.get(f"environment.{name}", ""))
        if text.isascii() and text.isdigit() and len(text) < 8:
            return int(text) if int(text) > max(rank_number(rank) or 0 for rank in ranks) else None
    return None


def _sentence(ranks: Sequence[Writer], host_count: int, counts: Counter[str]) -> str:
    noun = "ranks" if any(rank_number(rank) is not None for rank in ranks) else "processes"
    where = "" if host_count == 0 else f" on {host_count} host{'' if host_count == 1 else 's'}"
    said = [
        (
            f"all {many}"
            if counts[kind] == len(ranks)
            else f"{counts[kind]:,} {one if counts[kind] == 1 else many}"
        )
        for kind, one, many in _COUNT_WORDS
        if counts[kind]
    ]
    return f"{len(ranks):,} {noun}{where}: {', '.join(said)}"


def _notes(ranks: Sequence[Writer], lags: Mapping[str, _Lag], expected: int | None) -> list[dict[str, Any]]:
    """Returns what a person must know of the ranks, the worst first."""
    notes = []
    bad = [rank for rank in ranks if not rank.is_open and rank.state is not RunState.FINISHED]
    if bad:
        # The first end is the reason of the others, as a rule.
        bad.sort(key=lambda rank: rank.update_time)
        more = f", and {len(bad) - 1:,} more ended after it" if len(bad) > 1 else ""
        notes.append(_note("ended", f"{name_of(bad[0])} {_ended(bad[0])}{more}", bad))
    silent = [rank for rank in ranks if rank.is_silent]
    if silent:
        text = f"{_names(silent)} {'is' if len(silent) == 1 else 'are'} silent"
        hosts = {rank.process.get("host") for rank in silent}
        host = silent[0].process.get("host")
        if len(silent) > 1 and len(hosts) == 1 and host:
            of_host = [rank for rank in ranks if rank.is_open and rank.process.get("host") == host]
            if len(of_host) == len(silent):
                text = f"all {len(silent):,} ranks at work on {host} are silent"
        since = min(max(rank.update_time, rank.heard_time if rank.as_of_time else 0) for rank in silent)
        notes.append(_note("silent", text, silent, since))
    missing = set(range(expected or 0)).difference(rank_number(rank) or 0 for rank in ranks)
    if missing and expected and len(missing) <= _MISSING_SHARE * expected:
        named = [f"rank {number}" for number in sorted(missing)]
        text = f"{_listed(named)} of {expected:,} {'has' if len(missing) == 1 else 'have'} not come"
        notes.append(_note("missing", text, ()))
    found = _slowest(ranks, lags)
    if found is not None:
        slowest, steps = found
        text = f"{name_of(slowest)} is the slowest: step {_last_step(slowest):,}, {steps:,} behind the leader"
        notes.append(_note("slow", text, [slowest]))
    return notes


def _note(kind: str, text: str, ranks: Sequence[Writer], since: int | None = None) -> dict[str, Any]:
    return {
        "kind": kind,
        "text": text,
        "since_unix_ms": None if since is None else since / 1e6,
        "writer_ids": [rank.writer_id for rank in ranks],
    }


def _ended(writer: Writer) -> str:
    words = _END_WORDS[writer.state]
    if writer.state is RunState.FAILED and writer.exit_code is not None:
        return f"{words} with exit code {writer.exit_code}"
    return (
        f"{words} by signal {writer.signal}" if writer.state is RunState.KILLED and writer.signal else words
    )


def _names(ranks: Sequence[Writer]) -> str:
    return _listed([name_of(rank) for rank in ranks])


def _listed(names: Sequence[str]) -> str:
    if len(names) > _NAMED_MAX:
        return f"{', '.join(names[: _NAMED_MAX - 1])} and {len(names) - _NAMED_MAX + 1:,} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
