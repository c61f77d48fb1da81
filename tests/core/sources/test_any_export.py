"""Whatever JSON FiftyOne's and Label Studio's readers are given: a source, or an error of the user's."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from overread.errors import UserError
from overread.records import Source
from overread.sources.fiftyone import read_fiftyone
from overread.sources.label_studio import is_label_studio, read_label_studio

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


TEXT = st.text(max_size=6)
RESULT = st.fixed_dictionaries(
    {
        "from_name": st.sampled_from("ab"),
        "value": st.fixed_dictionaries({"choices": st.lists(TEXT, min_size=1, max_size=2)}),
    }
)
ANNOTATION = st.fixed_dictionaries(
    {"result": st.lists(RESULT, min_size=1, max_size=2)},
    optional={
        "completed_by": st.integers(0, 3) | st.fixed_dictionaries({"id": st.integers(0, 3)}),
        "was_cancelled": st.booleans(),
        "ground_truth": st.booleans(),
        "updated_at": TEXT,
    },
)
TASK = st.fixed_dictionaries(
    {
        "data": st.fixed_dictionaries({"image": TEXT}, optional={"split": TEXT, "file": TEXT, "a": TEXT}),
        "annotations": st.lists(ANNOTATION, max_size=3),
    }
)
MIN_ENTRY = st.fixed_dictionaries(
    {"image": TEXT, "choice": TEXT | st.fixed_dictionaries({"choices": st.lists(TEXT)}), "id": st.integers(0, 2)}
)
CLASSIFICATION = st.fixed_dictionaries({"_cls": st.just("Classification"), "label": TEXT})
SAMPLE = st.fixed_dictionaries(
    {"filepath": TEXT, "tags": st.lists(st.sampled_from(["train", "test"])), "ground_truth": CLASSIFICATION},
    optional={"file": TEXT},
)
FIFTYONE = st.fixed_dictionaries({"samples": st.lists(SAMPLE, max_size=3)}) | st.fixed_dictionaries(
    {"classes": st.lists(TEXT, max_size=3), "labels": st.dictionaries(TEXT, st.integers(0, 3) | TEXT, max_size=3)}
)


@st.composite
def damaged(draw, whole):
    """Whole content, with one value anywhere in it replaced by anything."""
    content = {"whole": draw(whole)}
    place, key = content, "whole"
    while isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 5)):
        place = place[key]
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    place[key] = draw(ANYTHING)
    return content["whole"]


def check(read, path, content):
    path.write_text(json.dumps(content))
    try:
        source = read(path, path.parent)
    except UserError:
        return
    assert isinstance(source, Source)
    assert len(source.rows) == len(source.cells)
    assert {len(cells) for cells in source.cells} <= {len(source.columns)}
    assert len(set(source.columns)) == len(source.columns)
    assert {len(row.raters) for row in source.rows} <= {len(source.rater_names)}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(content=damaged(st.lists(TASK, max_size=3) | st.lists(MIN_ENTRY, max_size=3)))
def test_label_studio(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "tasks.json"
    check(read_label_studio, path, content)
    assert is_label_studio(path) in (True, False)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(content=damaged(FIFTYONE))
def test_fiftyone(tmp_path_factory, content):
    check(read_fiftyone, tmp_path_factory.getbasetemp() / "labels.json", content)
