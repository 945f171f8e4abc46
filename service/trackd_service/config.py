"""Owns every default and every limit of the daemon, with its unit and its reason. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROTOCOL_VERSION = 1  # of proto/trackd/v1; grows when an older client can no longer be understood

# -- limits of what is logged; the clients enforce the same (docs/protocol.md) ---------------------------------------
KEY_BYTES_MAX = 512  # a longer metric name is a mistake; names are kept per run, in memory
TAG_CHARACTERS_MAX = 64  # a label, not a note
NAME_CHARACTERS_MAX = 128  # of projects and run ids: they stand in addresses
TEXT_BYTES_MAX = 1 << 20  # 1 MiB a text value; longer ones are files
PATH_BYTES_MAX = 1024  # of a file in a run
CHUNK_BYTES = 1 << 20  # of a file, a message
MESSAGE_BYTES_MAX = 4 << 20  # gRPC's own default for messages received; batches above it gain nothing
ANSWER_BYTES_MAX = 256 << 20  # one whole series of 10 M points is one message of 240 MB
FRAME_BYTES_MAX = 64 << 20  # a row of 1 M metrics is 8 MB; anything larger than this is damage
PAGE_BYTES_MAX = 64 << 20  # of an HTML record that a style is put in front of
OBJECT_BYTES_MAX = 16 << 30  # of an object sent by a call
LIST_RECORDS_MAX = 100_000  # typed records of one list
METRICS_PER_RUN_MAX = 1_000_000  # the summary of as many takes about 100 MB of memory
PAGE_SIZE_DEFAULT = 100
PAGE_SIZE_MAX = 10_000

# -- rhythm -----------------------------------------------------------------------------------------------------------
POLL_SECONDS = 0.025  # how often open logs are read: a value is on the page within a tenth of a second
QUIET_SECONDS = (
    1.0  # without a record; then logs are read more rarely: each time the daemon wakes costs 0.1 ms
)
QUIET_POLL_SECONDS = 0.07  # with the sync that follows at once, durable within 100 ms all the same
SCAN_SECONDS = 0.2  # how often the log folder is listed for new writers and ended ones, while records come
QUIET_SCAN_SECONDS = 0.5  # and while none come, or nobody writes
RESTING_SCAN_SECONDS = 5.0  # and where the system tells of everything that happens in the folder
SYNC_SECONDS = 0.05  # between two syncs of logs that grow: durable within 100 ms (promise 2)
BUCKET_FILE_NAME = "bucket.json"  # in a store's folder that shows a bucket which others write
LOCK_NAME = "daemon.lock"  # in the store's folder: locked by its daemon, held open by clients of this host
LEASE_SECONDS = 600.0  # a remote writer that says nothing for so long is taken as gone
IDLE_EXIT_SECONDS = 3600.0  # without writers and visitors the daemon ends by itself
LIVE_RECENT_SECONDS = (
    60.0  # a run that ended so shortly before a page listens may run on what the page has asked
)
LIVE_SECONDS = 0.2  # at most five live messages a second to a page

# -- what the daemon watches by itself --------------------------------------------------------------------------------
SYSTEM_INTERVAL_SECONDS = 2.0  # between two samples of the machine: 1 ms of CPU each
SYSTEM_INTERVAL_SECONDS_MIN = 0.1
STALLED_AFTER_SECONDS = 600.0  # an evaluation or a checkpoint may take minutes without a word
SILENT_AFTER_SECONDS = (
    120.0  # one rank, while others go on: told long before collectives time out, after 600 s
)
SLOW_AFTER_SECONDS = 10.0  # behind the first rank: less is what lies between two looks at logs and buckets
LOST_AFTER_SECONDS = 180.0  # without a word of a machine at work, on a team server: three signs of life
HEARD_SECONDS = (
    60.0  # between two signs of life of a run in which nothing happens: half of what makes one silent
)

# -- sealing ----------------------------------------------------------------------------------------------------------
SEAL_POINTS = 1_000_000  # unsealed points of a run: 24 MB of memory, half a second of replay after a crash
SEAL_TEXT_BYTES = 64 << 20  # unsealed texts of a run: a point may be a text of 1 MiB
SEAL_DATA_BYTES = 512 << 20  # data of typed records in the logs of a run: what it takes twice on the disk
UNENCODED_BYTES_MAX = 256 << 20  # of typed records that wait in memory to be encoded; then their writer waits
UNENCODED_COUNT_MAX = 10_000
SEAL_AFTER_END_SECONDS = 0.5  # lets late records of the last writer arrive
MERGE_COUNT = 8  # segments of one run of about one size are merged when there are so many
READ_BYTES = 1 << 20  # of a log in one go: about 5 ms of work on the event loop
RUN_TABLE_IDLE_SECONDS = 300.0  # a project's columns are kept so long after the last question
RUN_TABLES_BYTES_MAX = (
    256 << 20
)  # of other projects than the one asked last: 1,000 runs x 1,000 columns take 14 MB
RUNS_CACHED_MAX = (
    1000  # ended runs kept for reading, as many as a page shows at first: 10 kB, and 90 bytes a metric
)


@dataclass(frozen=True, slots=True)
class Config:
    """How one daemon is run.

    Attributes:
        store: The store's folder, absolute.
        host: What this machine is called.
        http_host: The address that the web app is served on.
        http_port: Its port; 0 takes a free one, 7733 first.
        allowed_hosts: Host names, beside the loopback's, under which a browser may ask (behind a proxy).
        idle_exit_seconds: How long the daemon stays without writers and visitors; 0 means for ever.
        foreground: Whether it is a service: it logs to the terminal and does not end when idle.
        upload_url: Where runs are uploaded to, `s3://BUCKET/PREFIX`, where the store has no upload.json; empty for nowhere.
        upload_endpoint_url: The server of that bucket; empty for AWS.
    """

    store: Path
    host: str = "localhost"
    http_host: str = "127.0.0.1"
    http_port: int = 0
    allowed_hosts: tuple[str, ...] = ()
    idle_exit_seconds: float = IDLE_EXIT_SECONDS
    foreground: bool = False
    upload_url: str = ""
    upload_endpoint_url: str = ""
