"""A catalog is copied whole or not at all, between SQLite and PostgreSQL, in each direction."""

from __future__ import annotations

import contextlib
import inspect
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.postgres_server import PostgresServer
from tests.unit.people_server import OPERATOR, PASSWORD, Clock, people_of, signed_in

from trackd_service import catalog_command, catalog_copy, catalog_schema
from trackd_service.catalog import Catalog, PresetRow, ViewRow
from trackd_service.catalog_copy import CopyRefused
from trackd_service.catalog_tables import HistoryStart, SegmentRow
from trackd_service.people import People
from trackd_service.postgres_catalog import PostgresCatalog
from trackd_service.sent_runs import ReceivedRun, SentRuns
from trackd_service.sqlite_catalog import SqliteCatalog

PROJECTS = ["p", "größer", "q\U0001f600"]
RUNS = ["a", "b", "c-1"]
HASHES = [f"{number:064x}" for number in range(3)]

# What is asked of a catalog, with everything there is to ask about; the rest of its methods change it.
QUESTIONS: dict[str, Callable[[Catalog], object]] = {
    "load_run": lambda c: [c.load_run(p, r) for p in PROJECTS for r in RUNS],
    "committed": lambda c: [c.committed(p, r) for p in PROJECTS for r in RUNS],
    "commits": lambda c: sorted(c.commits(), key=repr),
    "writer_start": lambda c: [c.writer_start(f"w{number}") for number in range(4)],
    "files": lambda c: SentRuns(c).files(["f0", "f1", "f2"]),
    "load": lambda c: [repr(SentRuns(c).load(p, r)) for p in PROJECTS for r in RUNS],
    "crowded": lambda c: sorted(SentRuns(c).crowded(0), key=repr),
    "find_unlisted": lambda c: SentRuns(c).find_unlisted(
        ["f0", "f1", *(f"files/{each[:2]}/{each}" for each in HASHES)]
    ),
    "load_runs": lambda c: [c.load_runs(p, RUNS) for p in PROJECTS],
    "is_used": lambda c: [c.is_used(each) for each in HASHES],
    "uses_of_project": lambda c: [sorted(c.uses_of_project(p, HASHES)) for p in PROJECTS],
    "projects_with": lambda c: [sorted(c.projects_with(each)) for each in HASHES],
    "used_names": lambda c: sorted(c.used_names()),
    "usage": lambda c: sorted(c.usage(), key=repr),
    "project_sizes": lambda c: sorted(c.project_sizes()),
    "garbage": lambda c: sorted(c.garbage()),
    "presets": lambda c: sorted(c.presets(), key=repr),
    "preset": lambda c: [c.preset(f"x/{number}") for number in range(3)],
    "views": lambda c: [sorted(c.views(p), key=repr) for p in PROJECTS],
    "view": lambda c: [c.view(p, "v") for p in PROJECTS],
    "projects": lambda c: sorted(c.projects()),
    "documents": lambda c: sorted(c.documents(None), key=repr),
    "project_commits": lambda c: [sorted(c.project_commits(p).items()) for p in PROJECTS],
    "document_texts": lambda c: [sorted(c.document_texts(p, RUNS).items()) for p in PROJECTS],
    "create_times": lambda c: sorted(c.create_times(None)),
    "find_project": lambda c: [c.find_project(r) for r in RUNS],
    "run_keys": lambda c: sorted(c.run_keys()),
    "running_keys": lambda c: sorted(c.running_keys()),
}
CHANGES = {
    *(
        "commit_run",
        "commit_runs",
        "replace_run",
        "receive",
        "edit",
        "delete",
        "delete_run",
    ),
    *("save_writer_start", "forget_garbage", "save_preset", "delete_preset", "save_view", "delete_view"),
    *("unheard", "give_up", "write_aside"),
    *("compact", "expect_files", "clock", "hold_listing", "hold_run"),
    *("reading", "writing", "snapshot", "loading", "close"),
}


