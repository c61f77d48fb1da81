"""Reads Chaoyang as it is released: train/ and test/ with images, train.json, test.json, train_label.json.

Source: Zhu et al. 2021, "Hard Sample Aware Noise Robust Learning for Histopathology Image Classification".
"""

import json
from pathlib import Path
from typing import Any

from core.errors import ManifestError, SourceError
from core.records import Source, SourceRow

CLASSES = ("normal", "serrated", "adenocarcinoma", "adenoma")
"""In the order of the codes 0 to 3."""
_CODES = {str(code): name for code, name in enumerate(CLASSES)}
_RATERS = ("label_A", "label_B", "label_C")


def is_chaoyang(root: Path) -> bool:
    return (root / "train.json").is_file() or (root / "train_label.json").is_file()


def read_chaoyang(root: Path) -> Source:
    """Rows of the training part (with its three raters, where train_label.json is there), then of the test part.

    The slide is the part of the name before -IMG. A test part that is absent is told in the messages.
    Raises SourceError if no labels or no training images are there, ManifestError for an entry that doesn't fit.
    """
    with_raters = root / "train_label.json"
    plain = root / "train.json"
    parts = [(with_raters if with_raters.is_file() else plain, "train")]
    messages = []
    if not parts[0][0].is_file():
        raise SourceError(f"{root}: neither train.json nor train_label.json is there; put the release's files here")
    if not (root / "train").is_dir():
        raise SourceError(
            f"{root / 'train'}: the images are absent; put the release's folders train/ and test/ into {root}"
        )
    if with_raters.is_file() and plain.is_file():
        messages += _differences(plain, with_raters)
    if (root / "test.json").is_file():
        parts.append((root / "test.json", "test"))
        if not (root / "test").is_dir():
            messages.append(f"the test images are absent; put the release's folder test/ into {root}")
    else:
        messages.append(f"there is no test part; put the release's test.json and test/ into {root}")
    entries = [(path, split, number, entry) for path, split in parts for number, entry in _entries(path)]
    if not entries:
        raise SourceError(f"{parts[0][0]}: lists no images; restore it from the release")

    columns = tuple(dict.fromkeys(key for *_, entry in entries for key in entry))
    raters = tuple(key for key in _RATERS if key in columns)
    rows = []
    for path, split, number, entry in entries:
        where = f"{path.name} entry {number}"
        if not isinstance(entry.get("name"), str):
            raise ManifestError(f'{where}: has no name; add "name": the image\'s path from {root}')
        image = entry["name"]
        votes = tuple(_class_name(entry.get(key), where) for key in raters)
        label = _class_name(entry.get("label"), where)
        rows.append(SourceRow(len(rows) + 1, image, label, slide=_slide(image), split=split, raters=votes))
    return Source(
        root=str(root.resolve()),
        format="chaoyang",
        columns=columns,
        cells=tuple(tuple(_cell(entry.get(column)) for column in columns) for *_, entry in entries),
        image_column="name",
        label_column="label",
        rows=tuple(rows),
        labels_file=", ".join(path.name for path, _ in parts),
        rater_names=tuple(key.replace("label_", "rater_") for key in raters),
        written_labels={name: code for code, name in _CODES.items()},
        classes=CLASSES,
        messages=tuple(messages),
    )


def _entries(path: Path) -> list[tuple[int, dict[str, Any]]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ManifestError(f"{path.name}: is no valid JSON ({error}); restore it from the release") from error
    if not isinstance(content, list):
        raise ManifestError(f'{path.name}: is no list of {{"name": ..., "label": ...}}; restore it from the release')
    for number, entry in enumerate(content, start=1):
        if not isinstance(entry, dict):
            raise ManifestError(f'{path.name} entry {number}: is not {{"name": ..., "label": ...}}; mend it')
    return list(enumerate(content, start=1))


def _differences(plain: Path, with_raters: Path) -> list[str]:
    labels = [{entry.get("name"): entry.get("label") for _, entry in _entries(path)} for path in (plain, with_raters)]
    num_different = len(labels[0].items() ^ labels[1].items())
    if not num_different:
        return []
    return [f"{plain.name} and {with_raters.name} differ in some images or labels; {with_raters.name} was used"]


def _class_name(value: Any, where: str) -> str:
    written = _cell(value).strip()
    if written in _CODES:
        return _CODES[written]
    if written in ("", *CLASSES):
        return written
    known = ", ".join(f"{code} ({name})" for code, name in _CODES.items())
    raise ManifestError(f"{where}: label {written!r} is not one of {known}; mend the entry")


def _slide(image: str) -> str:
    name = image.replace("\\", "/").rsplit("/", 1)[-1]
    slide, mark, _ = name.partition("-IMG")
    return slide if mark else ""


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
