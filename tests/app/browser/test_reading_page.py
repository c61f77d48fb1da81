"""The reading component's looks and keys, with names of classes as long as they may be."""

from pathlib import Path

import pytest

from overread_app.reading import component
from tests.app.browser.conftest import Server, begin, decide, draw_images, look, open_tab, serving
from tests.app.made_study import write_study

pytestmark = pytest.mark.browser

CLASSES = tuple(f"{start} with probable bilateral pleural effusion, {end}" for start, end in (
    ("Reticular opacity", "first grade"), ("Ground glass opacity", "second"), ("Consolidation", "right base"),
    ("Atelectasis", "lower left"), ("Cavitating lesion", "apical"), ("No opacity at all", "normal"),
))  # fmt: skip
"""Six of some 60 characters."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.app.made_study.CLASSES", CLASSES)
        study = write_study(tmp_path_factory.mktemp("long"), num_samples=120)
    draw_images(study)
    with serving(study) as url:
        yield Server(url, study)


@pytest.fixture(scope="module")
def page(browser, server):
    with open_tab(browser, server) as page:
        begin(page, "Dr. Long Name")
        page.locator(".st-key-review_code_noted button").click()
        yield page


def boxes(page, selector):
    return [part.bounding_box() for part in page.locator(selector).all() if part.is_visible()]


@pytest.mark.parametrize(("width", "height"), [(1024, 768), (1280, 720), (1440, 900), (1920, 1080)])
def test_all_that_a_verdict_needs_is_in_sight_beside_the_image(page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(400)
    (image,), needed = boxes(page, ".viewer"), boxes(page, ".readings, .verdict, .note, .last, .progress")
    assert len(needed) == 4 + 2 + 4 + 3
    for box in (image, *needed):
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= height
        assert box["x"] + box["width"] <= width
    assert all(box["x"] >= image["x"] + image["width"] for box in needed)
    assert image["height"] > 0.84 * height
    assert image["width"] > 0.5 * width


def test_a_long_name_keeps_both_ends_and_is_whole_on_hover(page):
    given, other = (page.locator(f".{name}-name").get_attribute("title") for name in ("given", "other"))
    for key, text in (("A", f"Change to {other}"), ("X", f"Keep {given}")):
        button = page.locator(f".main [aria-keyshortcuts='{key}']")
        assert button.get_attribute("aria-label") == button.locator(".name").text_content() == text
        assert button.locator(".name").get_attribute("title") in (given, other)
        end = button.locator(".name > :last-child")
        assert text.endswith(end.text_content())
        assert end.evaluate("end => end.scrollWidth <= end.clientWidth || end.getClientRects().length === 1")
        inside, around = end.bounding_box(), button.bounding_box()
        assert inside["x"] + inside["width"] <= around["x"] + around["width"]


def test_names_that_begin_alike_keep_the_word_in_sight_that_tells_them_apart(browser):
    names = [f"Tubular adenoma with {grade}-grade dysplasia" for grade in ("low", "high")]
    names += [f"Polyp {has} dysplasia" for has in ("with", "without")] + ["Normal mucosa of the colon, no abnormality"]
    code = (Path(component.__file__).parent / "name.js").read_text(encoding="utf-8")
    write = "names.map((name) => { const one = new Name(); one.write(name); return one.tail.textContent; })"
    page = browser.new_page()
    ends = page.evaluate(f"(names) => {{ {code}; tellApart(names); return {write}; }}", names)
    page.close()
    assert ends == [
        "low-grade dysplasia",
        "high-grade dysplasia",
        "with dysplasia",
        "without dysplasia",
        " abnormality",
    ]


def test_the_list_of_keys_names_every_button_s_key_and_takes_no_verdict(page):
    visit = look(page)
    page.keyboard.press("?")
    sheet = page.locator(".sheet")
    sheet.wait_for()
    listed = sheet.locator("kbd").all_text_contents()
    buttons = page.locator("button[aria-keyshortcuts]").evaluate_all("all => all.map((one) => one.ariaKeyShortcuts)")
    keys = page.locator(".verdict, .undo, .later, .counts").evaluate_all(
        "all => all.map((b) => b.getAttribute('aria-keyshortcuts'))"
    )
    assert len(keys) == 14
    assert set(keys) <= set(listed)
    assert len(buttons) == len(keys)
    page.keyboard.press("a")
    page.keyboard.press("Escape")
    sheet.wait_for(state="hidden")
    assert look(page) == visit


def test_every_button_is_reached_and_pressed_by_keyboard(page, server):
    visit = look(page)
    page.locator("canvas.surface").focus()
    seen = []
    for _ in range(30):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.shadowRoot?.activeElement?.getAttribute('aria-keyshortcuts')")
        seen.append(focused)
        if focused == "N":
            break
    assert {"A", "X", "M", "N"} <= set(seen)
    before = len(server.rows("Dr. Long Name"))
    page.keyboard.press("Enter")
    look(page, after=visit)
    page.wait_for_selector(".reading[data-unsaved='0']")
    assert [row[2] for row in server.rows("Dr. Long Name")[before:]] == ["cannot_judge"]


def test_streamlit_s_own_keys_do_nothing_here(page):
    visit = look(page)
    for key in "cr":
        page.keyboard.press(key)
    page.wait_for_timeout(500)
    assert page.get_by_role("dialog").count() == 0
    assert look(page) == visit


def test_evidence_that_comes_later_is_never_beneath_another_sample(page):
    page.wait_for_selector(".trace", timeout=20_000)
    decide(page, "n")
    assert not page.locator(".trace").first.is_visible()
    page.locator(".trace").first.wait_for(timeout=20_000)
