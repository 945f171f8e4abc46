"""Owns the fixtures of the tests that need Spark: the S3 server of the tests of buckets.

`make test-spark` runs them, in an environment of their own; the other tests do without.
"""

from tests.s3.conftest import s3_server

__all__ = ["s3_server"]
