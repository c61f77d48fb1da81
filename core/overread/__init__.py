"""Overread finds and mends wrong labels in medical image datasets."""

from overread.version import __version__

__all__ = ["__version__"]
