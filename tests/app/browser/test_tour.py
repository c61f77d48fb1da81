"""The tour of the Review page in a browser: once, by keyboard, and without a verdict by mistake."""

from dataclasses import replace

import pytest

from overread.studies.study import save_study
from tests.app.browser.conftest import OWNER, Server, await_saved, decide, draw_images, look, open_apart, serving
from tests.app.made_study import write_study

pytestmark = [pytest.mark.browser, pytest.mark.slow]

VERDICT_KEYS = ("a", "x", "1", "2", "m", "n", "e", "q", "u", "d", "?")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The app on a demo study, where the tour is offered."""
    study = replace(write_study(tmp_path_factory.mktemp("tour"), num_samples=60), is_demo=True)
    save_study(study)
    draw_images(study)
    with serving(study) as url:
        yield Server(url, study)


def enter(page, reader):
    field = page.locator(".st-key-review_reader input")
    field.fill(reader)
    field.press("Enter")
    look(page)


def card(page):
    return page.get_by_role("dialog", name="Is this label right?")


def is_open(page):
    return page.locator(".tour").is_visible()


def test_no_key_gives_a_verdict_while_a_step_is_open_and_the_first_one_after_it_does(browser, demo):
    with open_apart(browser, demo) as page:
        enter(page, "Dr. Tour")
        assert card(page).is_visible()
        visit = look(page)
        for key in VERDICT_KEYS:
            page.keyboard.press(key)
        page.wait_for_timeout(300)
        assert page.locator(".reading").get_attribute("data-painted") == visit
        assert page.locator("dialog[open]").count() == 0
        page.keyboard.press("Escape")
        assert not is_open(page)
        decide(page, "a")
        await_saved(page)
    assert [row[2] for row in demo.rows("Dr. Tour")] == ["accept"]


def test_five_steps_by_enter_with_focus_on_the_card_and_the_image_free(browser, demo):
    with open_apart(browser, demo) as page:
        enter(page, "Dr. Step")
        viewer = page.locator(".viewer").bounding_box()
        titles = []
        while is_open(page):
            titles.append(page.locator(".tour-title").text_content())
            assert page.locator(".tour-next").evaluate("e => e === e.getRootNode().activeElement")
            assert page.locator(".tour").bounding_box()["x"] >= viewer["x"] + viewer["width"]
            page.keyboard.press("Enter")
        assert len(titles) == len(set(titles)) == 5
        assert page.locator(".is-toured").count() == 0
        assert page.evaluate("localStorage.getItem('overread.tour')") == "seen"
    assert demo.rows("Dr. Step") == []


@pytest.mark.slow
def test_a_tour_that_was_skipped_does_not_come_back_but_from_help(browser, demo):
    with open_apart(browser, demo) as page:
        enter(page, "Dr. Skip")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Skip the tour").click()
        page.reload()
        look(page)
        assert not is_open(page)
        page.goto(f"{demo.url}/help?owner={OWNER}")
        page.get_by_role("button", name="Start the tour").click()
        page.locator(".tour").wait_for(state="visible")
        page.get_by_role("button", name="Next").click()
        page.get_by_role("button", name="Back").click()
        assert card(page).is_visible()
        page.keyboard.press("Escape")
        decide(page, "x")
        assert not is_open(page)
