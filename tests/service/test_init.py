"""`trackd.init` and the run that it returns: names, modes, several runs, the environment, and the ways a process ends."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.conftest import WaitUntil
from tests.service.reading import config, find_state, get_run, list_runs, logged, rows, state, summary
from tests.service.scripts import RunScript, start_script

import trackd

pytestmark = pytest.mark.usefixtures("project")


# -- what a run is called --------------------------------------------------------------------------------------------


def test_init_takes_what_wandb_init_takes(tmp_path: Path) -> None:
    run = trackd.init(
        project="named",
        entity="me",
        name="first",
        id="id-1",
        config={"lr": 1},
        group="g",
        job_type="train",
        tags=["a", "b", "a"],
        notes="some words",
        dir=tmp_path,
        mode="online",
        resume="allow",
        settings=trackd.Settings(label="rank 0", start_method="thread"),
        reinit=True,
        save_code=True,
        anonymous="allow",
        sync_tensorboard=False,
        force=False,
    )
    assert (run.project, run.name, run.id, run.group, run.job_type) == (
        "named",
        "first",
        "id-1",
        "g",
        "train",
    )
    assert (run.tags, run.notes, run.path, run.entity) == (("a", "b"), "some words", "named/id-1", "")
    assert not run.disabled
    assert not run.offline
    assert run.settings.label == "rank 0"
    assert Path(run.dir).is_dir()
    assert Path(run.dir).is_relative_to(tmp_path)
    run.finish()
    stored = get_run("id-1", "named")
    assert (stored.name, stored.group, stored.job_type, stored.notes) == ("first", "g", "train", "some words")
    assert list(stored.tags) == ["a", "b"]
    assert stored.process.pid == os.getpid()
    assert config("id-1") == {"lr": 1}


def test_a_run_names_itself_when_nobody_does() -> None:
    first = trackd.init()
    second = trackd.init(reinit="create_new")
    assert first.id != second.id
    assert len(first.id) == 8
    assert first.name
    assert first.name != first.id


def test_name_notes_and_tags_are_settable() -> None:
    run = trackd.init(tags="one")
    assert run.tags == ("one",)
    run.name, run.notes = "renamed", "more"
    run.tags += ("two",)
    assert (run.name, run.notes, run.tags) == ("renamed", "more", ("one", "two"))
    run.finish()
    stored = get_run(run.id)
    assert (stored.name, stored.notes, list(stored.tags)) == ("renamed", "more", ["one", "two"])
    with pytest.raises(trackd.UsageError, match="finished"):
        run.name = "late"


@pytest.mark.parametrize("tags", [[""], ["x" * 65], [5], [None]])
def test_a_tag_that_is_none_is_a_value_error(tags: Any) -> None:
    with pytest.raises(ValueError, match="a tag is a text of 1 to 64 characters"):
        trackd.init(tags=tags)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"project": "a/b"}, "project is 'a/b'; it cannot hold '/'"),
        ({"project": "x" * 129}, "project is 129 characters; it can be 1 to 128"),
        ({"project": " "}, "project"),
        ({"project": "a\nb"}, "cannot hold"),
        ({"id": "a:b"}, "run id is 'a:b'; it cannot hold ':'"),
        ({"id": "a\udc80"}, "run id"),
        ({"mode": "sometimes"}, "mode is 'sometimes'; it can be online, offline, disabled, shared"),
        ({"settings": {"late_steps": "never"}}, "late_steps"),
    ],
)
def test_what_cannot_be_is_a_value_error_and_no_run_begins(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        trackd.init(**arguments)
    assert trackd.run is None


@pytest.mark.parametrize("name", ["модель 1", "a b", "🎉", 'it\'s "quoted" <b>', "x" * 128, ".."])
def test_any_printable_name_is_a_project_and_an_id(name: str) -> None:
    run = trackd.init(project=name, id=name, name=name)
    run.log({"a": 1})
    run.finish()
    assert rows(name, name) == [(0, {"a": 1})]
    assert get_run(name, name).name == name


def test_the_environment_names_a_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {
        "TRACKD_PROJECT": "from-environment",
        "TRACKD_RUN_ID": "environment-1",
        "WANDB_NAME": "by wandb's name",
        "WANDB_NOTES": "notes",
        "WANDB_TAGS": "a, b,,c",
        "WANDB_RUN_GROUP": "group",
        "WANDB_JOB_TYPE": "eval",
        "WANDB_DIR": str(tmp_path),
        "WANDB_PROJECT": "not this one",
    }.items():
        monkeypatch.setenv(name, value)
    run = trackd.init()
    assert (run.project, run.id, run.name, run.notes) == (
        "from-environment",
        "environment-1",
        "by wandb's name",
        "notes",
    )
    assert (run.tags, run.group, run.job_type) == (("a", "b", "c"), "group", "eval")
    assert run.dir.startswith(str(tmp_path))


# -- module level -----------------------------------------------------------------------------------------------------


def test_the_module_level_functions_follow_the_run() -> None:
    run = trackd.init()
    assert trackd.run is run
    trackd.log({"a": 1})
    trackd.log({"a": 2}, step=5, commit=True)
    trackd.summary["best"] = 3
    trackd.config["lr"] = 4
    trackd.define_metric("a", summary="max")
    trackd.alert("title", "text", level="WARN")
    trackd.mark_preempting()
    trackd.finish()
    assert trackd.run is None
    assert rows(run.id) == [(0, {"a": 1}), (5, {"a": 2})]
    assert summary(run.id) == {"a.max": 2, "best": 3}
    for name in ("log", "config", "summary", "define_metric", "alert", "mark_preempting"):
        with pytest.raises(trackd.Error, match=f"trackd.{name} needs a run"):
            getattr(trackd, name)({}) if name in ("log", "alert", "define_metric") else getattr(
                trackd, name
            ).x
    trackd.finish()


def test_functions_taken_before_init_stay_of_the_time_before() -> None:
    early = trackd.log
    trackd.init()
    with pytest.raises(trackd.Error):
        early({"a": 1})


# -- modes and several runs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["offline", "dryrun"])
def test_an_offline_run_is_adopted_by_the_next_daemon(name: str, store: Path) -> None:
    run = trackd.init(project="offline", mode=name)
    assert run.offline
    run.config.lr = 1
    for i in range(100):
        run.log({"a": i, "t": "x"})
    run.summary["by_hand"] = 5
    assert run.summary["by_hand"] == 5
    assert run.flush(5)
    run.finish(exit_code=2)
    assert not (store / "endpoint.json").exists()
    trackd.init(project="online").finish()
    stored = get_run(run.id, "offline")
    assert len(rows(run.id)) == 100
    assert stored.exit_code == 2
    assert (state(run.id), config(run.id), summary(run.id)["by_hand"]) == ("failed", {"lr": 1}, 5)


def test_a_disabled_run_checks_and_keeps_nothing(store: Path) -> None:
    run = trackd.init(mode="disabled", config={"lr": 1})
    assert run.disabled
    trackd.log({"a": 1, "b": {"c": 2}})
    run.log({"a": 2}, step=7)
    run.log({"a": 3}, commit=False)
    run.history.row["x"] = 1
    run.history.add()
    assert run.step == 8
    run.summary["best"] = 3
    assert run.summary["best"] == 3
    assert run.summary["a"] == 3
    assert run.summary["b"]["c"] == 2
    assert run.config.lr == 1
    assert run.define_metric("a", summary="max") is not None
    run.name, run.tags = "n", ("t",)
    assert (run.url, run.flush()) == (None, True)
    with pytest.raises(TypeError, match="dict"):
        run.log(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="keys must be str"):
        run.log({5: 1})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="value of 'a'"):
        run.log({"a": object()})
    run.finish()
    with pytest.raises(trackd.UsageError, match="finished"):
        run.log({"a": 1})
    assert trackd.run is None
    assert list(store.rglob("*.log")) == []
    assert not (store / "endpoint.json").exists()


def test_a_second_init_returns_the_open_run() -> None:
    first = trackd.init(config={"a": 1})
    second = trackd.init(config={"b": 2}, reinit="return_previous")
    assert trackd.init() is first
    assert second is first
    assert dict(first.config) == {"a": 1, "b": 2}


@pytest.mark.parametrize("reinit", [True, "finish_previous"])
def test_reinit_finishes_the_previous_run(reinit: Any) -> None:
    first = trackd.init()
    first.log({"a": 1})
    second = trackd.init(reinit=reinit)
    assert trackd.run is second
    assert second is not first
    with pytest.raises(trackd.UsageError):
        first.log({"a": 2})
    second.finish()
    assert (state(first.id), state(second.id)) == ("finished", "finished")


def test_several_runs_of_one_process_at_the_same_time(project: str) -> None:
    current = trackd.init()
    others = [trackd.init(reinit="create_new") for _ in range(3)]
    assert trackd.run is current
    for i in range(10):
        trackd.log({"n": i})
        for position, run in enumerate(others):
            run.log({"n": 100 * position + i})
    for run in others:
        run.finish()
    assert trackd.run is current
    current.finish()
    assert [row["n"] for _, row in rows(current.id)] == list(range(10))
    for position, run in enumerate(others):
        assert [row["n"] for _, row in rows(run.id)] == [100 * position + i for i in range(10)]
    assert len(list_runs(project)) == 4


def test_runs_are_begun_and_ended_by_many_threads_at_once(project: str) -> None:
    errors: list[BaseException] = []

    def work(position: int) -> None:
        try:
            with trackd.init(reinit="create_new", id=f"run-{position}") as run:
                for i in range(50):
                    run.log({"n": i})
        except BaseException as error:  # noqa: BLE001 - told by the test
            errors.append(error)

    threads = [threading.Thread(target=work, args=(position,)) for position in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for position in range(8):
        assert [row["n"] for _, row in rows(f"run-{position}", project)] == list(range(50))


# -- how a run ends ----------------------------------------------------------------------------------------------------


def test_the_block_of_a_run_finishes_it() -> None:
    with trackd.init() as run:
        run.log({"a": 1}, commit=False)
    stored = get_run(run.id)
    assert (state(run.id), stored.exit_code, stored.traceback) == ("finished", 0, "")
    assert stored.HasField("finish_time")
    assert rows(run.id) == [(0, {"a": 1})]


def test_a_block_that_raises_marks_the_run_failed_with_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), trackd.init() as run:
        run.log({"a": 1 // 0})
    stored = get_run(run.id)
    assert (state(run.id), stored.exit_code) == ("failed", 1)
    assert 'run.log({"a": 1 // 0})' in stored.traceback
    assert stored.traceback.endswith("ZeroDivisionError: integer division or modulo by zero\n")
    assert trackd.run is None


@pytest.mark.parametrize(
    ("error", "expected", "code"),
    [
        (SystemExit(0), "finished", 0),
        (SystemExit(), "finished", 0),
        (SystemExit(3), "failed", 3),
        (SystemExit("no data"), "failed", 1),
        (KeyboardInterrupt(), "failed", 130),
        (GeneratorExit(), "failed", 1),
    ],
)
def test_a_block_left_by_other_exceptions(error: BaseException, expected: str, code: int) -> None:
    with pytest.raises(type(error)), trackd.init() as run:
        raise error
    assert (state(run.id), get_run(run.id).exit_code) == (expected, code)


@pytest.mark.parametrize(
    ("code", "expected"), [(None, "finished"), (0, "finished"), (1, "failed"), (255, "failed")]
)
def test_finish_takes_the_exit_code(code: int | None, expected: str) -> None:
    run = trackd.init()
    run.finish(code)
    run.finish(77)
    assert (state(run.id), get_run(run.id).exit_code) == (expected, code or 0)


def test_finish_with_a_large_exit_code_is_still_an_end() -> None:
    run = trackd.init()
    run.finish(exit_code=2**40)
    assert state(run.id) == "failed"


def test_finish_says_how_it_ended_and_quiet_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    trackd.init(settings={"quiet": False}, name="loud").finish()
    lines = capfd.readouterr().err
    assert "run loud in project" in lines
    assert "run loud finished" in lines
    trackd.init(settings={"quiet": True}).finish()
    assert capfd.readouterr().err == ""


ENDS: dict[str, tuple[str, int, str, int | None, str]] = {
    # source after the first log, exit code of the process, state, exit code of the run, what the traceback holds
    "falls off the end": ("", 0, "finished", 0, ""),
    "finish and go on": ("run.finish(); print('on')", 0, "finished", 0, ""),
    "sys.exit(0)": ("sys.exit(0)", 0, "finished", 0, ""),
    "sys.exit(3)": ("sys.exit(3)", 3, "failed", 3, ""),
    "sys.exit of a text": ("sys.exit('no data')", 1, "failed", 1, ""),
    "exit(4)": ("exit(4)", 4, "failed", 4, ""),
    "uncaught exception": ("raise ValueError('bad data')", 1, "failed", 1, "ValueError: bad data"),
    "os._exit": ("os._exit(5)", 5, "failed", 5, ""),
    "os._exit(0)": ("os._exit(0)", 0, "crashed", None, ""),
    "kill -9": ("os.kill(os.getpid(), 9)", -9, "killed", None, ""),
    "SIGTERM": ("os.kill(os.getpid(), 15); time.sleep(30)", -15, "killed", None, "line"),
    "segmentation fault": ("import ctypes; ctypes.string_at(0)", -11, "killed", None, "Segmentation fault"),
    "SIGABRT": ("os.abort()", -6, "killed", None, "Aborted"),
}


@pytest.mark.parametrize("how", ENDS)
def test_a_process_that_ends_leaves_a_complete_run_with_the_true_state(
    how: str, script: RunScript, wait_until: WaitUntil
) -> None:
    source, process_code, expected, run_code, words = ENDS[how]
    ended = script(
        f"""
        import os, sys, time, trackd
        run = trackd.init(id={how.replace("/", "-")!r}.replace(':', ' '))
        for i in range(10):
            run.log({{"n": i}})
        assert run.flush(60)  # the daemon has seen the process: how it ends can be known
        {source}
        """
    )
    assert ended.returncode == process_code, ended.stderr
    wait_until(lambda: find_state(how) not in ("", "running"), message="the end of the run")
    stored = get_run(how)
    assert state(how) == expected
    assert (stored.exit_code if stored.HasField("exit_code") else None) == run_code
    assert words in stored.traceback
    assert stored.signal == (-process_code if expected == "killed" else 0)
    assert [row["n"] for _, row in rows(how)] == list(range(10))


def test_the_users_own_hooks_still_run(script: RunScript) -> None:
    ended = script(
        """
        import atexit, signal, sys, trackd
        sys.excepthook = lambda kind, error, trace: print("my hook", kind.__name__)
        atexit.register(lambda: print("my exit"))
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(9))
        run = trackd.init(id="hooks")
        import os
        if "term" in sys.argv:
            os.kill(os.getpid(), signal.SIGTERM)
        raise ValueError("x")
        """
    )
    assert ended.stdout.split("\n")[:2] == ["my hook ValueError", "my exit"]
    assert state("hooks") == "failed"


def test_a_handler_of_sigterm_that_exits_is_an_exit(script: RunScript) -> None:
    ended = script(
        """
        import os, signal, sys, time, trackd
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(9))
        run = trackd.init(id="handled")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(30)
        """
    )
    assert ended.returncode == 9
    assert (state("handled"), get_run("handled").exit_code) == ("failed", 9)


def test_an_exception_that_was_caught_is_no_failure(script: RunScript) -> None:
    ended = script(
        """
        import sys, trackd
        trackd.init(id="caught")
        try:
            sys.exit(3)
        except SystemExit:
            pass
        """
    )
    assert ended.returncode == 0
    assert (state("caught"), get_run("caught").exit_code) == ("finished", 0)


def test_interrupting_a_training_marks_it_failed(tmp_path: Path) -> None:
    process = start_script(
        tmp_path,
        """
        import time, trackd
        run = trackd.init(id="interrupted")
        run.log({"n": 1})
        run.flush()
        print("ready", flush=True)
        while True:
            time.sleep(0.05)  # the load; a signal that comes as a call begins is met when it returns
        """,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert (state("interrupted"), get_run("interrupted").exit_code) == ("failed", 130)
    assert "KeyboardInterrupt" in get_run("interrupted").traceback
    assert rows("interrupted") == [(0, {"n": 1})]
    assert not psutil.pid_exists(process.pid)


def test_the_import_of_the_client_is_cheap(script: RunScript) -> None:
    ended = script(
        """
        import sys
        import trackd
        run = trackd.init()
        run.log({"a": 1})
        print([name for name in ("grpc", "google.protobuf", "numpy", "pyarrow") if name in sys.modules and
               "trackd-shipper" not in str(sys.modules[name])] if run.step == 1 else None)
        """,
        env={"TRACKD_MODE": "offline"},
    )
    assert ended.stdout == "[]\n", ended.stderr


def test_what_a_run_says_of_itself() -> None:
    run = trackd.init()
    assert repr(run) == f"<trackd.Run {run.path} {run.name!r}>"
    run.flush(60)
    assert run.url is not None
    assert run.url.endswith(f"/p/{run.project}/r/{run.id}")
    assert run.get_url() == run.url
    assert run.starting_step == 0
    assert not run.resumed
    assert run.start_time > 1.6e9
    run.log({"a": 1})
    run.flush(60)
    assert run.durable_sequence > 0
    assert logged(run) == [(0, {"a": 1})]


def test_init_again_in_a_notebook_finishes_the_run_before(script: RunScript) -> None:
    answer = script(
        """
        import sys, types

        class ZMQInteractiveShell:
            pass

        # What a notebook's kernel has loaded before the first cell runs.
        shell = ZMQInteractiveShell()
        sys.modules["IPython"] = types.SimpleNamespace(get_ipython=lambda: shell)
        import trackd

        first = trackd.init(project="notebook", id="cell-1")
        first.log({"a": 1})
        second = trackd.init(project="notebook", id="cell-2")
        assert trackd.run is second and first is not second
        second.log({"a": 2})
        third = trackd.init(project="notebook")
        assert third is not second
        third.finish()
        """
    )
    assert answer.returncode == 0, answer.stderr
    for run_id in ("cell-1", "cell-2"):
        assert state(run_id, "notebook") == "finished"
