"""Classes that are called like links, icons, formulas and tags, in a real browser: they are text on every page."""

import pytest

from tests.app.browser.conftest import OWNER, begin, draw_images, look, serving
from tests.app.made_study import ODD_CLASSES, write_study

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NAME = ":material/home: www.study.org **odd**"
LANDMARKS = {
    "": "Images per class",
    "train": "Start training",
    "insights": "Embedding map",
    "export": "Labels for other tools",
}
MADE = """() => {
  const all = (selector) => ["stMain", "stSidebar"].flatMap((name) =>
    [...document.querySelectorAll(`[data-testid=${name}]`)].flatMap((place) => [...place.querySelectorAll(selector)]));
  const textOf = (selector) => all(selector).map((part) => part.textContent);
  return {
    links: all("a").map((a) => a.href?.baseVal ?? a.href ?? a.getAttribute("xlink:href"))
      .filter((target) => !target?.startsWith(location.origin + "/")),
    icons: textOf("[data-testid=stIconMaterial], [role=img]").filter((name) => /home/.test(name)),
    formulas: all(".katex").length,
    styled: textOf("strong, b, em, del, s, code, tspan[style*=bold]")
      .filter((text) => ["bold", "x", "odd", "c", "d"].includes(text)),
    coloured: textOf("[class*=stMarkdownColored]").filter((text) => text === "a"),
    lists: all("ol").length,
  };
}"""
NOTHING = {"links": [], "icons": [], "formulas": 0, "styled": [], "coloured": [], "lists": 0}


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.app.made_study.CLASSES", ODD_CLASSES)
        study = write_study(tmp_path_factory.mktemp("odd"), name=NAME, num_samples=96)
    draw_images(study)
    with serving(study) as url:
        yield url


def words(page):
    """The text of the page, as it can be seen."""
    text = page.evaluate(
        "document.body.innerText + [...document.querySelectorAll('svg text')].map((t) => t.textContent)"
    )
    text += page.locator(".reading").text_content() if page.locator(".reading").count() else ""
    return text.replace("\u2060", "")


@pytest.mark.parametrize("path", LANDMARKS)
def test_a_page_makes_nothing_of_a_name_but_text(browser, url, path):
    page = browser.new_page()
    page.goto(f"{url}/{path}?owner={OWNER}")
    page.get_by_text(LANDMARKS[path]).first.wait_for(timeout=30_000)
    if path == "export":
        page.get_by_text("cleanlab").first.click()
        page.get_by_text("Download for cleanlab").wait_for(timeout=20_000)
    elif path != "train":
        page.locator("svg .ytick text").first.wait_for(timeout=30_000)
    page.wait_for_timeout(1500)
    made, seen = page.evaluate(MADE), words(page)
    page.close()
    assert made == NOTHING
    expected = {"": ODD_CLASSES, "insights": ODD_CLASSES, "export": ODD_CLASSES[:9]}.get(path, ())
    assert [name for name in (NAME, *expected) if name not in seen] == []


def test_the_review_page_and_its_saved_verdicts_make_nothing_of_a_name_but_text(browser, url):
    page = browser.new_page()
    page.goto(f"{url}/review")
    shown = begin(page, "www.reader.org")
    for key in "axa":
        made, seen = page.evaluate(MADE), words(page)
        assert made == NOTHING
        assert [name for name in ("www.reader.org", *ODD_CLASSES[:9]) if name not in seen] == []
        page.keyboard.press(key)
        shown = look(page, after=shown)
    page.close()
