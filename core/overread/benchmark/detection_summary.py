"""README's table of what is found, from the tables of results/detection.md."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from overread.benchmark.markdown_tables import between_marks, markdown

MARKS = "<!-- detection: made by core/docs/make_pages.py -->", "<!-- end of detection -->"
_FEATURES, _PRECISION, _F1 = "## Features: pretrained", "### Average precision", "### F1"
_TASKS = {
    "chest_xray": "chest X-rays, 6 synthetic noises",
    "lung_histology": "lung tiles, 6 synthetic noises",
    "cifar10n": "CIFAR-10N, 3 sets of human labels",
    "demo_tiles": "demo tiles, a simulated reader",
}
_METHODS = {
    "overread": "**Overread**",
    "cleanlab": "cleanlab 2.9",
    "loss": "ranking by the loss",
    "oracle": "a classifier trained on the true labels",
}
_CEILING = "oracle"
"""Never marked as the best: it was told the truth."""
_COMPARED = {"overread": "Overread", "cleanlab": "cleanlab"}
"""Whose own cut-off README tells of."""


def with_detection(readme: str, page: str) -> str:
    """README with the means of detection.md between its marks. Raises ValueError if either lacks what is needed."""
    _, found, rest = page.partition(_FEATURES)
    if not found:
        raise ValueError(f"the page has no part {_FEATURES}")
    precision, f1 = (_means(rest, title) for title in (_PRECISION, _F1))
    rows = []
    for method, title in _METHODS.items():
        cells = []
        for task in _TASKS:
            best = max(precision[task][name] for name in _METHODS if name != _CEILING)
            value = f"{precision[task][method]:.3f}"
            cells.append(f"**{value}**" if method != _CEILING and precision[task][method] == best else value)
        rows.append([title, *cells])
    table = markdown(["", *_TASKS.values()], rows)
    told = [f"{name} {_listed([f'{f1[task][key]:.3f}' for task in _TASKS])}" for key, name in _COMPARED.items()]
    return between_marks(readme, MARKS, f"{table}\n\nF1 of the labels that each proposes by itself: {'; '.join(told)}.")


def _means(text: str, title: str) -> Mapping[str, Mapping[str, float]]:
    """Of each task, the mean over its noises, by method, of the first table under a title."""
    _, _, under = text.partition(title)
    lines = [line.strip("| ").split(" | ") for line in under.splitlines() if line.startswith("|")]
    header, cells = lines[0], defaultdict(list)
    for line in lines[2:]:
        if line[0] not in _TASKS:
            break
        cells[line[0]].append([float(value.split()[0]) for value in line[2:]])
    return {
        task: dict(zip(header[2:], (sum(column) / len(rows) for column in zip(*rows, strict=True)), strict=True))
        for task, rows in cells.items()
    }


def _listed(values: Sequence[str]) -> str:
    return f"{', '.join(values[:-1])} and {values[-1]}"
