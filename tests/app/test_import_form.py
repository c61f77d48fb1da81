"""The form's fields for how labels are read, and its words for the flags behind them."""

import pytest
from streamlit.testing.v1 import AppTest

from overread.cli.import_flags import FindingFlags, FolderFlags, ReadingFlags
from overread_app.components.flag_words import TITLES, in_form_words


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("those are --format folder", "those are “Format: One folder per class”"),
        ("--label-folder 5 takes the tumour types", "“Folder that names the class: 5” takes the tumour types"),
        ("give another --labels FILE.", "give another “Labels file”."),
        ("--as and --no-label say so", "“Uncertain cells (-1)” and “Cells without a label” say so"),
        ("set --rater-column to one of: a", "set “Rater columns” to one of: a"),
        ("start it with --root and -1 -- or --finding-x", "start it with --root and -1 -- or --finding-x"),
    ],
)
def test_flags_are_named_as_their_fields(said, shown):
    assert in_form_words(said) == shown


def test_every_flag_of_how_labels_are_read_has_a_field():
    named = {"doubts": "--as", "no_label": "--no-label"}
    fields = [field for flags in (FindingFlags, FolderFlags, ReadingFlags) for field in flags.__annotations__]
    assert {named.get(field, f"--{field.replace('_', '-')}") for field in fields} <= set(TITLES)


def answers(**chosen):
    """The options that the fields give, with some of them answered."""

    def page():
        import streamlit as st

        from overread_app.components.label_fields import ask_label_fields

        st.session_state["options"] = ask_label_fields(key="form", asked=(), columns=("a", "b"))

    app = AppTest.from_function(page).run()
    for name, value in chosen.items():
        kinds = (app.text_input, app.selectbox, app.multiselect, app.number_input, app.checkbox)
        (widget,) = [widget for kind in kinds for widget in kind if widget.key == f"form_{name}"]
        widget.set_value(value).run()
    assert not app.exception
    return app.session_state["options"]


def test_fields_that_are_left_alone_give_no_option():
    assert answers() == []


def test_answers_become_the_options_of_import():
    assert answers(finding=" Edema ") == ["--finding", "Edema"]
    assert answers(**{"as": "own-class", "as_blank": "blank=negative"}) == [
        "--as",
        "own-class",
        "--as",
        "blank=negative",
    ]
    assert answers(label_columns=["a", "b"]) == ["--label-columns", "a,b"]
    assert answers(label_folder=5, patient_folder=2) == ["--label-folder", "5", "--patient-folder", "2"]
    assert answers(frames="all", image_size=64) == ["--frames", "all", "--image-size", "64"]
    assert answers(follow_links=True, keep_masks=True) == ["--follow-links", "--keep-masks"]
