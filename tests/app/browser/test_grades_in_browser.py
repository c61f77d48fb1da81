"""Grading a wrong label: one key before the verdict, in sight where names are long, gone once the image is."""

import sqlite3
from contextlib import closing

import pytest

from overread.studies.study import set_protocol, update_study_file
from tests.app.browser.conftest import Server, await_saved, begin, decide, draw_images, look, open_tab, serving
from tests.app.browser.test_reading_page import CLASSES, boxes
from tests.app.made_study import write_study

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.app.made_study.CLASSES", CLASSES)
        study = write_study(tmp_path_factory.mktemp("grades"), num_samples=120)
    draw_images(study)
    study = update_study_file(study.path, asks_grades=True)
    with serving(study) as url:
        yield Server(url, study)


@pytest.fixture(scope="module")
def page(browser, server):
    with open_tab(browser, server) as page:
        begin(page, "Grader")
        page.locator(".st-key-review_code_noted button").click()
        yield page


def stored(server):
    """kind, verdict and grade of every row, straight from the database."""
    with closing(sqlite3.connect(f"file:{server.study.path / 'review.db'}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT kind, verdict, grade FROM ledger WHERE kind <> 'reader' ORDER BY sequence")
        return rows.fetchall()


def pressed(page):
    found = page.locator(".grade[aria-pressed='true']")
    return [button.get_attribute("aria-label") for button in found.all()]


SIZES = [(1024, 768), (1280, 720)]


def all_in_sight(page, width, height):
    """The boxes of what a verdict needs, at a size of the window; each lies inside it."""
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(400)
    needed = boxes(page, ".readings, .verdict, .grade, .note, .last, .progress")
    for box in needed:
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= height
        assert box["x"] + box["width"] <= width
    return needed


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_grades_are_in_sight_with_all_else_that_a_verdict_needs(page, width, height):
    assert len(all_in_sight(page, width, height)) == 4 + 2 + 4 + 3 + 4
    assert page.locator(".grade").evaluate_all("all => all.every((each) => each.scrollWidth <= each.clientWidth)")


def test_one_key_grades_a_verdict_that_finds_an_error_and_undo_brings_the_grade_back(page, server):
    visit = look(page)
    page.keyboard.press("t")
    page.keyboard.press("b")
    assert pressed(page) == ["Few miss it Major"]
    assert page.locator(".reading").get_attribute("data-painted") == visit  # nothing is decided by it
    decide(page, "a")
    assert pressed(page) == []
    page.locator(".grade").first.click()
    assert pressed(page) == ["Many miss it Minor"]
    decide(page, "x")  # the label is right after all
    page.keyboard.press("g")
    page.keyboard.press("g")
    assert pressed(page) == []
    decide(page, "a")
    await_saved(page)
    assert stored(server) == [("verdict", "accept", "few_major"), ("verdict", "reject", ""), ("verdict", "accept", "")]
    decide(page, "u", "u", "u")
    await_saved(page)
    assert pressed(page) == ["Few miss it Major"]
    decide(page, "a")
    await_saved(page)
    assert "(few miss it, major)" in page.locator(".saved").text_content()
    assert stored(server)[3:] == [("undo", "", "")] * 3 + [("verdict", "accept", "few_major")]


def test_blind_first_the_grades_come_with_the_labels(page, server):
    decide(page, "a", "a")  # two that were seen before
    await_saved(page)
    set_protocol(server.study.path, "blind")
    page.reload()
    page.wait_for_selector(".reading.is-blind")
    look(page)
    assert not page.locator(".grades").is_visible()
    page.keyboard.press("b")
    page.keyboard.press("1")
    page.wait_for_selector(".reading:not(.is-blind)")
    assert pressed(page) == []
    for width, height in SIZES:
        assert len(all_in_sight(page, width, height)) == 4 + 2 + 4 + 3 + 4
    look(page)
    page.keyboard.press("y")
    decide(page, "a")
    await_saved(page)
    assert stored(server)[-2:] == [("reading", "", ""), ("verdict", "accept", "many_major")]
    set_protocol(server.study.path, "open")


def test_without_the_option_there_is_nothing_to_see_and_its_keys_do_nothing(page, server):
    update_study_file(server.study.path, asks_grades=False)
    page.reload()
    visit = look(page)
    assert not page.locator(".grades").is_visible()
    page.keyboard.press("b")
    decide(page, "a")
    await_saved(page)
    assert visit != look(page)
    assert stored(server)[-1] == ("verdict", "accept", "")
