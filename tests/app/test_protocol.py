"""A study's protocol on the pages: who chooses it, what the Review page holds back, and what Insights makes of it."""

import numpy as np
import pytest
from PIL import Image

from overread.pipeline.study_ledger import open_ledger
from overread.records import Protocol, Reading
from overread.studies.run import open_run
from overread.studies.study import open_study, set_protocol
from overread_app.components.protocol_field import PROTOCOLS
from tests.app.conftest import open_page, page_text
from tests.app.test_studies import data_folder, import_source
from tests.app.verdicts import verdicts

__all__ = ["data_folder"]
READER = "Dr. Mira Sand"


@pytest.fixture
def blind(made_study):
    return set_protocol(made_study.path, "blind")


def protocol_field(app):
    return next(field for field in app.selectbox if (field.key or "").startswith("studies_protocol"))


def test_the_owner_changes_the_protocol_and_other_readers_are_told_it(app, made_study):
    app.session_state["session_is_owner"] = True
    app.run()
    protocol_field(app).set_value(Protocol.BLIND).run()
    assert not app.exception
    assert open_study(made_study.path).protocol == "blind"
    assert protocol_field(app).value == Protocol.BLIND
    open_page(app, "studies", is_owner=False)
    assert PROTOCOLS[Protocol.BLIND] in page_text(app)
    assert not any((field.key or "").startswith("studies_protocol") for field in app.selectbox)


def test_the_form_makes_a_study_that_is_read_blind_first(app, made_study, tmp_path, data_folder):
    source = tmp_path / "films"
    for label in ("clear", "opaque"):
        (source / label).mkdir(parents=True)
        for index in range(3):
            pixels = np.random.default_rng(index).integers(0, 255, (20, 20), dtype=np.uint8)
            Image.fromarray(pixels).save(source / label / f"{label}{index}.png")
    import_source(app, source, protocol=Protocol.BLIND)
    assert open_study(data_folder / "films").protocol == "blind"


def test_the_course_of_training_of_a_sample_comes_after_its_reading(app, blind):
    sample_id = open_run(blind).scores().query("is_proposed")["sample_id"].iloc[0]
    open_page(app, "review", reader=READER)
    app.session_state["session_resting"] = sample_id
    assert "During training" not in page_text(app.run())
    open_ledger(blind).record_reading(Reading(sample_id, READER, "normal", "k"))
    assert "During training" in page_text(app.run())
    assert not app.exception


def test_insights_tell_what_became_of_the_reader_s_own_readings(app, blind):
    ledger, found = open_ledger(blind), verdicts(blind, reader=READER, number=4)
    for number, verdict in enumerate(found):
        label = verdict.proposed_label if number < 3 else verdict.given_label
        ledger.record_reading(Reading(verdict.sample_id, READER, label, f"k{number}"))
        ledger.record(verdict)
    ledger.record_reading(Reading(found[0].sample_id, "Ben", "serrated", "other"))
    open_page(app, "insights", reader=READER)
    text = page_text(app)
    assert "Kept your own label: **3** of 4 (75 %)" in text
    assert "Moved to the model’s label: **1** of 1 that differed from it (100 %)" in text
    assert "Moved to the given label: **0** of 4 (0 %)" in text
    assert "turned wrong" not in text  # the truth is not known
    assert "Ben" not in text
    open_page(app, "insights", reader="Cleo")
    assert "Label images on the Review page" in page_text(app)


def test_insights_of_a_study_that_is_read_openly_say_nothing_of_readings(app, made_study):
    open_page(app, "insights", reader=READER)
    assert "Your readings and verdicts" not in page_text(app)
