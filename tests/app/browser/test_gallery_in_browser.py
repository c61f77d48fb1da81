"""The gallery in a real browser: select, confirm, one row for each, undo; and that scrolling makes no more elements."""

import pandas as pd
import pytest

from overread.studies.run import open_run
from overread.studies.study import update_study_file
from tests.app.browser.conftest import PATIENCE_MS, open_tab

pytestmark = [pytest.mark.browser, pytest.mark.slow]
READER = "Dr. Gale Lerie"
BUSY = {"message": "the ledger cannot be reached."}


@pytest.fixture
def gallery(browser, server):
    """The Gallery page, as READER."""
    with open_tab(browser, server) as page:
        page.goto(f"{server.url}/gallery")
        enter(page, READER)
        yield page


def enter(page, reader):
    """Give the name, and wait for the first images."""
    field = page.locator(".st-key-review_reader input")
    field.fill(reader)
    field.press("Enter")
    page.wait_for_selector(".gallery .tile[data-id]:not([data-id=''])", timeout=PATIENCE_MS)


def tile(page, index):
    return page.locator(f".gallery .tile[data-index='{index}']")


def ids(page, first, end):
    return [tile(page, index).get_attribute("data-id") for index in range(first, end)]


def await_selected(page, number):
    page.wait_for_selector(f".gallery[data-selected='{number}']", timeout=PATIENCE_MS)


def confirm(page):
    page.locator(".confirm-it").click()
    page.wait_for_selector(".confirm", state="hidden", timeout=PATIENCE_MS)


def test_selected_images_get_a_row_each_and_an_undo_takes_all_of_them_back(gallery, server):
    page = gallery
    tile(page, 1).click()
    tile(page, 4).click(modifiers=["Shift"])
    await_selected(page, 4)
    page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    await_selected(page, 5)
    wanted = ids(page, 1, 6)
    page.keyboard.press("a")
    assert page.locator(".confirm h2").inner_text() == "Change 5 images from adenoma to normal"
    assert page.locator(".pictures li").count() == 5
    confirm(page)
    await_selected(page, 0)
    assert [row[:3] for row in server.rows(READER)] == [("verdict", name, "accept") for name in wanted]
    assert page.locator(".gallery .saved").inner_text() == "Saved: 5 images: adenoma → normal"
    assert tile(page, 1).locator(".mark").inner_text() == "normal"
    page.keyboard.press("u")
    page.wait_for_selector(".gallery .saved:has-text('Undone: 5 images')", timeout=PATIENCE_MS)
    assert page.locator(".gallery .undo").is_disabled()
    assert [row[0] for row in server.rows(READER)] == ["verdict"] * 5 + ["undo"] * 5
    assert {row[1] for row in server.rows(READER)[5:]} == set(wanted)
    assert tile(page, 1).locator(".mark").is_hidden()

    update_study_file(server.study.path, critical_classes=("normal",))
    try:
        tile(page, 0).click()
        page.keyboard.press("a")  # the page does not know yet; the server does
        confirm(page)
        page.wait_for_selector(".gallery .problem:not([hidden])", timeout=PATIENCE_MS)
        assert "1 image not saved, still selected." in page.locator(".gallery .problem").inner_text()
        await_selected(page, 1)
    finally:
        update_study_file(server.study.path, critical_classes=())
    assert len(server.rows(READER)) == 10


