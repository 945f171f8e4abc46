"""Owns the fixtures that unit tests share."""

from tests.postgres_server import postgres

__all__ = ["postgres"]
