"""Reads the Chaoyang release: train/ and test/ with images, train.json, test.json, train_label.json.

Source: Zhu et al. 2021, "Hard Sample Aware Noise Robust Learning for Histopathology Image Classification".
"""

from pathlib import Path

from overread.errors import ConfigError, ManifestError, SourceError
from overread.records import Source, SourceRow
from overread.sources.fiftyone import is_fiftyone
from overread.sources.json_table import read_json_table
from overread.sources.label_studio_tasks import is_label_studio
from overread.sources.source_files import SourceFiles
from overread.sources.source_format import FormatOption, LabelPlace, SourceFormat

CLASSES = ("normal", "serrated", "adenocarcinoma", "adenoma")
"""In the order of the codes 0 to 3."""
GIVEN_LABELS = ("label", "label_A", "label_B", "label_C")
"""The released label, and those of the three pathologists (train_label.json)."""
_CODES = {str(code): name for code, name in enumerate(CLASSES)}
_WHERE_TO_ASK = (
    "ask the dataset's authors for them (Zhu et al. 2021, 'Hard sample aware noise robust learning for "
    "histopathology image classification', names their project page)"
)


def is_chaoyang(root: Path) -> bool:
    return (root / "train.json").is_file() or (root / "train_label.json").is_file()


def read_chaoyang(root: Path, *, given_label: str = "label") -> Source:
    """Rows of the training part (with its three raters, if there is a train_label.json), then of the test part.

    given_label: the key of the label under audit, one of GIVEN_LABELS; the others become rater columns (the released
    label as rater_released). The test part has no labels of individual pathologists; for these it is left out, with a
    message. The slide is the part of the name before -IMG. A missing test part is reported in the messages.
    Raises SourceError if the labels or the training images are missing, ConfigError for a given label that isn't
    there, ManifestError for an invalid entry.
    """
    with_raters = root / "train_label.json"
    plain = root / "train.json"
    train = with_raters if with_raters.is_file() else plain
    if not train.is_file():
        raise SourceError(
            f"{root}: neither train.json nor train_label.json is there; {_WHERE_TO_ASK} and put the release's train/, "
            f"test/ and .json files into {root}"
        )
    if not _holds_files(root / "train"):
        raise SourceError(
            f"{root / 'train'}: the images are missing; {_WHERE_TO_ASK} and put the release's folders train/ and test/ "
            f"into {root}, beside {train.name}"
        )
    entries = [(train, "train", entry) for entry in read_json_table(train)]
    if not entries:
        raise SourceError(f"{train}: lists no images; restore it from the release")
    keys = {key for *_, entry in entries for key in entry}
    if "name" not in keys:
        raise ManifestError(f'{train.name}: no entry has a "name"; add it: the image\'s path from {root}')
    _check_given_label(given_label, train, keys)
    messages = []
    if with_raters.is_file() and plain.is_file():
        messages += _differences(plain, [entry for *_, entry in entries])
    tests, message = _test_entries(root, given_label)
    entries += tests
    messages += message

    columns = tuple(dict.fromkeys(key for *_, entry in entries for key in entry))
    raters = [key for key in (*GIVEN_LABELS[1:], GIVEN_LABELS[0]) if key in columns and key != given_label]
    rows: list[SourceRow] = []
    numbers: dict[Path, int] = {}
    for path, split, entry in entries:
        numbers[path] = numbers.get(path, 0) + 1
        where = f"{path.name} entry {numbers[path]}"
        image = entry.get("name", "")
        votes = tuple(_class_name(entry.get(key, ""), where) for key in raters)
        label = _class_name(entry.get(given_label, ""), where)
        rows.append(SourceRow(len(rows) + 1, image, label, slide=_slide(image), split=split, raters=votes))
    return Source(
        root=str(root.resolve()),
        format="chaoyang",
        columns=columns,
        cells=tuple(tuple(entry.get(column, "") for column in columns) for *_, entry in entries),
        image_column="name",
        label_column=given_label,
        rows=tuple(rows),
        labels_file=", ".join(path.name for path in numbers),
        rater_names=tuple("rater_released" if key == "label" else key.replace("label_", "rater_") for key in raters),
        written_labels={name: code for code, name in _CODES.items()},
        classes=CLASSES,
        messages=tuple(messages),
    )


def _holds_files(folder: Path) -> bool:
    return folder.is_dir() and any(path.is_file() for path in folder.iterdir())


def _check_given_label(given_label: str, train: Path, keys: set[str]) -> None:
    known = [key for key in GIVEN_LABELS if key in keys]
    if given_label in known:
        return
    mend = f"give one of {', '.join(known)}" if known else "restore the file from the release"
    if train.name == "train.json" and given_label in GIVEN_LABELS:
        mend = "put the release's train_label.json beside it"
    if given_label == "label":
        raise ManifestError(f'{train.name}: no entry has a "label"; {mend}')
    message = f"--given-label {given_label}: {train.name} has no such label; {mend}"
    raise ConfigError(message, public=message)  # it names the release's own files and labels


def _test_entries(root: Path, given_label: str) -> tuple[list[tuple[Path, str, dict[str, str]]], list[str]]:
    """The entries of the test part, and messages about it."""
    path = root / "test.json"
    if not path.is_file():
        return [], [f"there is no test part; put the release's test.json and test/ into {root}"]
    entries = [(path, "test", entry) for entry in read_json_table(path)]
    if given_label != "label" and not any(given_label in entry for *_, entry in entries):
        return [], [f"{path.name} has no {given_label}: its {len(entries)} images are left out"]
    if not _holds_files(root / "test"):
        return entries, [f"the test images are absent; put the release's folder test/ into {root}"]
    return entries, []


def _differences(plain: Path, with_raters: list[dict[str, str]]) -> list[str]:
    pairs = [
        {(entry.get("name"), entry.get("label")) for entry in part} for part in (read_json_table(plain), with_raters)
    ]
    if pairs[0] == pairs[1]:
        return []
    return [f"{plain.name} and train_label.json differ in some images or labels; train_label.json was used"]


def _class_name(written: str, where: str) -> str:
    written = written.strip()
    if written in _CODES:
        return _CODES[written]
    if written in ("", *CLASSES):
        return written
    known = ", ".join(f"{code} ({name})" for code, name in _CODES.items())
    raise ManifestError(f"{where}: label {written!r} is not one of {known}; fix the entry")


def _slide(image: str) -> str:
    name = image.replace("\\", "/").rsplit("/", 1)[-1]
    slide, mark, _ = name.partition("-IMG")
    return slide if mark else ""


def _recognise(files: SourceFiles) -> bool:
    if not is_chaoyang(files.root):
        return False
    if files.labels_file is None:
        return not files.request.columns.named
    # An annotation tool may have exported into the same folder.
    return files.is_json and not (is_fiftyone(files.labels_file) or is_label_studio(files.labels_file))


FORMAT = SourceFormat(
    name="chaoyang",
    title="Chaoyang release (train.json, test.json)",
    recognise=_recognise,
    read=lambda files: read_chaoyang(files.root, given_label=files.request.given_label or "label"),
    precedence=30,
    label_places=(
        LabelPlace(
            options=(
                FormatOption(
                    field="given_label",
                    title="Label to audit",
                    whose="Chaoyang",
                    hint="label_A, label_B or label_C",
                    explanation="The released label, or one pathologist's. The others are kept as rater labels.",
                    choices=lambda _: GIVEN_LABELS,
                ),
            )
        ),
    ),
    looks_like=lambda path: path.is_dir() and is_chaoyang(path),
)
