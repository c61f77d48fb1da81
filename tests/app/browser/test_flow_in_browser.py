"""The flow of reading in a browser: samples put off, verdicts opened again, another queue, no model."""

import re

import pytest

from tests.app.browser.conftest import Server, await_saved, begin, decide, draw_images, look, open_tab, serving
from tests.app.made_study import write_study

pytestmark = pytest.mark.browser


@pytest.fixture
def reader(request):
    """A name of each test's own."""
    return f"Dr. {request.node.name[-20:]}"


@pytest.fixture
def tab(browser, server, reader):
    with open_tab(browser, server) as page:
        begin(page, reader)
        yield page


def shown(page):
    return page.locator(".reading").get_attribute("data-sample")


def press(page, key):
    visit = look(page)
    page.keyboard.press(key)
    look(page, after=visit)


def await_sample(page, sample_id):
    page.wait_for_selector(f".reading[data-sample='{sample_id}']", timeout=20_000)
    look(page)


def open_queue(page):
    page.get_by_role("button", name="Queue").click()
    page.get_by_label("Go to image").wait_for()


def close_queue(page):
    page.keyboard.press("Escape")
    page.locator("canvas.surface").click(position={"x": 20, "y": 200})
    page.get_by_label("Go to image").wait_for(state="detached")


def show_part(page, text, *, total):
    """Choose a part of the queue, which has so many images, and wait until it is there."""
    open_queue(page)
    page.get_by_role("combobox", name="Show", exact=True).click()
    page.get_by_role("option", name=f"{text} ({total})").click()
    page.wait_for_timeout(600)  # Streamlit may forget what is chosen in the moment in which a popover closes
    close_queue(page)
    page.locator(".total", has_text=re.compile(f"^{total}$")).wait_for()


def test_a_sample_that_is_put_off_is_no_verdict_and_waits_in_a_queue_of_its_own_also_after_a_reload(
    tab, server, reader
):
    put_off = shown(tab)
    press(tab, "q")
    assert tab.locator(".saved").text_content().startswith("Put off")
    here = shown(tab)
    tab.reload()
    await_sample(tab, here)
    assert server.rows(reader) == []
    press(tab, "x")
    assert shown(tab) != put_off
    show_part(tab, "Put off", total=1)
    press(tab, "x")  # the one in sight stayed
    assert shown(tab) == put_off


def test_a_verdict_is_found_opened_again_and_changed_and_the_queue_goes_on(tab, server, reader):
    for _ in range(4):
        press(tab, "x")
    await_saved(tab)
    (_, first, *_), *_ = server.rows(reader)
    waiting = shown(tab)
    tab.keyboard.press("d")
    tab.locator(".decided-one").nth(3).wait_for()
    assert tab.locator(".decided-one").count() == 4
    for key in ("a", "x", "u"):  # no verdicts while it is open
        tab.keyboard.press(key)
    tab.get_by_label("Search your verdicts").fill(first)
    tab.locator(".decided-one").nth(1).wait_for(state="detached")
    tab.locator(".decided-one").click()
    await_sample(tab, first)
    assert tab.locator(".readings .title").text_content().startswith("Your verdict so far: ")
    assert ", kept" in tab.locator(".readings .title").text_content()
    press(tab, "a")
    await_saved(tab)
    assert shown(tab) == waiting
    assert [row[:3] for row in server.rows(reader)[4:]] == [("verdict", first, "accept")]
    assert tab.locator(".readings .title").text_content() == "The readings differ"


def test_a_reader_goes_to_an_image_by_its_id_and_back_to_the_queue(tab, server):
    waiting, scores = shown(tab), server.study.samples()["sample_id"]
    open_queue(tab)
    field = tab.get_by_label("Go to image")
    field.fill(scores[1])  # it is not proposed
    field.press("Enter")
    await_sample(tab, scores[1])
    close_queue(tab)
    assert tab.locator(".readings .title").text_content() == "Below the proposal threshold"
    press(tab, "n")
    assert shown(tab) == waiting


def test_a_queue_of_one_given_label_has_no_other(tab):
    open_queue(tab)
    before = tab.locator(".total").text_content()
    tab.get_by_role("combobox", name="Given label").click()
    option = tab.get_by_role("option").nth(1)
    label, _, number = option.text_content().rpartition(" (")
    option.click()
    assert number.rstrip(")") == before  # all proposals of the made study are of one class
    close_queue(tab)
    decide(tab, "n")
    assert tab.locator(".given-name").get_attribute("title") == label


def test_a_study_without_a_run_is_read_with_the_label_alone(browser, tmp_path):
    study = write_study(tmp_path, num_samples=24, has_run=False)
    draw_images(study)
    with serving(study) as url, open_tab(browser, Server(url, study)) as page:
        page.get_by_role("button", name="Read without a model").click()
        begin(page, "Dr. Without")
        assert page.locator(".total").text_content() == "24"
        assert not page.locator(".evidence").is_visible()
        assert not page.locator(".other-name").is_visible()
        page.keyboard.press("a")  # there is nothing to accept
        given = page.locator(".given-name").get_attribute("title")
        other = next(number for number, name in enumerate(study.classes, 1) if name != given)
        decide(page, "x")
        given = page.locator(".given-name").get_attribute("title")
        other = next(number for number, name in enumerate(study.classes, 1) if name != given)
        decide(page, str(other))
        await_saved(page)
        assert [row[2] for row in Server(url, study).rows("Dr. Without")] == ["reject", "relabel"]
