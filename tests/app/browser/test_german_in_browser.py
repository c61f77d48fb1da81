"""Reading in German, as a browser that prefers it shows it; and the choice of English, which the browser remembers."""

import re

import pytest

from overread_app.words.catalogue import ENGLISH, words_in
from tests.app.browser.conftest import AT_REST, PATIENCE_MS, await_saved, begin, decide, look, open_tab

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TEXTS = """(element) => {
  // Every text and every attribute that is read out, as far as it is shown or may be.
  const names = ["aria-label", "aria-description", "title", "placeholder"];
  const all = [element, ...element.querySelectorAll("*")];
  const said = all.flatMap((each) => names.map((name) => each.getAttribute(name)).filter(Boolean));
  const nodes = all.flatMap(({ childNodes }) => [...childNodes]).filter((node) => node.nodeType === Node.TEXT_NODE);
  return [...said, ...nodes.map(({ data }) => data)];
}"""


def english_texts() -> set[str]:
    """Those that German does not have."""
    german = words_in("de").texts
    return {
        text for key, text in ENGLISH.texts.items() if isinstance(text, str) and german[key] != text and "{" not in text
    }


def texts(page, selector: str) -> set[str]:
    return {text.strip() for text in page.locator(selector).evaluate(TEXTS)} - {""}


@pytest.fixture(scope="module")
def page(browser, server):
    context = browser.browser.new_context(viewport={"width": 1024, "height": 768}, locale="de-AT")
    with open_tab(browser, server, context=context) as page:
        yield page
    context.close()


def test_a_verdict_by_keyboard_in_german(page, server):
    page.get_by_role("heading", name="Wer beurteilt?").wait_for(timeout=PATIENCE_MS)
    begin(page, "Dr. Umlaut Süß")
    assert page.locator("html").get_attribute("lang") == "de"
    assert page.locator(".reading").get_attribute("lang") == "de"
    page.get_by_role("button", name=re.compile("^Ändern in ")).wait_for()
    assert texts(page, ".reading") & english_texts() == set()
    decide(page, "x")
    await_saved(page)
    page.locator(".saved", has_text=re.compile("^Gespeichert: .*, behalten$")).wait_for()
    assert [(kind, verdict) for kind, _, verdict, _ in server.rows("Dr. Umlaut Süß")] == [("verdict", "reject")]


def test_the_list_of_keys_opens_in_german(page):
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Tasten und Gesten")
    sheet.get_by_text("Letzte Beurteilung zurücknehmen").wait_for()
    assert texts(page, ".sheet") & english_texts() == set()
    page.keyboard.press("?")
    sheet.wait_for(state="hidden")


def test_no_button_is_wider_than_its_place(page):
    wide = """(root) => [...root.querySelectorAll("button, summary, .name")].filter(
      (each) => each.offsetParent && each.scrollWidth > each.clientWidth + 1).map(({ textContent }) => textContent)"""
    assert page.locator(".reading").evaluate(wide) == []
    bar = page.locator(".bar").bounding_box()
    assert bar["height"] < 50  # in one line


def test_the_queue_is_chosen_in_german(page):
    page.get_by_role("button", name="Liste").click()
    body = page.locator("[data-testid='stPopoverBody']")
    body.get_by_text("Reihenfolge").wait_for(timeout=PATIENCE_MS)
    page.wait_for_selector(AT_REST, timeout=PATIENCE_MS)
    assert texts(page, "[data-testid='stPopoverBody']") & english_texts() == set()
    page.keyboard.press("Escape")


def test_the_gallery_is_in_german(page, server):
    page.goto(f"{server.url}/gallery")
    page.locator(".gallery .tile").first.wait_for(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Behalten: eingetragene Klasse").wait_for()
    assert page.locator(".gallery").get_attribute("lang") == "de"
    assert texts(page, ".gallery") & english_texts() == set()
    page.goto(f"{server.url}/review")


def test_a_reader_may_choose_english_which_the_browser_remembers(page, server):
    visit = look(page)
    page.locator("[data-testid='stExpandSidebarButton']").click()
    page.get_by_role("button", name="English").click()
    look(page, after=visit)
    page.get_by_role("button", name=re.compile("^Change to ")).wait_for()
    page.wait_for_selector("html[lang='en']", state="attached")
    assert page.locator(".reading").get_attribute("lang") == "en"
    page.locator(".saved", has_text="Saved: ").wait_for()
    page.reload()
    page.get_by_role("button", name=re.compile("^Change to ")).wait_for(timeout=PATIENCE_MS)
    assert {each["name"]: each["value"] for each in page.context.cookies()}["overread_language"] == "en"