def answers(catalog: Catalog) -> dict[str, object]:
    return {name: ask(catalog) for name, ask in QUESTIONS.items()}


def test_every_method_of_a_catalog_is_asked_here_or_changes_it() -> None:
    methods = {
        name
        for kind in (Catalog, SentRuns)
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }
    assert methods == QUESTIONS.keys() | CHANGES


# -- what is in a catalog ----------------------------------------------------------------------------------------------

NUMBERS = st.integers(-(2**63), 2**63 - 1)
# What json.dumps makes of them is text: NaN, infinite numbers, NUL and lone surrogates have a way to be written there.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just("\0\udc80"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
SEGMENTS = st.integers(0, 3)


@st.composite
def a_run(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "project": draw(st.sampled_from(PROJECTS)),
        "run_id": draw(st.sampled_from(RUNS)),
        "state": draw(st.sampled_from(["running", "finished", "crashed"])),
        "create_time": draw(NUMBERS),
        "update_time": draw(NUMBERS),
        "config": draw(VALUES),
        "nan": float("nan") if draw(st.booleans()) else 1.0,
        "writers": [{"writer_id": "w0"}] if draw(st.booleans()) else [],
    }


SEGMENT_NUMBER = iter(range(10**9))
OBJECTS = st.dictionaries(st.sampled_from(HASHES), st.integers(0, 2**40), max_size=3)
Change = Callable[[Catalog], object]


def rows_of(count: int, start: int) -> list[SegmentRow]:
    return [SegmentRow(f"s{next(SEGMENT_NUMBER)}", start + i, i, 2**40 + i) for i in range(count)]


def commit(
    run: dict[str, Any], summary: bytes, count: int, objects: dict[str, int], is_start: bool
) -> Change:
    def change(catalog: Catalog) -> None:
        known = catalog.load_run(run["project"], run["run_id"])
        former = [] if known is None else known[2]
        start = (
            HistoryStart(f"w{count}", 7, tuple(row.name for row in former[:1]), 5, (run["project"], "a"))
            if is_start and catalog.writer_start(f"w{count}") is None
            else None
        )
        removed = [row.name for row in former[1:2]] if start is not None else []
        at = max((row.position for row in former), default=-1) + 1
        catalog.commit_run(run, summary, rows_of(count, at), removed, objects, start)

    return change


def receive(run: dict[str, Any], store: str, content: bytes, count: int, objects: dict[str, int]) -> Change:
    def combine(*_: object) -> ReceivedRun:
        files = [(f"f{count}", 2**41, HASHES[0])] if run["run_id"] == "a" and run["project"] == "p" else []
        return ReceivedRun(run, content, rows_of(count, 0), objects, files)

    def change(catalog: Catalog) -> None:
        SentRuns(catalog).receive(run["project"], run["run_id"], store, content, lambda *_: True, combine)
        SentRuns(catalog).edit(run["project"], run["run_id"], lambda edits: edits + "ü", combine)

    return change


CHANGES_MADE = st.one_of(
    st.builds(commit, a_run(), st.binary(max_size=40), SEGMENTS, OBJECTS, st.booleans()),
    st.builds(receive, a_run(), TEXTS, st.binary(max_size=40), SEGMENTS, OBJECTS),
    st.builds(lambda p, r: lambda c: c.delete_run(p, r), st.sampled_from(PROJECTS), st.sampled_from(RUNS)),
    st.builds(lambda r, t: lambda c: SentRuns(c).delete("q", r, t), st.sampled_from(RUNS), NUMBERS),
    st.builds(
        lambda n, t, v: lambda c: c.save_preset(PresetRow(f"x/{n}", t, repr(v).replace("\0", ""))),
        *(st.integers(0, 2), TEXTS, VALUES.map(ascii)),
    ),
    st.builds(
        lambda p, t, n: lambda c: c.save_view(ViewRow(p, "v", t, n, "{}" * 50), 9),
        *(st.sampled_from(PROJECTS), TEXTS, NUMBERS),
    ),
)


