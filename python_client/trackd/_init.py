"""Owns `init` and the module-level functions that follow the current run.

Invariant: `init` makes no round trip; it returns when the run's first record is in the spool, whether a daemon is there
or not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import trackd
from trackd import (
    _config,
    _daemon,
    _disabled,
    _exit,
    _identity,
    _names,
    _notebook,
    _process,
    _resume,
    _settings,
)
from trackd._run import Run
from trackd._settings import Settings
from trackd._shipper import tell
from trackd.errors import Error, UsageError

_ID_FORBIDDEN = "/\\#?%:;,"
_PROJECT_FORBIDDEN = "/\\#?%:"
NAME_CHARACTERS_MAX = 128  # the daemon's limit for projects and ids (config.NAME_CHARACTERS_MAX)
_REINIT = {True: "finish_previous", False: "return_previous", None: "default"}


def init(
    project: str | None = None,
    name: str | None = None,
    id: str | None = None,  # noqa: A002 - wandb's name
    config: Any = None,
    group: str | None = None,
    job_type: str | None = None,
    tags: Any = None,
    notes: str | None = None,
    dir: str | os.PathLike[str] | None = None,  # noqa: A002
    mode: str | None = None,
    resume: bool | str | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
    *,
    entity: str | None = None,
    reinit: bool | str | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    **ignored: Any,
) -> Run:
    """Begins a run, starting the daemon in the background when none is there.

    Args:
        project: The project; by default `TRACKD_PROJECT`, the name of the git repository, or "uncategorized".
        name: The display name; made up when not given.
        id: The run's id, unique in the project; made up when not given. Writing an id that is there already adds a
            writer to that run.
        config: The experiment's settings: a dict, an `argparse.Namespace`, absl flags, or a YAML file's path.
        group: A name that several runs share.
        job_type: What kind of run this is, for example "train".
        tags: Texts of 1 to 64 characters.
        notes: Longer words about the run.
        dir: The folder under which `run.dir` lies; by default the working folder.
        mode: "online" (default), "offline" (no daemon is started; a later one takes the log), "shared" (several equal
            processes write one run), or "disabled" (nothing is kept).
        resume: What becomes of a run that has the id already. A new process always goes on behind the steps of the ended
            ones; "allow" also asks the daemon, so that `run.step`, `run.config` and the summary are those of before; "must"
            raises UsageError when there is no such run, "never" when there is one; "auto" or True goes on with the last run
            of this folder and project that did not end well. `TRACKD_RESUME`.
        settings: A `Settings` or a dict of them.
        entity: Accepted for older scripts; a store has no entities.
        reinit: What a second `init` in one process does: "finish_previous", "return_previous" or "create_new". By default
            it returns the run that is open, in a notebook it finishes that one.
        resume_from: "RUN_ID?_step=N" takes a run back to a step and goes on behind it. What was logged behind is masked: it
            is not shown any more, and stays on the disk.
        fork_from: "RUN_ID?_step=N" begins a new run with the history of another one of the project up to a step, and with its
            config.
        ignored: Other arguments of wandb's, accepted so that existing scripts run.

    Raises:
        ValueError: a name or an id cannot be one, or arguments exclude each other; the sentence says why.
        UsageError: `resume` is "must" or "never", and the run is not, or is, there.
        Error: `config` cannot be read.
    """
    choice = _REINIT.get(reinit, reinit) if not isinstance(reinit, str) else reinit
    if choice == "default":
        choice = "finish_previous" if _notebook.shell() is not None else "return_previous"
    current = trackd.run
    if current is not None and choice == "return_previous" and (id is None or id == current.id):
        current.config.update(_config.read_config(config), allow_val_change=True)
        return current
    if current is not None and choice == "finish_previous":
        current.finish()
    chosen = _settings.make_settings(settings)
    chosen_mode = _settings.choose_mode(mode)
    values = {**_config.read_config(config)}
    chosen_project = _check_name("project", project or _settings.default_project(), _PROJECT_FORBIDDEN)
    root = os.path.join(
        _settings.absolute_path(os.fspath(dir) if dir else _settings.variable("DIR") or "."), "trackd"
    )
    chosen_resume = _resume.choose(resume)
    rewind = _resume.parse_moment("resume_from", resume_from)
    fork = _resume.parse_moment("fork_from", fork_from)
    if (chosen_resume is not None) + (rewind is not None) + (fork is not None) > 1:
        raise ValueError("resume, resume_from and fork_from exclude each other: give one of them")
    given_id = id or (rewind.run_id if rewind else None) or _settings.variable("RUN_ID")
    if chosen_resume == "auto":
        given_id = given_id or _resume.read_note(root, chosen_project)
    run_id = _check_name("run id", given_id, _ID_FORBIDDEN) if given_id else _names.generate_id()
    if rewind is not None and rewind.run_id != run_id:
        raise ValueError(f"resume_from names run {rewind.run_id!r}, and id is {run_id!r}: they must be one")
    if fork is not None and fork.run_id == run_id:
        raise ValueError(f"fork_from names run {run_id!r} itself: give the new run another id")
    moment = rewind or fork
    tag_values = tags if tags is not None else _split(_settings.variable("TAGS"))
    arguments: dict[str, Any] = {
        "project": chosen_project,
        "run_id": run_id,
        "name": name or _settings.variable("NAME") or _names.generate_name(),
        "notes": notes if notes is not None else _settings.variable("NOTES"),
        "tags": _identity.check_tags(tag_values),
        "group": group or _settings.variable("RUN_GROUP"),
        "job_type": job_type or _settings.variable("JOB_TYPE"),
        "folder": os.path.join(root, f"run-{run_id}"),
    }
    is_old = False
    if chosen_mode == "disabled":
        run: Run = _disabled.DisabledRun(**arguments, settings=chosen)
        run.on_end = _unset_current
    else:
        store, problem = _settings.store_path(chosen.store)
        if problem:
            tell(problem)
        _settings.check_can_log(store)
        before: _resume.Found | None = None
        if chosen_mode != "offline" and (fork or (given_id and (chosen_resume or rewind))):
            shipper = _process.shipper_of(store, start_daemon=True)
            asked_id = fork.run_id if fork else run_id
            has_answered, before = _resume.find(shipper, chosen_project, asked_id)
            if chosen_resume is not None:
                _resume.check(chosen_resume, run_id, has_answered, before)
            elif has_answered and before is None:
                raise UsageError(f"run {asked_id!r} does not exist in project {chosen_project!r}")
        is_old = before is not None
        if before is not None and fork is None:
            arguments["name"] = name or before.name
            arguments["notes"] = arguments["notes"] or before.notes or None
            arguments["tags"] = arguments["tags"] or before.tags
        run = open_run(
            **arguments,
            store=store,
            mode=chosen_mode,
            settings=chosen,
            role="shared" if chosen_mode == "shared" else "primary",
            starting_step=moment.last_step + 1 if moment else None,
            origin=(chosen_project, *moment) if moment else None,
        )
        if before is not None:
            run.go_on(before.config, before.archived and fork is None, _resume.ASK_SECONDS)
            given = {
                "name": name,
                "notes": notes,
                "tags": _identity.check_tags(tags) if tags is not None else None,
            }
            run.rename(**{key: value for key, value in given.items() if value is not None and fork is None})
        if chosen_resume == "auto":
            _resume.write_note(root, chosen_project, run_id)
            run.note_folder = root
    if values:
        run.config.update(values, allow_val_change=is_old)
    if choice != "create_new" or current is None:
        set_current(run)
    return run


def open_run(
    *,
    project: str,
    run_id: str,
    name: str,
    folder: str,
    store: str,
    settings: Settings,
    role: str,
    mode: str = "online",
    notes: str | None = None,
    tags: tuple[str, ...] = (),
    group: str | None = None,
    job_type: str | None = None,
    starting_step: int | None = None,
    origin: tuple[str, str, int] | None = None,
    on_text: Callable[[str, str], None] | None = None,
) -> Run:
    """Opens a writer of a run in this process and says where it can be watched; see `Run.begin_capture` for `on_text`."""
    _settings.check_can_log(store)
    if not settings.label:
        settings.label = _settings.rank_label()
    shipper = _process.shipper_of(store, start_daemon=mode != "offline")
    run = Run(
        project=project, run_id=run_id, name=name, notes=notes, tags=tags, group=group, job_type=job_type, folder=folder,
        store=store, mode=mode, role=role, settings=settings, shipper=shipper, starting_step=starting_step, origin=origin,
    )  # fmt: skip
    if role != "helper":
        run._last_words = _exit.LastWords(  # noqa: SLF001 - set once, here, where the role is known
            os.path.join(store, "log", f"x-{run._spool.writer_id}.txt")  # noqa: SLF001
        )
        if not settings.quiet:
            endpoint = _daemon.read_endpoint(store)
            where = f", at {endpoint.http_address}/p/{project}" if endpoint else ""
            tell(f"run {name} in project {project}; watch it with `trackd ui`{where}")
    _process.keep(run)
    run.begin_capture(on_text)
    return run


def attach(project: str, run_id: str, name: str, folder: str, store: str, settings: Settings) -> Run:
    """Opens a helper's writer for a run that another process has opened, and that came here by pickle."""
    for run in _process.running():
        if (run.project, run.id) == (project, run_id):
            return run
    return open_run(
        project=project,
        run_id=run_id,
        name=name,
        folder=folder,
        store=store,
        role="helper",
        settings=settings,
    )


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """Ends the current run; does nothing when there is none."""
    if trackd.run is not None:
        trackd.run.finish(exit_code, quiet)


