"""The study that the tests of reading use."""

from tests.app.reading.conftest import study

__all__ = ["study"]
