"""Whatever a CSV or a JSON holds: its cells come back as they were, or one UserError says why not."""

import csv
import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overread.errors import UserError
from overread.sources.csv_table import read_table
from overread.sources.json_table import read_json_table
from overread.studies.study import open_study, read_text_table, write_text_table
from tests.core.conftest import write_image
from tests.core.importing import import_source, read_source

seeded = settings(derandomize=True, database=None, deadline=None, max_examples=150)
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
awkward = st.one_of(
    texts, st.sampled_from(["", " ", '"', '""', "a;b", "a,b\t", "\r", "\n\n", "\r\n", "\x85", "\u2028", "007"])
)
snippets = st.sampled_from(
    [b'"', b"\n", b"\r", b",", b";", b"\t", b"\0", b"\xff", b"\xef\xbb\xbf", b"[", b"{", b":", b"]"]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("any")


@seeded
@given(
    rows=st.lists(st.tuples(awkward, awkward, awkward), max_size=6),
    delimiter=st.sampled_from(",;\t"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_cells_of_a_csv_come_back_from_the_reader_and_from_the_study_s_table(
    folder, rows, delimiter, quoting, encoding
):
    path = folder / "labels.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter, quoting=quoting).writerows([("image", "label", "note"), *rows])
    source = read_table(path, folder)
    assert (source.columns, source.cells) == (("image", "label", "note"), tuple(rows))
    write_text_table(folder / "source.csv", source.columns, source.cells)
    assert [tuple(row) for row in read_text_table(folder / "source.csv").values.tolist()] == rows


@seeded
@given(start=st.sampled_from([b"", b"image,label\n", b"image;label\na.png;cat\n"]), data=st.data())
def test_any_bytes_make_a_source_or_a_user_error(folder, start, data):
    parts = data.draw(st.lists(st.one_of(snippets, st.binary(max_size=6)), max_size=12))
    path = folder / "labels.csv"
    path.write_bytes(start + b"".join(parts))
    with suppress(UserError):
        source = read_source(path)
        assert all(len(cells) == len(source.columns) for cells in source.cells)


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), awkward),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(awkward, inner, max_size=3)),
    max_leaves=6,
)


@seeded
@given(entries=st.lists(st.dictionaries(awkward, values, max_size=4), max_size=4), is_ascii=st.booleans())
def test_values_of_a_json_come_back_as_text(folder, entries, is_ascii):
    path = folder / "labels.json"
    path.write_text(json.dumps(entries, ensure_ascii=is_ascii), encoding="utf-8")
    table = read_json_table(path)
    assert [list(entry) for entry in table] == [list(entry) for entry in entries]
    for cells, entry in zip(table, entries, strict=True):
        for key, value in entry.items():
            plain = "" if value is None else value
            assert cells[key] == (plain if isinstance(plain, str) else json.dumps(value, ensure_ascii=False))


@seeded
@given(
    entries=st.one_of(
        values,
        st.lists(
            st.dictionaries(st.sampled_from(["name", "label", "label_A", "x"]), st.one_of(values, st.integers(0, 3)))
        ),
    ),
    cut=st.integers(0, 3),
    noise=st.binary(max_size=3),
)
def test_any_json_makes_a_source_or_a_user_error(tmp_path_factory, folder, entries, cut, noise):
    root = folder / "chaoyang"
    if not root.exists():
        write_image(root / "train" / "a.png")
    text = json.dumps(entries).encode()
    (root / "train_label.json").write_bytes(text[: len(text) - cut] + (noise if cut else b""))
    with suppress(UserError):
        source = read_source(root)
        assert all(len(cells) == len(source.columns) for cells in source.cells)


def test_whatever_names_an_image_ends_as_a_sample_or_in_the_quarantine(folder):
    good = [("a.png", "cat"), ("b.png", "dog")]
    for seed, (image, _) in enumerate(good):
        write_image(folder / "images" / image, seed)
    odd = (
        "..",
        ".",
        "/",
        "~",
        "a.png/",
        "x" * 5000,
        "\0",
        "nul\0.png",
        "a\n.png",
        "file:///a.png",
        "ftp://b/k",
        "s3://b",
        "s3://b/k::file:///a.png",
        "https://[",
        "c.png\t",
    )
    rows = [*good, *[(name, "cat") for name in odd]]
    path = folder / "images" / "labels.csv"
    with path.open("w", encoding="utf-16", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("image", "label"), *rows])
    summary = import_source(read_source(path), folder / "study", image_size_px=32)
    study = open_study(folder / "study")
    assert list(study.samples()["image"]) == ["a.png", "b.png"]
    assert summary.num_quarantined == len(odd)
    assert [tuple(row) for row in study.source_table().values.tolist()] == rows
