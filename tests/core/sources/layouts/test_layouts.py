"""Every public dataset of core/docs/formats.md, in its true layout: imported with the flags there, and with none."""

import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from overread.errors import UserError
from overread.records import Source, SourceRow
from tests.core.importing import read_source
from tests.core.sources.layouts.array_sets import ARRAYS
from tests.core.sources.layouts.chest_sets import CHEST
from tests.core.sources.layouts.made_dataset import PublicDataset, Truth
from tests.core.sources.layouts.skin_sets import SKIN_AND_RETINA
from tests.core.sources.layouts.tissue_sets import TISSUE
from tests.paths import ROOT

DATASETS = (*CHEST, *SKIN_AND_RETINA, *TISSUE, *ARRAYS)
every_dataset = pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name.replace(" ", "-"))

Made = Callable[[PublicDataset], tuple[Path, list[Truth]]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The folder of a dataset, made once, and what an import of it must know."""
    folders: dict[str, tuple[Path, list[Truth]]] = {}

    def make(dataset: PublicDataset) -> tuple[Path, list[Truth]]:
        if dataset.name not in folders:
            root = tmp_path_factory.mktemp("dataset")
            folders[dataset.name] = root, dataset.make(root)
        return folders[dataset.name]

    return make


def named(rows: Iterable[SourceRow]) -> list[SourceRow]:
    """The rows whose image is there, one for each image."""
    return list({row.image: row for row in rows if not row.fault}.values())


def groups(members: Iterable[tuple[str, str]]) -> set[frozenset[str]]:
    """The images that share a patient or a slide; those without one are in none."""
    found = defaultdict(set)
    for image, group in members:
        if group:
            found[group].add(image)
    return {frozenset(images) for images in found.values()}


def classes(source: Source) -> set[str]:
    return {row.label for row in source.rows} - {""}


@every_dataset
def test_the_page_of_formats_has_the_command(dataset):
    page = (ROOT / "core" / "docs" / "formats.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| `(.+?)` \|", page, flags=re.MULTILINE)
    _, *flags = shlex.split(dict(rows)[dataset.name])
    asked = dict(dataset.asked)
    if dataset.name == "CIFAR-N":  # the tests' copy of the file needs no torch
        asked["labels"] = "CIFAR-10_human.pt"
    expected = Counter()
    for field, value in asked.items():
        flag = {"doubts": "--as"}.get(field, f"--{field.replace('_', '-')}")
        for part in value if isinstance(value, tuple) else (value,):
            expected[flag, str(part)] += 1
    pairs = Counter(zip(flags[::2], flags[1::2], strict=True))
    assert {pair: count for pair, count in pairs.items() if pair[0] != "--study"} == expected


@every_dataset
def test_the_command_of_the_page_finds_labels_patients_and_splits(dataset, made):
    root, truths = made(dataset)
    rows = named(read_source(root / dataset.source, **dataset.asked).rows)
    assert {row.image: row.label for row in rows} == {truth.image: truth.label for truth in truths}
    assert {row.image: row.split for row in rows} == {truth.image: truth.split for truth in truths}
    for kind in ("patient", "slide"):
        expected = groups((truth.image, getattr(truth, kind)) for truth in truths)
        assert groups((row.image, getattr(row, kind)) for row in rows) == expected, kind
    votes = {row.image: Counter(filter(None, row.raters)) for row in rows}
    assert votes == {truth.image: Counter(truth.raters) for truth in truths}


@pytest.mark.parametrize(
    "dataset", [d for d in DATASETS if d.asked], ids=lambda dataset: dataset.name.replace(" ", "-")
)
def test_the_folder_alone_gives_the_same_classes_or_asks_for_what_is_missing(dataset, made):
    root, truths = made(dataset)
    try:
        source = read_source(root / dataset.source)
    except UserError as error:
        assert dataset.question, error
        assert dataset.question in str(error)
    else:
        assert classes(source) == {truth.label for truth in truths}
        assert {row.image for row in named(source.rows)} == {truth.image for truth in truths}
