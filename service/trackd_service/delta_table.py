"""Owns the Delta table of a bucket: the list of all runs' segments in a form that other engines read.

Invariants: no byte is copied, the table names the segments where they lie; a publication is one commit that makes the
table list what the manifests list, or no commit at all; a commit holds only if the table is still the one that it was
computed from, so two publishers never mix; what is here can be made again from the manifests. Nothing of trackd reads
the table. Calls wait for the network. deltalake is optional, and imported when it is needed.
"""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trackd_service import manifests
from trackd_service.bucket_requests import open_session
from trackd_service.buckets import Bucket, BucketStore
from trackd_service.manifests import Manifest, ManifestInvalid
from trackd_service.objects import ObjectNotFound
from trackd_service.transfers import Target

if TYPE_CHECKING:
    from deltalake import DeltaTable, Schema
    from deltalake.transaction import AddAction, RemoveAction

# The columns of docs/storage.md and, behind them, what the manifests say whose the points are.
_COLUMNS = {
    "metric": "string",
    "kind": "string",
    "step": "long",
    "time": "timestamp",
    "value": "double",
    "value_int": "long",
    "value_string": "string",
    "project": "string",
    "run_id": "string",
}
_PARTITION_COLUMNS = ["project", "run_id"]
# VACUUM deletes every file under a table's root that the table does not list and that is older than this: here those are
# the manifests, levels, files and images of all runs.
_CONFIGURATION = {"delta.deletedFileRetentionDuration": "interval 36500 days"}
# A manifest takes a few milliseconds, nearly all of it waiting. As many as the store holds connections for.
_READS_AT_ONCE = 8
# Each round of several publishers has one winner, and whoever comes behind it mostly finds nothing left to do.
_TRIES_MAX = 5
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
# delta-rs tries again by itself; left alone, for three minutes.
_NETWORK_OPTIONS = {"max_retries": "3", "retry_timeout": "30s", "timeout": "30s", "connect_timeout": "5s"}


