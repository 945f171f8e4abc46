"""Owns the fixtures that unit tests share."""

from tests.postgres_server import postgres
from tests.unit.people_server import catalog, clock, people

__all__ = ["catalog", "clock", "people", "postgres"]
