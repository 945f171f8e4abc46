"""Owns the fixtures of the tests that need PyTorch: those of the tests that drive a real daemon.

`make test-torch` runs them, with the PyTorch of the system's packages; the other tests do without.
"""

from tests.service.conftest import finish_all, project

__all__ = ["finish_all", "project"]