def with_people(catalog: Catalog, clock: Clock) -> str:
    """Puts people into a catalog; returns the text of a key."""
    people = people_of(catalog, clock)
    people.teams.create(OPERATOR, "t")
    ada = signed_in(people, "ada", display_name="Ada \udc80\0", is_server_admin=True)
    people.users.create(OPERATOR, "no-way-in")  # without issuer: a NULL in two columns
    people.teams.set_role(OPERATOR, "t", "ada", "admin")
    people.keys.create(ada, "ada", "old", lifetime_seconds=None)
    return people.keys.create(ada, "ada", "new").text


class Ends:
    """Makes catalogs of each kind."""

    def __init__(self, folder: Path, postgres: PostgresServer) -> None:
        self._folder = folder
        self._postgres = postgres
        self._count = 0

    @contextlib.contextmanager
    def new(self, kind: str) -> Iterator[Catalog]:
        self._count += 1
        made: Catalog = (
            SqliteCatalog(self._folder / f"{self._count}.sqlite")
            if kind == "sqlite"
            else PostgresCatalog(self._postgres.new_schema())
        )
        try:
            yield made
        finally:
            made.close()


@pytest.fixture
def ends(tmp_path: Path, postgres: PostgresServer) -> Ends:
    return Ends(tmp_path, postgres)


def run_of(number: int) -> dict[str, Any]:
    return {
        "project": "p",
        "run_id": f"r{number}",
        "state": "running",
        "create_time": number,
        "update_time": 1,
    }


def filled(catalog: Catalog, rows: int = 3) -> Catalog:
    for number in range(rows):
        catalog.commit_run(
            run_of(number),
            b"\0\xff" * 20,
            [SegmentRow(f"s{number}", 0, 1, 2)],
            (),
            {HASHES[0]: 5},
        )
    return catalog


# -- the same answers --------------------------------------------------------------------------------------------------


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=set(Phase) - {Phase.shrink, Phase.explain},  # each try makes two schemas of a database
)
@given(changes=st.lists(CHANGES_MADE, max_size=12))
def test_a_copy_of_a_copy_answers_every_question_as_the_original(ends: Ends, changes: list[Change]) -> None:
    with ends.new("sqlite") as first, ends.new("postgres") as second, ends.new("postgres") as third:
        for change in changes:
            change(first)
        with_people(first, Clock())
        told = answers(first)
        assert catalog_copy.copy(first, second) == catalog_copy.content(first)
        assert repr(answers(second)) == repr(told)  # as texts: a NaN is not equal to itself
        catalog_copy.copy(second, third)
        assert repr(answers(third)) == repr(told)
        with ends.new("sqlite") as last:
            copied = catalog_copy.copy(third, last)
            assert repr(answers(last)) == repr(told)
            assert copied == catalog_copy.content(first)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize("other", ["sqlite", "postgres"])
def test_people_come_in_by_a_copy_as_before_and_both_go_on(ends: Ends, kind: str, other: str) -> None:
    clock = Clock()
    with ends.new(kind) as old, ends.new(other) as new:
        key = with_people(old, clock)
        filled(old)
        catalog_copy.copy(old, new)
        before, after = people_of(old, clock), people_of(new, clock)
        questions: list[Callable[[People], object]] = [
            lambda people: people.resolve_key(key, clock.now),
            lambda people: people.users.all(OPERATOR),
            lambda people: people.teams.members(OPERATOR, "t"),
            lambda people: people.keys.all(OPERATOR),
            lambda people: people.audit.entries(OPERATOR),
        ]
        for ask in questions:
            assert ask(after) == ask(before)
            assert ask(after)
        # New rows get keys that nobody has.
        after.users.create(OPERATOR, "bob", password=PASSWORD)
        after.teams.create(OPERATOR, "u")
        new.commit_run(
            {"project": "p", "run_id": "new", "state": "running", "create_time": 1, "update_time": 1}, b""
        )
        assert len(new.run_keys()) == 4
        assert [entry.subject for entry in after.audit.entries(OPERATOR)][:2] == ["team:u", "user:bob"]