def test_a_drag_and_select_all_take_what_they_touch_and_escape_lets_go(browser, server):
    with open_tab(browser, server) as page:
        page.goto(f"{server.url}/gallery")
        enter(page, "Dr. Drag")
        first, last = tile(page, 0).bounding_box(), tile(page, 2).bounding_box()
        page.mouse.move(first["x"] + 9, first["y"] + 9)
        page.mouse.down()
        page.mouse.move(last["x"] + 20, last["y"] + 40, steps=4)
        page.mouse.up()
        await_selected(page, 3)
        page.keyboard.press("Escape")
        await_selected(page, 0)
        page.keyboard.press("Control+a")
        page.keyboard.press("Control+a")
        await_selected(page, 40)
        assert tile(page, 0).get_attribute("aria-selected") == "true"
        page.locator(".gallery .grid").evaluate("grid => grid.scrollTo(0, grid.scrollHeight)")
        page.wait_for_selector(".gallery .tile[data-index='39']")
        assert tile(page, 39).get_attribute("aria-selected") == "true"
        tile(page, 39).dblclick()  # opens it where images are read
        page.wait_for_selector(".reading[data-painted]:not(.gallery)", timeout=PATIENCE_MS)


def test_refined_scores_bring_a_new_list_and_ask_for_a_new_selection(browser, server):
    with open_tab(browser, server) as page:
        page.goto(f"{server.url}/gallery")
        enter(page, "Dr. Refined")
        tile(page, 0).click()
        await_selected(page, 1)
        path = open_run(server.study).path / "scores.csv"
        scores = pd.read_csv(path)
        scores["label_error_probability"] = scores["label_error_probability"][::-1].to_numpy()
        scores.to_csv(path, index=False)
        page.keyboard.press("x")
        confirm(page)
        page.get_by_text("The list was updated. Select again.").wait_for(timeout=PATIENCE_MS)
        await_selected(page, 0)
        assert server.rows("Dr. Refined") == []
        page.wait_for_selector(".gallery .tile[data-index='0']:not([data-id=''])", timeout=PATIENCE_MS)
        tile(page, 0).click()
        await_selected(page, 1)
        page.keyboard.press("x")
        wanted = ids(page, 0, 1)
        confirm(page)
        await_selected(page, 0)
        assert [row[:3] for row in server.rows("Dr. Refined")] == [("verdict", wanted[0], "reject")]


@pytest.mark.slow
def test_cancel_ends_a_verdict_that_the_server_does_not_take_and_it_is_not_sent_again(browser, server):
    with open_tab(browser, server) as page:
        page.goto(f"{server.url}/gallery")
        enter(page, "Dr. Cancel")
        sent = []
        page.route("**/gallery/verdict", lambda route: (sent.append(1), route.fulfill(status=503, json=BUSY)))
        tile(page, 0).click()
        page.keyboard.press("x")
        page.locator(".confirm-it").click()
        page.wait_for_selector(".progressing:has-text('Trying again')", timeout=PATIENCE_MS)
        page.locator(".confirm .cancel").click()
        page.wait_for_selector(".gallery .problem:has-text('1 image not saved, still selected. You cancelled')")
        await_selected(page, 1)
        page.unroute("**/gallery/verdict")
        num_sent = len(sent)
        page.wait_for_timeout(1500)  # longer than the next attempt would wait
        assert len(sent) == num_sent and not [row for row in server.rows("Dr. Cancel") if row[0] == "verdict"]
        page.keyboard.press("x")
        confirm(page)
        await_selected(page, 0)
        assert [row[0] for row in server.rows("Dr. Cancel")] == ["verdict"]


def test_what_was_saved_after_all_is_shown_and_no_longer_selected(browser, server):
    with open_tab(browser, server) as page:
        page.goto(f"{server.url}/gallery")
        enter(page, "Dr. Late")
        waiting = []
        page.route("**/gallery/verdict", lambda route: waiting.append(route))
        tile(page, 0).click()
        page.keyboard.press("x")
        page.locator(".confirm-it").click()
        page.wait_for_selector(".progressing:has-text('Saving')")
        page.keyboard.press("Escape")
        page.wait_for_selector(".gallery .problem:has-text('You cancelled')")
        await_selected(page, 1)
        waiting[0].continue_()
        await_selected(page, 0)
        assert not page.locator(".gallery .undo").is_disabled()
        assert [row[0] for row in server.rows("Dr. Late")] == ["verdict"]
