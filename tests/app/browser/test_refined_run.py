"""A run whose networks refine its proposals while a reader reads the first ones."""

import json
import shutil

import pandas as pd
import pytest

from overread.studies.run import open_run, training_lock
from tests.app.browser.conftest import Server, await_saved, begin, decide, draw_images, look, open_apart, serving
from tests.app.made_study import RUN, write_study

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PATIENCE_MS = 60_000


@pytest.fixture
def served(tmp_path):
    study = write_study(tmp_path, num_samples=60)
    draw_images(study)
    with serving(study) as url:
        yield Server(url, study)


def refine(study, kept):
    """Other probabilities, and without the proposals but that of the sample `kept`, of which another is now made."""
    path = open_run(study).path / "scores.csv"
    scores = pd.read_csv(path)
    is_kept = scores["sample_id"] == kept
    other = next(iter(scores.index[~scores["is_proposed"]]))
    scores.loc[~is_kept, ["is_proposed", "label_error_probability"]] = [False, 0.01]
    scores.loc[other, ["is_proposed", "label_error_probability"]] = [True, 0.9]
    scores.to_csv(path, index=False)
    return scores["sample_id"][other]


def test_a_verdict_on_what_was_in_sight_waits_for_the_new_ticket_and_is_saved(browser, served):
    reader = "Dr. Amid"
    with open_apart(browser, served) as page:
        begin(page, reader)
        decide(page, "x")
        await_saved(page)
        reading = page.locator(".reading")
        place, visit = reading.get_attribute("data-sample"), reading.get_attribute("data-painted")
        page.locator(".note").fill("a clip")
        page.keyboard.press("Enter")
        other = refine(served.study, kept=place)
        page.keyboard.press("x")
        look(page, after=visit)
        await_saved(page)
        assert page.locator(".problem").is_hidden()
        assert served.rows(reader)[1:] == [("verdict", place, "reject", "a clip")]
        decide(page, "x")  # the one that came at once is of the first proposals
        await_saved(page)
        assert reading.get_attribute("data-sample") == other
        assert len(served.rows(reader)) == 3


def test_the_page_is_drawn_again_with_the_refined_proposals_and_what_is_in_sight_stays(browser, served):
    study = served.study
    run = open_run(study)
    (run.path / "checkpoint").mkdir()
    with open_apart(browser, served) as page:
        with training_lock(study, RUN):
            begin(page, "Dr. Wait")
            page.get_by_text("First proposals; training refines them.").wait_for(timeout=PATIENCE_MS)
            reading = page.locator(".reading")
            place, visit = reading.get_attribute("data-sample"), reading.get_attribute("data-painted")
            page.locator(".note").fill("half ty")
            other = refine(study, kept=place)
            counts = {"num_more": 1, "num_fewer": 12, "num_relabelled": 0}
            (run.path / "refinement.json").write_text(json.dumps(counts))
            shutil.rmtree(run.path / "checkpoint")
        page.get_by_text("Refined: 1 more, 12 fewer.").wait_for(timeout=PATIENCE_MS)
        page.wait_for_function("() => !document.body.textContent.includes('First proposals')")
        assert (reading.get_attribute("data-sample"), reading.get_attribute("data-painted")) == (place, visit)
        assert page.locator(".note").input_value() == "half ty"
        page.keyboard.press("Escape")
        page.locator(".note").blur()
        decide(page, "x")
        await_saved(page)
        assert reading.get_attribute("data-sample") == other
        assert served.rows("Dr. Wait") == [("verdict", place, "reject", "half ty")]