def test_every_table_is_copied_but_those_that_tell_of_the_database_itself(ends: Ends) -> None:
    with ends.new("postgres") as catalog, catalog.reading() as tables:
        names = tables.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
        ).fetchall()
        copied = {table.name for table in catalog_copy.tables()}
        own = {"trackd_version", "trackd_incarnation", "run_deletions"}
        assert {name for (name,) in names} == copied | own
        for table in catalog_copy.tables():
            rows = tables.execute(
                "SELECT column_name FROM information_schema.columns "
                "WHERE table_schema = current_schema() AND table_name = ?",
                (table.name,),
            ).fetchall()
            assert {name for (name,) in rows} - {"transaction_id"} == set(table.columns)
            assert table.key


# -- one moment --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_copy_is_one_moment_of_a_catalog_that_others_write(kind: str, tmp_path: Path, ends: Ends) -> None:
    """Each commit writes a run, a segment and a use: a copy has all of a commit or nothing, and no later commit."""
    with contextlib.ExitStack() as stack:
        if kind == "sqlite":
            writer: Catalog = stack.enter_context(contextlib.closing(SqliteCatalog(tmp_path / "live.sqlite")))
            filled(writer, 1500)
            source = stack.enter_context(catalog_copy.opened_file(tmp_path / "live.sqlite"))
        else:
            writer = source = filled(stack.enter_context(ends.new("postgres")), 1500)
        told: list[str] = []

        def write(table: str, _done: int, _count: int) -> None:
            if not told:
                writer.commit_runs([(run_of(number), b"", {HASHES[1]: 5}) for number in range(1600)])
                writer.delete_run("p", "r7")
            told.append(table)

        new = stack.enter_context(ends.new("sqlite"))
        copied = catalog_copy.copy(source, new, write)
        assert told[0] == "runs"
        assert len(writer.run_keys()) == 1599
        assert {name: each.row_count for name, each in copied.tables.items() if each.row_count} == {
            "runs": 1500,
            "segments": 1500,
            "object_uses": 1500,
        }
        assert {commit.commit_number for commit in new.commits()} == {1}


def test_nobody_writes_into_a_catalog_while_it_is_filled(ends: Ends) -> None:
    with ends.new("sqlite") as old, ends.new("postgres") as new:
        filled(old, 1500)
        waiting: list[threading.Thread] = []

        def write(*_: object) -> None:
            if not waiting:
                waiting.append(
                    threading.Thread(target=new.save_preset, args=(PresetRow("x/0", "late", "{}"),))
                )
                waiting[0].start()

        assert catalog_copy.copy(old, new, write).tables["presets"].row_count == 0
        waiting[0].join(60)
        assert [preset.title for preset in new.presets()] == ["late"]


# -- whole or not at all -----------------------------------------------------------------------------------------------

_STOPPED_COPY = """
import sys
from pathlib import Path
from trackd_service import catalog_copy
from trackd_service.people import People
from trackd_service.postgres_catalog import PostgresCatalog

def tell(what, done, count):
    if what == sys.argv[3]:
        print("here", flush=True)
        sys.stdin.read()

with catalog_copy.opened_file(Path(sys.argv[1])) as source:
    if sys.argv[2].startswith("postgresql:"):
        catalog_copy.copy(source, PostgresCatalog(sys.argv[2]), tell)
    else:
        catalog_copy.copy_to_file(source, Path(sys.argv[2]), tell)
"""