def set_current(run: Run | None) -> None:
    """Makes a run the one that the module-level functions follow."""
    trackd.run = run
    for name in trackd._FOLLOWERS:  # noqa: SLF001 - the package lists what it gives
        setattr(trackd, name, getattr(run, name) if run is not None else BeforeInit(name))


def _unset_current(run: Run) -> None:
    if trackd.run is run:
        set_current(None)


_process.on_end.append(_unset_current)


class BeforeInit:
    """Stands for a function or mapping of the current run while there is none."""

    def __init__(self, name: str) -> None:
        """Takes the name for the sentence."""
        object.__setattr__(self, "_name", name)

    def _fail(self) -> Any:
        raise Error(f"trackd.{self._name} needs a run: call trackd.init() first")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Raises Error."""
        self._fail()

    def __getitem__(self, key: str) -> Any:
        """Raises Error."""
        self._fail()

    def __setitem__(self, key: str, value: Any) -> None:
        """Raises Error."""
        self._fail()

    def __getattr__(self, name: str) -> Any:
        """Raises Error, but for names that inspection asks for."""
        if name.startswith("__"):
            raise AttributeError(name)
        return self._fail()

    def __setattr__(self, name: str, value: Any) -> None:
        """Raises Error."""
        self._fail()


def _check_name(what: str, name: str, forbidden: str) -> str:
    name = str(name)
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX or not name.strip():
        raise ValueError(
            f"{what} is {len(name)} characters; it can be 1 to {NAME_CHARACTERS_MAX}: {name[:24]!r}"
        )
    for character in name:
        if character in forbidden or not character.isprintable():
            raise ValueError(
                f"{what} is {name!r}; it cannot hold {character!r}: use letters, digits, - and _"
            )
    return name


def _split(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


__all__ = ["BeforeInit", "Settings", "UsageError", "finish", "init", "open_run", "set_current"]
