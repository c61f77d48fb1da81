"""Overread finds wrong labels in medical image datasets and corrects them with a clinician's verdict on each change.

The public names below are imported when they are first used: `import overread` itself takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from overread.version import __version__

if TYPE_CHECKING:
    from overread.api import export_labels, import_source, train
    from overread.detection.find_from_probs import find_label_errors_from_probs
    from overread.detection.find_label_errors import find_label_errors
    from overread.studies.study import open_study

__all__ = [
    "__version__",
    "export_labels",
    "find_label_errors",
    "find_label_errors_from_probs",
    "import_source",
    "open_study",
    "train",
]

_MODULES = {
    "export_labels": "overread.api",
    "find_label_errors": "overread.detection.find_label_errors",
    "find_label_errors_from_probs": "overread.detection.find_from_probs",
    "import_source": "overread.api",
    "open_study": "overread.studies.study",
    "train": "overread.api",
}
"""Where each public name is defined."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
