"""Tables in Markdown, and what stands above them."""

import platform
from collections.abc import Sequence
from importlib import metadata

import pandas as pd

_PACKAGES = ("torch", "scikit-learn", "numpy", "cleanlab")


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def between_marks(text: str, marks: tuple[str, str], content: str) -> str:
    """The text with other content between two marks. Raises ValueError if it has not both."""
    before, first, rest = text.partition(marks[0])
    _, last, after = rest.partition(marks[1])
    if not (first and last):
        raise ValueError(f"README has no {marks[0]} and {marks[1]}")
    return before + first + (f"\n\n{content}\n\n" if content else "\n") + last + after


def spread(mean: float, std: float, decimals: int) -> str:
    """Mean ± standard deviation, the latter where there is one."""
    if pd.isna(mean):
        return "-"
    return f"{mean:.{decimals}f}" if pd.isna(std) else f"{mean:.{decimals}f} ± {std:.{decimals}f}"


def load(found: pd.DataFrame) -> str:
    """How busy the machine was: seconds depend on it."""
    loads = found["load"].dropna() if "load" in found else []
    return f" (load {min(loads):.0f} to {max(loads):.0f})" if len(loads) else ""


def versions() -> str:
    """Of Python and the packages that results depend on."""
    found = [f"Python {platform.python_version()}"]
    for name in _PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)
