"""Reads CIFAR-10 and CIFAR-100 in their "python version": folders of pickled batches.

Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images"; the layout is that of
cifar-10-batches-py and cifar-100-python. The pickles are read as data, never run: see `pickles`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overread.errors import ConfigError, ManifestError, SourceError
from overread.records import Source, SourceRow
from overread.sources.arrays.array_images import image_name, write_arrays
from overread.sources.arrays.cifar_n import HumanLabels, given_labels, read_human_labels
from overread.sources.arrays.pickles import PickleError, read_pickle_file
from overread.sources.request import ImportRequest
from overread.sources.source_files import SourceFiles
from overread.sources.source_format import FormatOption, LabelPlace, SourceFormat

_SIDE_PX = 32
_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class _Layout:
    name: str
    splits: dict[str, tuple[str, ...]]
    """The files of each split, in the order of its images."""
    meta: str
    names: dict[str, str]
    """Key of a batch's labels to the key of their names in the meta file; the first is the usual one."""

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(file for files in self.splits.values() for file in files)


_LAYOUTS = (
    _Layout(
        "cifar-10-batches-py",
        {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)},
        "batches.meta",
        {"labels": "label_names"},
    ),
    _Layout(
        "cifar-100-python",
        {"train": ("train",), "test": ("test",)},
        "meta",
        {"fine_labels": "fine_label_names", "coarse_labels": "coarse_label_names"},
    ),
)


def is_cifar(path: Path) -> bool:
    """Whether a folder, or one in it, holds CIFAR's batches, or a file is one of them."""
    return bool(_found(path)) if path.is_dir() else _is_pickle(path) and bool(_found(path.parent))


def label_keys(root: Path) -> tuple[str, ...]:
    """The keys of the labels in a folder's batches, the usual one first; empty if it has no batches."""
    return next((tuple(layout.names) for _, layout in _found(root)), ())


def read_cifar(
    root: Path, *, label_key: str | None = None, labels: Path | None = None, given_label: str | None = None
) -> Source:
    """Rows of the training batches, then of the test batch; the written labels are codes.

    label_key: of CIFAR-100, fine_labels (without it) or coarse_labels.
    labels: a CIFAR-N file. Its human labels become the given labels of the training images, those of individual
        raters become rater columns, and the test images keep their own. Its true labels appear only in the source's
        cells.
    given_label: which of the file's labels to audit; needed if it holds several.
    Raises SourceError for files that are missing, damaged or do not match, ConfigError for a flag that does not apply,
    ManifestError for a code without a class.
    """
    folder, layout = _folder(root)
    if label_key is not None and label_key not in layout.names:
        raise ConfigError(f"--label-column {label_key}: {layout.name} holds {' and '.join(layout.names)}; give one")
    if given_label is not None and labels is None:
        raise ConfigError(f"--given-label {given_label}: is a label of CIFAR-N; name its file too, with --labels FILE")
    label_key = label_key or next(iter(layout.names))
    classes = _classes(folder / layout.meta, layout.names[label_key])
    keys = tuple(layout.names)
    cells, codes = [], []
    for split, files in layout.splits.items():
        index = 0
        for file in files if split == "train" or (folder / files[0]).is_file() else ():
            batch = _batch(folder / file, keys)
            for filename, *written in zip(batch["filenames"], *(batch[key] for key in keys), strict=True):
                cells.append((image_name(split, index), split, str(index), *map(str, written), filename))
                codes.append(written[keys.index(label_key)])
                index += 1
    has_test = (folder / layout.splits["test"][0]).is_file()
    columns = ("image", "split", "index", *keys, "filename")
    human = None
    if labels is not None:
        num_train = sum(row[1] == "train" for row in cells)
        human = read_human_labels(labels, given_label, np.array(codes[:num_train]), is_coarse="coarse" in label_key)
        codes[:num_train] = human.given
        cells = [(*row, *more) for row, more in zip(cells, _human_cells(human, codes), strict=True)]
        columns += human.keys
    return Source(
        root=str(folder.resolve()),
        format="cifar",
        columns=columns,
        cells=tuple(cells),
        image_column="image",
        label_column=human.given_key if human else label_key,
        rows=tuple(_rows(cells, codes, classes, human)),
        labels_file=str(labels.resolve()) if labels else "",
        rater_names=tuple(human.raters) if human else (),
        written_labels={name: str(code) for code, name in enumerate(classes)},
        classes=classes,
        messages=()
        if has_test
        else (f"there is no test part; put the release's {layout.splits['test'][0]} beside it",),
    )


def write_images(source: Source, folder: Path) -> Path:
    """Write the images of a source that `read_cifar` has read below `folder`; see `array_images.write_arrays`.

    Raises SourceError for a batch that is missing or damaged.
    """
    root, layout = _folder(Path(source.root))
    files = [root / name for name in layout.files if (root / name).is_file()]
    return write_arrays(files, _batches(root, layout), folder, only={row.image for row in source.rows})


def _batches(root: Path, layout: _Layout) -> Iterator[tuple[str, int, np.ndarray]]:
    for split, files in layout.splits.items():
        first = 0
        for path in (root / file for file in files):
            if split == "test" and not path.is_file():
                continue
            pixels = _batch(path, tuple(layout.names))["data"].reshape(-1, 3, _SIDE_PX, _SIDE_PX)
            for start in range(0, len(pixels), _CHUNK):
                yield split, first + start, pixels[start : start + _CHUNK].transpose(0, 2, 3, 1)
            first += len(pixels)


def _found(root: Path) -> list[tuple[Path, _Layout]]:
    found = []
    for layout in _LAYOUTS:
        for folder in (root, root / layout.name):
            # Any of the batches: if one is missing, the error can name it. Folders may have these names too.
            if any(_is_pickle(folder / file) for file in layout.files):
                found.append((folder, layout))
                break
    return found