class PublishFailed(RuntimeError):
    """The table could not be brought up to date; it is as it was."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication did.

    Attributes:
        version: The table's version now; None while there is no table because no run has segments.
        added_count: How many segments the table lists that it did not list before.
        removed_count: How many it no longer lists.
        sentence: The same for a person, and which manifests could not be read.
    """

    version: int | None
    added_count: int
    removed_count: int
    sentence: str


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the table: what an add action says of it."""

    project: str
    run_id: str
    size_bytes: int
    point_count: int
    change_time_unix_ms: int


@dataclass(frozen=True, slots=True)
class _Listed:
    """What the manifests list: files by name, and what of it is not known."""

    files: dict[str, _File] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)  # manifest's name -> why

    def lets_go(self, path: str) -> bool:
        """Whether no manifest lists the file: that of a run with an unread manifest may be listed there."""
        return path not in self.files and not any(
            path.startswith(f"segments/{_folder(name)}/") for name in self.unread
        )


class _TableChanged(Exception):
    """Somebody else has committed since the table was read."""


def publish_to(target: Target) -> Published:
    """Brings the Delta table of a bucket up to date; for a helper process. See `publish`."""
    if not isinstance(target.bucket, Bucket):
        raise PublishFailed(
            "a team server's bucket has no table of one store: publish is for a bucket of your own"
        )
    store = BucketStore(target.bucket, scratch=target.scratch)
    try:
        return publish(store)
    finally:
        store.close()


def publish(store: BucketStore) -> Published:
    """Brings the Delta table of a bucket up to date with the manifests, in one commit that copies nothing.

    The table's root is the bucket's prefix. Its files are the segments of all runs; its columns are those of the segments,
    and `project` and `run_id` as partition columns. A run with a manifest that cannot be read keeps the files that the
    table lists already, and `Published.sentence` names it. If nothing has changed there is no commit.

    Args:
        store: The bucket.

    Returns:
        What was done.

    Raises:
        PublishFailed: If deltalake is not installed, if the server refuses, if others commit to the table all the time,
            or if a table lies there that is none of trackd.
        BucketError: If the manifests cannot be read.
    """
    try:
        import deltalake  # noqa: F401 - a sentence for a person before anything is read
    except ImportError:
        raise PublishFailed(
            "publishing a Delta table needs the library deltalake, which is not installed: pip install 'trackd[delta]'"
        ) from None
    for _ in range(_TRIES_MAX):
        try:
            return _publish_once(store)
        except _TableChanged:
            continue
    raise PublishFailed(
        f"the Delta table at {store.bucket.url} was changed by somebody else {_TRIES_MAX} times while it was to be "
        f"published: let one process publish, and try again"
    )


def _publish_once(store: BucketStore) -> Published:
    from deltalake.exceptions import DeltaError

    bucket = store.bucket
    options = _storage_options(bucket)
    failure: Exception
    version: int | None
    try:
        # The table before the manifests: a commit of others that is seen here knows no newer manifests than these.
        table = _open(bucket, options)
        listed = _read_manifests(store)
        held = {} if table is None else _held(table)
        added = {path: file for path, file in listed.files.items() if path not in held}
        removed = {path: whose for path, whose in held.items() if listed.lets_go(path)}
        version = None if table is None else table.version()
        if added or removed:
            _commit(bucket, options, table, added, removed)
            # The commit followed upon exactly the version that was read, or failed.
            version = 0 if version is None else version + 1
    except (DeltaError, OSError) as error:
        failure = _failure(bucket, error)
    else:
        return Published(
            version, len(added), len(removed), _sentence(bucket, version, len(added), len(removed), listed)
        )
    # Raised out here, so that it carries no exception whose text may hold credentials.
    raise failure


def _open(bucket: Bucket, options: dict[str, str]) -> DeltaTable | None:
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    try:
        table = DeltaTable(bucket.url, storage_options=options)
    except TableNotFoundError:
        return None
    names = {schema_field.name for schema_field in table.schema().fields}
    if table.metadata().partition_columns != _PARTITION_COLUMNS or names != set(_COLUMNS):
        raise PublishFailed(
            f"at {bucket.url} lies a Delta table with the columns {', '.join(sorted(names))}, which trackd has not "
            f"published: move it away, or upload to another prefix"
        )
    return table


def _held(table: DeltaTable) -> dict[str, dict[str, str | None]]:
    """Returns the files that the table lists, with their partition values."""
    import pyarrow as pa

    actions = pa.table(table.get_add_actions(flatten=True))
    columns = [actions.column(name).to_pylist() for name in ("path", "partition.project", "partition.run_id")]
    return {
        path: {"project": project, "run_id": run_id} for path, project, run_id in zip(*columns, strict=True)
    }


def _read_manifests(store: BucketStore) -> _Listed:
    listed = _Listed()
    names = [name for name in store.list(manifests.PREFIX) if manifests.parse_name(name) is not None]

    def read(name: str) -> Manifest | str | None:
        try:
            return Manifest.load(store.get(name))
        except ManifestInvalid as error:
            return str(error)
        except ObjectNotFound:
            return None  # The run was deleted in this moment.

    runs: dict[str, list[Manifest]] = {}
    with ThreadPoolExecutor(_READS_AT_ONCE, "trackd-publish") as pool:
        for name, manifest in zip(names, pool.map(read, names), strict=True):
            if isinstance(manifest, str):
                listed.unread[name] = manifest
            elif manifest is not None:
                runs.setdefault(_folder(name), []).append(manifest)
    for parts in runs.values():
        listed.files.update(_files(parts))
    return listed


def _files(parts: list[Manifest]) -> dict[str, _File]:
    """Returns the files of a run that one or several stores have uploaded; what is a copy of another is left out."""
    first = parts[0]
    change_time_unix_ms = max(part.write_time_unix_ms for part in parts)
    return {
        segment.files()[0][0]: _File(
            first.project, first.run_id, segment.parquet_bytes, segment.row.point_count, change_time_unix_ms
        )
        for segment in manifests.merge(parts).segments
    }


def _folder(manifest_name: str) -> str:
    return manifest_name.split("/")[1]


def _commit(
    bucket: Bucket,
    options: dict[str, str],
    table: DeltaTable | None,
    added: dict[str, _File],
    removed: dict[str, dict[str, str | None]],
) -> None:
    """Makes one commit.

    Raises:
        _TableChanged: If the table is no longer the one that was read.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import CommitFailedError, DeltaError
    from deltalake.transaction import AddAction, CommitProperties, RemoveAction, create_table_with_add_actions

    adds = [
        AddAction(
            path,
            file.size_bytes,
            {"project": file.project, "run_id": file.run_id},
            file.change_time_unix_ms,
            True,
            json.dumps({"numRecords": file.point_count}),
        )
        for path, file in added.items()
    ]
    # No second try by the library: it would put what was computed from an old table behind a new one, and segments that
    # have been merged meanwhile would be listed beside what they were merged into.
    properties = CommitProperties(max_commit_retries=0)
    if table is None:
        try:
            create_table_with_add_actions(
                bucket.url,
                _schema(),
                adds,
                partition_by=_PARTITION_COLUMNS,
                name="trackd",
                configuration=_CONFIGURATION,
                storage_options=options,
                commit_properties=properties,
            )
        except DeltaError:
            if DeltaTable.is_deltatable(bucket.url, options):
                raise _TableChanged from None
            raise
        return
    now_unix_ms = int(time.time() * 1000)
    actions: list[AddAction | RemoveAction] = [
        *adds,
        *(RemoveAction(path, True, now_unix_ms, partition_values=whose) for path, whose in removed.items()),
    ]
    try:
        table.create_write_transaction(
            actions, "append", _schema(), _PARTITION_COLUMNS, commit_properties=properties
        )
    except CommitFailedError:
        raise _TableChanged from None