def killed_copy(source: Path, target: str, moment: str) -> None:
    """Copies until a moment, and is killed there."""
    with subprocess.Popen(
        [sys.executable, "-c", _STOPPED_COPY, str(source), target, moment],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize(
    "moment", ["runs", "segments", "object_uses", "runs, compared", "object_uses, compared"]
)
def test_a_restore_that_is_killed_leaves_an_empty_catalog_that_can_be_restored_into(
    moment: str, tmp_path: Path, postgres: PostgresServer
) -> None:
    with contextlib.closing(SqliteCatalog(tmp_path / "backup")) as made:
        filled(made, 1200)
    url = postgres.new_schema()
    killed_copy(tmp_path / "backup", url, moment)
    with contextlib.closing(PostgresCatalog(url)) as new:
        assert catalog_copy.content(new).row_count == 0
        with catalog_copy.opened_file(tmp_path / "backup") as source:
            catalog_copy.copy(source, new)
            assert catalog_copy.content(new) == catalog_copy.content(source)


def test_a_backup_that_is_killed_leaves_no_file_of_that_name(tmp_path: Path) -> None:
    with contextlib.closing(SqliteCatalog(tmp_path / "live")) as made:
        filled(made, 1200)
    killed_copy(tmp_path / "live", str(tmp_path / "backup"), "segments, compared")
    assert not (tmp_path / "backup").exists()
    with catalog_copy.opened_file(tmp_path / "live") as source:
        copied = catalog_copy.copy_to_file(source, tmp_path / "backup")
    assert copied.tables["runs"].row_count == 1200


def test_a_database_that_is_gone_in_the_middle_is_told_and_nothing_is_kept(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with PostgresServer.running() as server:
        url = server.new_schema()
        with contextlib.closing(SqliteCatalog(tmp_path / "backup")) as made:
            filled(made, 1200)
        with catalog_copy.opened_file(tmp_path / "backup") as source:
            new = PostgresCatalog(url)
            with pytest.raises(Exception, match="cannot be asked"):
                catalog_copy.copy(source, new, lambda *_: server.stop("immediate"))
            new.close()
        server.start()
        with contextlib.closing(PostgresCatalog(url)) as new:
            assert catalog_copy.content(new).row_count == 0
    capfd.readouterr()


def test_a_copy_that_reads_otherwise_is_not_kept(
    ends: Ends, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ends.new("postgres") as old:
        filled(old)
        load = SqliteCatalog.loading

        @contextlib.contextmanager
        def loading(self: SqliteCatalog, names: list[str]) -> Iterator[Any]:
            with load(self, names) as bulk:
                here: Any = bulk
                write = here.load
                here.load = lambda table, columns, rows: write(
                    table, columns, [(*row[:-1], row[-1] + 1) if table == "segments" else row for row in rows]
                )
                yield here

        monkeypatch.setattr(SqliteCatalog, "loading", loading)
        with pytest.raises(CopyRefused, match="segments reads otherwise"):
            catalog_copy.copy_to_file(old, tmp_path / "backup")
    assert not list(tmp_path.glob("backup*"))


# -- files -------------------------------------------------------------------------------------------------------------


def test_a_backup_is_one_file_for_its_user_alone_and_a_catalog(ends: Ends, tmp_path: Path) -> None:
    with ends.new("postgres") as old:
        filled(old)
        folder = tmp_path / "to"
        folder.mkdir()
        catalog_copy.copy_to_file(old, folder / "backup")
        assert [entry.name for entry in folder.iterdir()] == ["backup"]
        assert stat.S_IMODE((folder / "backup").stat().st_mode) == 0o600
        assert (folder / "backup").read_bytes()[18:20] == b"\1\1"  # no write-ahead log belongs to it
        with pytest.raises(CopyRefused, match="is there already"):
            catalog_copy.copy_to_file(old, folder / "backup")
        with pytest.raises(CopyRefused, match="make it first"):
            catalog_copy.copy_to_file(old, folder / "none" / "backup")
        (folder / "backup").chmod(0o400)
        with catalog_copy.opened_file(folder / "backup") as source:
            assert repr(answers(source)) == repr(answers(old))
        assert [entry.name for entry in folder.iterdir()] == ["backup"]


def test_an_older_backup_is_restored_and_stays_as_it_is(tmp_path: Path, postgres: PostgresServer) -> None:
    path = tmp_path / "old"
    with contextlib.closing(sqlite3.connect(path)) as old:
        for version in range(6):
            for statement in catalog_schema.statements(version):
                old.execute(statement)
        old.execute(
            "INSERT INTO runs (project, run_id, state, create_time, update_time, document, summary) "
            "VALUES ('p', 'r', 'running', 1, 1, '{\"project\": \"p\"}', x'00')"
        )
        old.execute("PRAGMA user_version=6")
        old.commit()
    before = path.read_bytes()
    with contextlib.closing(PostgresCatalog(postgres.new_schema())) as new:
        with catalog_copy.opened_file(path) as source:
            catalog_copy.copy(source, new)
        assert new.run_keys() == [("p", "r")]
        assert people_of(new, Clock()).users.all(OPERATOR) == []
    assert path.read_bytes() == before


def damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8192:20000] = b"\x5a" * (20000 - 8192)
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda path: path.unlink(), "there is no file"),
        (lambda path: path.write_bytes(b"no catalog" * 500), "cannot be read as a catalog"),
        (lambda path: path.write_bytes(b""), "is no catalog of trackd"),
        (damaged, "is damaged|cannot be read"),
    ],
)
def test_a_file_that_is_no_whole_catalog_is_refused(
    spoil: Callable[[Path], object], sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "backup"
    with contextlib.closing(SqliteCatalog(tmp_path / "live")) as made:
        catalog_copy.copy_to_file(filled(made, 300), path)
    spoil(path)
    with pytest.raises(CopyRefused, match=sentence), catalog_copy.opened_file(path):
        pass


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_catalog_with_anything_in_it_is_not_copied_into(ends: Ends, kind: str) -> None:
    with ends.new("sqlite") as old, ends.new(kind) as new:
        filled(old)
        new.save_preset(PresetRow("x/1", "mine", "{}"))
        before = catalog_copy.content(new)
        with pytest.raises(CopyRefused, match=r"not empty .* presets"):
            catalog_copy.copy(old, new)
        assert catalog_copy.content(new) == before


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_what_replicas_write_into_an_empty_catalog_by_themselves_is_in_nobodys_way(
    ends: Ends, kind: str
) -> None:
    with ends.new("sqlite") as old, ends.new(kind) as new:
        filled(old)
        with new.writing() as tables:
            tables.execute("INSERT INTO leases VALUES ('sweeping', 'a replica', 5)")
            tables.execute("INSERT INTO unlisted (name, since) VALUES ('segments/x.parquet', 5)")
            tables.execute("INSERT INTO sweeps VALUES ('list_time', 5)")
        catalog_copy.copy(old, new)
        assert catalog_copy.content(new) == catalog_copy.content(old)


def test_a_text_with_a_nul_is_named_and_refused_by_postgresql(ends: Ends) -> None:
    with ends.new("sqlite") as old, ends.new("postgres") as new:
        old.save_preset(PresetRow("x/1", "a\0b", "{}"))
        with pytest.raises(CopyRefused, match=r"title of presets {'id': 'x/1'} holds a NUL"):
            catalog_copy.copy(old, new)
        assert catalog_copy.content(new).row_count == 0
        with ends.new("sqlite") as other:
            catalog_copy.copy(old, other)
            assert other.presets()[0].title == "a\0b"


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_commands_back_up_restore_and_copy(
    postgres: PostgresServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    urls = [postgres.new_schema() for _ in range(3)]
    with contextlib.closing(PostgresCatalog(urls[0])) as old:
        filled(old)
    backup = str(tmp_path / "backup")
    assert catalog_command.main(["backup", "--catalog", urls[0], backup]) == 0
    assert catalog_command.main(["restore", "--catalog", urls[1], backup]) == 0
    assert catalog_command.main(["copy", urls[1], urls[2]]) == 0
    assert catalog_command.main(["copy", urls[2], str(tmp_path / "moved")]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    lines = said.out.splitlines()
    assert len(lines) == 4
    assert len({line.rpartition("digest ")[2] for line in lines}) == 1
    assert catalog_command.main(["restore", "--catalog", urls[1], backup]) == 1
    assert "is not empty" in capsys.readouterr().err


def set_version(url: str, version: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE trackd_version SET version = %s", (version,))


def test_a_database_of_another_version_is_not_touched_by_a_backup(
    postgres: PostgresServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = postgres.new_schema()
    assert catalog_command.main(["backup", "--catalog", url, str(tmp_path / "b")]) == 1
    assert "holds no catalog of trackd" in capsys.readouterr().err
    PostgresCatalog(url).close()
    for version, sentence in (
        (catalog_schema.VERSION - 1, "let this one serve it first"),
        (999, "update trackd"),
    ):
        set_version(url, version)
        assert catalog_command.main(["backup", "--catalog", url, str(tmp_path / "b")]) == 1
        said = capsys.readouterr().err
        assert sentence in said
        assert said.count("\n") == 1
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT version FROM trackd_version").fetchone() == (version,)
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://trackd:hunter%22@127.0.0.1:1/x",
        "postgresql://trackd:hunter/2@127.0.0.1/x",
        "postgresql://trackd:hunter2@127.0.0.1:notaport/x",
        "postgresql://trackd:hunter2@127.0.0.1:1/x?hunter2",
        "postgresql://127.0.0.1:1/x?password=hunter2&bogus=1",
        "mysql://trackd:hunter2@127.0.0.1/x",
    ],
)
def test_no_password_stands_in_what_is_told_of_a_failure(address: str, tmp_path: Path) -> None:
    answer = subprocess.run(
        [
            sys.executable,
            "-m",
            "trackd_service.catalog_command",
            "backup",
            "--catalog",
            address,
            str(tmp_path / "b"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert all(line.startswith(("trackd: ", "\t")) for line in answer.stderr.splitlines())
    assert len(set(answer.stderr.splitlines())) == len(answer.stderr.splitlines())
    assert "hunter" not in answer.stderr
    assert "Traceback" not in answer.stderr


_MEASURED = """
import resource, sys
from trackd_service.catalog_command import main
code = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
sys.exit(code)
"""


def peak_mib(*arguments: str) -> int:
    answer = subprocess.run(
        [sys.executable, "-c", _MEASURED, *arguments], capture_output=True, text=True, check=True, timeout=100
    )
    return int(answer.stdout.split()[-1])


def test_large_documents_take_the_memory_of_a_few_of_them(tmp_path: Path, postgres: PostgresServer) -> None:
    url = postgres.new_schema()
    with contextlib.closing(SqliteCatalog(tmp_path / "live")) as made:
        for number in range(60):
            document = {
                "project": "p",
                "run_id": f"r{number}",
                "state": "running",
                "create_time": 1,
                "update_time": 1,
            }
            made.commit_run(document | {"config": "x" * (3 << 20)}, b"y" * (2 << 20))
    PostgresCatalog(url).close()
    small = tmp_path / "small"
    with contextlib.closing(PostgresCatalog(url)) as empty:
        catalog_copy.copy_to_file(empty, small)
    least = peak_mib("copy", str(small), postgres.new_schema())
    up = peak_mib("copy", str(tmp_path / "live"), url)
    down = peak_mib("backup", "--catalog", url, str(tmp_path / "b"))
    assert max(up, down) < least + 80  # of 300 MiB in all
    shutil.rmtree(tmp_path, ignore_errors=True)
