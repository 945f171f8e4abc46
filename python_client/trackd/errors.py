"""Owns the errors that trackd raises, with the names that existing scripts catch."""

from __future__ import annotations


class Error(Exception):
    """Raised when trackd is used in a way that cannot work; the sentence says what to do."""


class UsageError(Error):
    """Raised when a call makes no sense at this point, for example on a finished run."""


class CommError(Error):
    """Raised by reading calls when the daemon cannot be reached; never by `log`."""


class ConfigError(Error):
    """Raised when a config value would change without `allow_val_change=True`."""
