"""The Gallery page, driven from the entry file: its component, its fields and the owner's critical classes."""

import json

from overread.pipeline.study_ledger import open_ledger
from overread.review.assignment import Assignment, assign
from overread.studies.study import open_study
from tests.app.conftest import open_page, page_text

READER = "Dr. Mira Sand"


def component(app):
    """The data of the gallery's component."""
    (element,) = [e for e in app.get("bidi_component") if e.proto.component_name == "overread_gallery"]
    return json.loads(element.proto.json)


def test_the_page_asks_who_is_reviewing_before_it_shows_anything(app, made_study):
    open_page(app, "gallery")
    assert "Who is reviewing?" in page_text(app)
    assert not [e for e in app.get("bidi_component") if e.proto.component_name == "overread_gallery"]


def test_a_class_pair_is_chosen_for_the_gallery_and_for_the_queue_alike(app, made_study):
    open_page(app, "gallery", reader=READER)
    before = component(app)["ticket"]
    (pairs,) = [box for box in app.selectbox if box.label.startswith("Given label")]
    assert pairs.options == ["All class pairs (8)", "adenoma → normal (8)"]
    pairs.set_value(("adenoma", "normal")).run()
    assert component(app)["ticket"] != before
    assert open_page(app, "review", reader=READER).exception == []


def test_the_owner_says_which_classes_are_critical_and_the_gallery_knows(app, made_study):
    open_page(app, "studies")
    (field,) = [
        field
        for field in app.multiselect
        if field.label == "Critical classes" and not field.key.startswith("studies_form")
    ]
    field.select("serrated").run()
    assert open_study(made_study.path).critical_classes == ("serrated",)
    open_page(app, "gallery", reader=READER)
    assert component(app)["critical"] == ["serrated"]


def test_nobody_else_does(app, made_study):
    open_page(app, "studies", is_owner=False)
    assert not [field for field in app.multiselect if field.key.startswith("studies_critical")]


def test_in_a_shared_study_no_number_of_the_whole_study_stands_beside_a_choice(app, made_study):
    assign(open_ledger(made_study), Assignment(batch=3))
    app.session_state["gallery_more"] = app.session_state["review_more"] = True
    for page in ("gallery", "review"):
        open_page(app, page, reader=READER)
        options = [option for box in app.selectbox if box.label != "Show" for option in box.options]
        assert "adenoma" in options and not [option for option in options if "(" in option]
        assert "In the whole study: **8 images**. You get a share of them." in page_text(app)
        assert "to review" not in page_text(app)