def _schema() -> Schema:
    from deltalake import Schema
    from deltalake.schema import Field, PrimitiveType

    return Schema([Field(name, PrimitiveType(kind)) for name, kind in _COLUMNS.items()])


def _storage_options(bucket: Bucket) -> dict[str, str]:
    """Returns how delta-rs reaches the bucket, with the credentials that boto3's chain finds at this moment."""
    from botocore.exceptions import BotoCoreError

    session = open_session(bucket)
    options = dict(_NETWORK_OPTIONS)
    if bucket.endpoint_url:
        options["AWS_ENDPOINT_URL"] = bucket.endpoint_url
        options["AWS_VIRTUAL_HOSTED_STYLE_REQUEST"] = "false"
    if bucket.endpoint_url.startswith("http://"):
        options["AWS_ALLOW_HTTP"] = "true"
    try:
        options["AWS_REGION"] = session.get_config_variable("region") or "us-east-1"
        credentials = session.get_credentials()
        frozen = None if credentials is None else credentials.get_frozen_credentials()
    except BotoCoreError as error:
        failure = PublishFailed(
            f"boto3 finds no credentials for {bucket.url} ({type(error).__name__}): look at the profile, or renew them"
        )
    else:
        if frozen is not None and frozen.access_key and frozen.secret_key:
            options["AWS_ACCESS_KEY_ID"] = frozen.access_key
            options["AWS_SECRET_ACCESS_KEY"] = frozen.secret_key
            if frozen.token:  # An empty one would be sent, and refused.
                options["AWS_SESSION_TOKEN"] = frozen.token
        return options
    raise failure


def _failure(bucket: Bucket, error: Exception) -> PublishFailed:
    """Returns an error that repeats no more of delta-rs's than a code: its text holds the server's, and that keys."""
    code = _CODE.search(str(error))
    detail = f"the server answered {code[1]}" if code else f"deltalake met {type(error).__name__}"
    return PublishFailed(
        f"could not publish the Delta table at {bucket.url}: {detail}; look whether the credentials may read and write "
        f"'_delta_log/' there, and at the network"
    )


def _sentence(
    bucket: Bucket, version: int | None, added_count: int, removed_count: int, listed: _Listed
) -> str:
    if version is None:
        sentence = f"there is nothing to publish at {bucket.url}: no run has segments there"
    elif added_count or removed_count:
        sentence = (
            f"the Delta table at {bucket.url} has version {version} now: {_count(added_count)} added, "
            f"{_count(removed_count)} removed"
        )
    else:
        sentence = f"the Delta table at {bucket.url} was up to date at version {version}"
    return sentence + _unread_words(listed.unread)


def _count(count: int) -> str:
    return "1 segment" if count == 1 else f"{count} segments"


def _unread_words(unread: dict[str, str]) -> str:
    if not unread:
        return ""
    name, reason = next(iter(unread.items()))
    more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
    return f"; {name}{more} could not be read, so its run stays as the table had it: {reason}"
