"""Owns what a run is called and described as: its ids, its names, its tags; the part of `Run` that is no record of training.

Invariant: what can be set is sent on as it is set, and read back without asking anybody.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackd._settings import Settings


class Identity:
    """What a run is called."""

    def __init__(
        self,
        *,
        project: str,
        run_id: str,
        name: str,
        notes: str | None,
        tags: tuple[str, ...],
        group: str | None,
        job_type: str | None,
        folder: str,
        mode: str,
        settings: Settings,
    ) -> None:
        """Holds what `trackd.init` was given, or chose."""
        self._project = project
        self._id = run_id
        self._name = name
        self._notes = notes
        self._tags = tags
        self._group = group
        self._job_type = job_type
        self._archived = False
        self._resumed = False
        self._folder = folder
        self._mode = mode
        self._settings = settings
        self._start_time = time.time()

    def _update(self, **fields: Any) -> None:
        """Sends on what was set."""
        raise NotImplementedError

    @property
    def id(self) -> str:
        """The run's id, unique in its project."""
        return self._id

    @property
    def project(self) -> str:
        """The project's name."""
        return self._project

    @property
    def entity(self) -> str:
        """Always empty: a store has no entities."""
        return ""

    @property
    def path(self) -> str:
        """`project/id`, as `trackd.Api().run` takes it."""
        return f"{self._project}/{self._id}"

    @property
    def dir(self) -> str:
        """The folder for the run's own files; made on first use."""
        os.makedirs(self._folder, exist_ok=True)
        return self._folder

    @property
    def start_time(self) -> float:
        """When this process opened the run, in seconds since 1970."""
        return self._start_time

    @property
    def settings(self) -> Settings:
        """The run's settings."""
        return self._settings

    @property
    def offline(self) -> bool:
        """Whether no daemon is started for the run."""
        return self._mode == "offline"

    @property
    def disabled(self) -> bool:
        """Always False: a disabled run is another class."""
        return False

    @property
    def resumed(self) -> bool:
        """Whether the run existed before, and is gone on with."""
        return self._resumed

    @property
    def name(self) -> str:
        """The display name; settable."""
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        self._name = str(value)
        self._update(name=self._name)

    @property
    def notes(self) -> str | None:
        """The notes; settable."""
        return self._notes

    @notes.setter
    def notes(self, value: str) -> None:
        self._notes = str(value)
        self._update(notes=self._notes)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags; settable."""
        return self._tags

    @tags.setter
    def tags(self, value: Iterable[str]) -> None:
        self._tags = check_tags(value)
        self._update(tags=self._tags)

    @property
    def archived(self) -> bool:
        """Whether the run is put away: kept, and left out where the page lists runs; settable."""
        return self._archived

    @archived.setter
    def archived(self, value: bool) -> None:
        self._archived = check_archived(value)
        self._update(archived=self._archived)

    @property
    def group(self) -> str | None:
        """The group."""
        return self._group

    @property
    def job_type(self) -> str | None:
        """The job type."""
        return self._job_type

    def rename(self, **fields: Any) -> None:
        """Changes what a person calls the run, where `trackd.init` was given it anew."""
        if fields:
            self._update(**fields)


def check_tags(tags: Iterable[Any] | str | None) -> tuple[str, ...]:
    """Returns tags, each once, in order; one text is one tag. Raises ValueError for a tag that is none."""
    given = (tags,) if isinstance(tags, str) else tuple(tags or ())
    for tag in given:
        if not isinstance(tag, str) or not 1 <= len(tag) <= 64:
            raise ValueError(f"tag is {tag!r}; a tag is a text of 1 to 64 characters")
    return tuple(dict.fromkeys(given))


def check_archived(archived: Any) -> bool:
    """Returns whether a run is put away. Raises TypeError for what is no truth value: the text "no" would be a yes."""
    if not isinstance(archived, bool):
        raise TypeError(f"archived is {archived!r}; it must be True or False")
    return archived