def _is_pickle(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(1) == b"\x80"


def _folder(root: Path) -> tuple[Path, _Layout]:
    found = _found(root)
    if not found:
        names = " or ".join(layout.name for layout in _LAYOUTS)
        raise SourceError(f"{root}: contains no CIFAR batches; name the folder {names} of its Python version")
    if len(found) > 1:
        raise SourceError(f"{root}: holds both CIFAR-10 and CIFAR-100; name one of their folders")
    return found[0]


def _load(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise SourceError(f"{path}: is missing; restore it from the dataset's archive")
    try:
        content = read_pickle_file(path)
    except PickleError as error:
        raise SourceError(f"{path}: cannot be read ({error}); restore it from the dataset's archive") from error
    if not isinstance(content, dict):
        raise SourceError(f"{path}: is not a CIFAR batch; restore it from the dataset's archive")
    return {key.decode("latin-1") if isinstance(key, bytes) else key: value for key, value in content.items()}


def _batch(path: Path, label_keys: tuple[str, ...]) -> dict[str, Any]:
    """`data` (N, 3072) uint8, lists of integers, and `filenames` as text."""
    content = _load(path)
    data = content.get("data")
    if not (isinstance(data, np.ndarray) and data.dtype == np.uint8 and data.shape[1:] == (3 * _SIDE_PX**2,)):
        raise SourceError(f"{path}: holds no images of 32 x 32 px; restore it from the dataset's archive")
    for key in label_keys:
        values = content[key].tolist() if isinstance(content.get(key), np.ndarray) else content.get(key)
        if not isinstance(values, list) or len(values) != len(data) or any(type(value) is not int for value in values):
            raise SourceError(f"{path}: its {key} are not integers, one for each image; restore the file")
        content[key] = values
    content["filenames"] = _texts(content.get("filenames", [""] * len(data)))
    if content["filenames"] is None or len(content["filenames"]) != len(data):
        raise SourceError(f"{path}: its filenames are not one for each image; restore it from the dataset's archive")
    return content


def _texts(values: Any) -> list[str] | None:
    if not isinstance(values, list) or any(type(value) not in (str, bytes) for value in values):
        return None
    return [value.decode("latin-1") if isinstance(value, bytes) else value for value in values]


def _classes(path: Path, key: str) -> tuple[str, ...]:
    names = _texts(_load(path).get(key))
    if not names or len(set(names)) < len(names):
        raise SourceError(f"{path}: its {key} are not a list of distinct names; restore it from the dataset's archive")
    return tuple(names)


def _human_cells(human: HumanLabels, codes: list[int]) -> Iterator[tuple[str, ...]]:
    """The cells of CIFAR-N's columns; those of a test image are empty except for the given label, its own."""
    for place, code in enumerate(codes):
        if place < len(human.given):
            yield tuple(str(human.codes[key][place]) for key in human.keys)
        else:
            yield tuple(str(code) if key == human.given_key else "" for key in human.keys)


def _rows(
    cells: list[tuple[str, ...]], codes: list[int], classes: tuple[str, ...], human: HumanLabels | None
) -> Iterator[SourceRow]:
    def name(code: int, row: tuple[str, ...]) -> str:
        if not 0 <= code < len(classes):
            raise ManifestError(
                f"{row[1]} image {row[2]}: label {code} has no name in the meta file; restore the files"
            )
        return classes[code]

    raters = [human.codes[key] for key in human.raters.values()] if human else []
    for place, (row, code) in enumerate(zip(cells, codes, strict=True)):
        votes = tuple(name(rater[place], row) if place < len(rater) else "" for rater in raters)
        yield SourceRow(place + 1, row[0], name(code, row), split=row[1], raters=votes)


def _recognise(files: SourceFiles) -> bool:
    return set(files.request.columns.named) <= {"label"} and is_cifar(files.path)


def _read(files: SourceFiles) -> Source:
    request = files.request
    human = files.labels_file if request.labels is not None else None  # otherwise the file is a batch
    return read_cifar(files.root, label_key=request.columns.label, labels=human, given_label=request.given_label)


def _keys_to_choose(request: ImportRequest) -> tuple[str, ...]:
    return label_keys(Path(request.source)) if request.source and Path(request.source).is_dir() else ()


def _human_labels_to_choose(request: ImportRequest) -> list[str]:
    if request.labels is None or not Path(request.labels).is_file():
        return []
    return given_labels(Path(request.labels), is_coarse="coarse" in (request.columns.label or ""))


FORMAT = SourceFormat(
    name="cifar",
    title="CIFAR-10 or CIFAR-100 (Python version)",
    recognise=_recognise,
    read=_read,
    precedence=10,
    label_places=(
        LabelPlace(
            options=(
                FormatOption(
                    field="label_column",
                    title="Classes",
                    whose="CIFAR-100",
                    hint="coarse_labels",
                    choices=_keys_to_choose,
                ),
                FormatOption(
                    field="labels",
                    title="CIFAR-N labels",
                    whose="CIFAR-N",
                    hint="the file of human labels",
                    explanation="Leave empty to audit the dataset's own labels.",
                    placeholder="CIFAR-10_human.pt",
                    is_file=True,
                ),
                FormatOption(
                    field="given_label",
                    title="Label to audit",
                    whose="CIFAR-N",
                    hint="aggre_label, worse_label and so on",
                    choices=_human_labels_to_choose,
                ),
            )
        ),
    ),
    looks_like=lambda path: path.is_dir() and is_cifar(path),
    no_column="CIFAR's batches have no columns to name but --label-column",
    write_images=write_images,
)
