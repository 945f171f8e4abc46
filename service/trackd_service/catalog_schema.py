"""Owns the tables of a catalog, in SQL for SQLite and PostgreSQL alike, and how one version becomes the next. Pure."""

from __future__ import annotations

# What replicas write by themselves, even where nobody has written anything yet.
OWN_TABLES = ("leases", "unlisted", "sweeps")
VERSION = 9
_SCHEMA = """
CREATE TABLE runs (
    run_key INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    run_id TEXT NOT NULL,
    state TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    document TEXT NOT NULL,
    summary BLOB NOT NULL,
    UNIQUE (project, run_id)
);
CREATE TABLE segments (
    name TEXT PRIMARY KEY,
    run_key INTEGER NOT NULL REFERENCES runs (run_key) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    point_count INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    UNIQUE (run_key, position)
);
CREATE TABLE garbage (
    name TEXT PRIMARY KEY
);
CREATE INDEX runs_by_project ON runs (project, create_time);
"""


# What a catalog of the version before lacks.
_UPGRADES = {
    1: """
CREATE TABLE object_uses (
    run_key INTEGER NOT NULL REFERENCES runs (run_key) ON DELETE CASCADE,
    sha256 TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    PRIMARY KEY (run_key, sha256)
);
CREATE INDEX object_uses_by_sha256 ON object_uses (sha256);
CREATE TABLE presets (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    specification TEXT NOT NULL
);
""",
    # Where the steps of a writer begin that is not in its run's document yet, and segments that a rewind has hidden.
    2: """
CREATE TABLE writer_starts (
    writer_id TEXT PRIMARY KEY,
    starting_step INTEGER NOT NULL
);
CREATE TABLE masked_segments (
    name TEXT PRIMARY KEY,
    run_key INTEGER NOT NULL REFERENCES runs (run_key) ON DELETE CASCADE,
    point_count INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    mask_time INTEGER NOT NULL
)
""",
    # Grows with each commit of a run: what was copied elsewhere since then is whole, or is not.
    3: "ALTER TABLE runs ADD COLUMN commit_number INTEGER NOT NULL DEFAULT 1",
    # No reference to runs: a project's views outlive its runs.
    4: """
CREATE TABLE views (
    project TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    update_time INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (project, id)
)
""",
    # What a team server has of daemons: the manifest of each store that feeds a run, the files that these list, what people
    # have changed of the run since, and which runs were deleted, so that no daemon brings them back.
    5: """
ALTER TABLE runs ADD COLUMN edits TEXT NOT NULL DEFAULT '';
CREATE TABLE manifests (
    run_key INTEGER NOT NULL REFERENCES runs (run_key) ON DELETE CASCADE,
    store_id TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (run_key, store_id)
);
CREATE TABLE sent_files (
    name TEXT PRIMARY KEY,
    run_key INTEGER NOT NULL REFERENCES runs (run_key) ON DELETE CASCADE,
    size_bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL
);
CREATE INDEX sent_files_by_run ON sent_files (run_key);
CREATE TABLE deleted_runs (
    project TEXT NOT NULL,
    run_id TEXT NOT NULL,
    delete_time INTEGER NOT NULL,
    PRIMARY KEY (project, run_id)
)
""",
    # Who may do what on a team server. A time of 0 is none: never disabled, revoked, used; a key that does not expire. Of
    # secrets, hashes alone stand here. `audit` refers to nothing, by names: what it says stays true when the rest changes.
    6: """
CREATE TABLE users (
    user_key INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    issuer TEXT,
    issuer_subject TEXT,
    is_server_admin INTEGER NOT NULL,
    create_time INTEGER NOT NULL,
    disable_time INTEGER NOT NULL,
    sign_in_time INTEGER NOT NULL,
    UNIQUE (issuer, issuer_subject)
);
CREATE TABLE teams (
    team_key INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    create_time INTEGER NOT NULL
);
CREATE TABLE memberships (
    team_key INTEGER NOT NULL REFERENCES teams (team_key) ON DELETE CASCADE,
    user_key INTEGER NOT NULL REFERENCES users (user_key) ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (team_key, user_key)
);
CREATE INDEX memberships_by_user ON memberships (user_key);
CREATE TABLE project_teams (
    project TEXT PRIMARY KEY,
    team_key INTEGER NOT NULL REFERENCES teams (team_key),
    claim_time INTEGER NOT NULL
);
CREATE INDEX project_teams_by_team ON project_teams (team_key);
CREATE TABLE api_keys (
    key_id TEXT PRIMARY KEY,
    user_key INTEGER NOT NULL REFERENCES users (user_key) ON DELETE CASCADE,
    label TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL,
    scope TEXT NOT NULL,
    project TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    expire_time INTEGER NOT NULL,
    revoke_time INTEGER NOT NULL,
    use_time INTEGER NOT NULL
);
CREATE INDEX api_keys_by_user ON api_keys (user_key);
CREATE TABLE sessions (
    session_id TEXT PRIMARY KEY,
    user_key INTEGER NOT NULL REFERENCES users (user_key) ON DELETE CASCADE,
    secret_sha256 TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    use_time INTEGER NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_key);
CREATE TABLE sign_in_attempts (
    subject TEXT PRIMARY KEY,
    times TEXT NOT NULL,
    blocked_until INTEGER NOT NULL,
    strike_count INTEGER NOT NULL,
    update_time INTEGER NOT NULL
);
CREATE TABLE audit (
    audit_key INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    actor TEXT NOT NULL,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (time)
""",
    # What replicas of a team server do beside serving. `leases`: which replica does what, until when by the database's clock,
    # in microseconds since 1970. `compactions`: segments that the server has made of those that stores have sent, `replaced`
    # (a JSON list of names, in order). `unlisted`: files of the bucket that no run lists, since when; `condemn_time`: since
    # when requests to delete one may be under way, else 0; `deletion`: the number of its confirmed deletion, else 0.
    # `sweeps`, 0 where there is none: "deletion", the number of the last one; "forgotten", up to which ones they are;
    # "list_time", when the bucket was listed.
    7: """
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until INTEGER NOT NULL
);
CREATE TABLE compactions (
    name TEXT PRIMARY KEY,
    run_key INTEGER NOT NULL REFERENCES runs (run_key) ON DELETE CASCADE,
    point_count INTEGER NOT NULL,
    parquet_bytes INTEGER NOT NULL,
    parquet_sha256 TEXT NOT NULL,
    levels_bytes INTEGER NOT NULL,
    levels_sha256 TEXT NOT NULL,
    replaced TEXT NOT NULL
);
CREATE INDEX compactions_by_run ON compactions (run_key);
CREATE TABLE unlisted (
    name TEXT PRIMARY KEY,
    since INTEGER NOT NULL,
    condemn_time INTEGER NOT NULL DEFAULT 0,
    deletion INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX unlisted_by_time ON unlisted (deletion, condemn_time, since);
CREATE TABLE sweeps (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
)
""",
    # When a team server last heard of each store at work, by the database's clock in microseconds since 1970, 0 for what was
    # sent before this was kept; and whether it has been given up on since.
    8: """
ALTER TABLE manifests ADD COLUMN receive_time INTEGER NOT NULL DEFAULT 0;
ALTER TABLE manifests ADD COLUMN is_lost INTEGER NOT NULL DEFAULT 0;
CREATE INDEX running_runs ON runs (run_key) WHERE state = 'running'
""",
}


def statements(version: int) -> list[str]:
    """Returns what brings a catalog to the version after `version`, 0 for no catalog, statement by statement."""
    text = _SCHEMA if version == 0 else _UPGRADES[version]
    return [statement for each in text.split(";") if (statement := each.strip())]
