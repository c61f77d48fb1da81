"""The Adjudication page's keys in a real browser, read back from the ledger."""

import pytest

from overread.review.adjudication import open_round
from overread.review.disputes import Round
from tests.app.browser.conftest import AT_REST, OWNER, PATIENCE_MS, begin_name, draw_images, serving
from tests.app.made_study import write_study
from tests.app.verdicts import dispute

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETTLE_MS = 900
"""Time for the image to be seen, and for a second, wrong answer to show itself."""


def test_a_digit_is_one_answer_whatever_has_the_focus_but_a_text_field(browser, tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_EPHEMERAL", "1")
    study = write_study(tmp_path)
    draw_images(study)
    ledger = dispute(study, number=4)
    open_round(ledger, Round.ADJUDICATION, "Olga")

    def answers():
        page.wait_for_timeout(SETTLE_MS)
        page.wait_for_selector(AT_REST, timeout=PATIENCE_MS)
        return [(row.chosen_label, row.protocol) for row in ledger.history() if row.kind == "adjudication"]

    with serving(study) as url:
        page = browser.new_page()
        page.goto(f"{url}/adjudication?owner={OWNER}")
        begin_name(page, "Cleo")
        page.locator(".st-key-adjudication_choices button").first.wait_for(timeout=PATIENCE_MS)
        page.locator("[data-testid='stCheckbox'] label").click()
        assert answers() == []
        page.keyboard.press("2")
        assert answers() == [("normal", "open")]
        page.get_by_placeholder("Why (optional)").click()
        page.keyboard.press("1")
        page.locator(".viewer input").first.click()
        page.keyboard.press("1")
        assert answers() == [("normal", "open")]
        page.locator(".surface").focus()
        for _ in range(40):
            page.keyboard.down("3")
            page.wait_for_timeout(33)
        page.keyboard.up("3")
        assert answers() == [("normal", "open"), ("serrated", "blind")]
        page.locator(".st-key-adjudication_choices button").nth(0).dblclick()
        assert answers() == [("normal", "open"), ("serrated", "blind"), ("adenoma", "blind")]
        page.close()
