"""WCAG 2.2 AA and axe's best practices on every page, in both themes."""

import pytest

from tests.app.browser.conftest import OWNER, PATIENCE_MS, Server, begin, draw_images, serving
from tests.app.browser.every_page import dispute_some, every_page, tab_in_theme
from tests.app.browser.test_reading_page import CLASSES
from tests.app.made_study import write_study

pytestmark = [pytest.mark.browser, pytest.mark.slow]

STREAMLIT_S_OWN = {
    "region": "[data-testid='stMainMenuPopover']",  # its menu is drawn outside the page's landmarks
}
"""axe's rules that Streamlit breaks where the app cannot mend it, and the element."""
LEVELS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
LOOK = """() => {
  let focused = document.activeElement;
  while (focused.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
  if (focused === document.body) return null;
  const around = [focused, focused.parentElement, focused.parentElement?.parentElement, focused.nextElementSibling,
    focused.parentElement?.nextElementSibling, ...focused.children].filter(Boolean);
  const properties = ["outlineStyle", "outlineWidth", "boxShadow", "borderColor", "backgroundColor", "opacity"];
  const look = () => JSON.stringify(around.map((one) => properties.map((name) => getComputedStyle(one)[name])));
  window.looked = { focused, look, seen: look() };
  return focused.outerHTML.slice(0, 120);
}"""
"""Remembers how what has the focus looks; null where nothing has."""
CHANGE = "() => { window.looked.focused.blur(); return new Promise((f) => setTimeout(f, 300)); }"
DIFFERS = """() => {
  const { focused, look, seen } = window.looked;
  const differs = look() !== seen;
  focused.focus();
  return differs;
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.app.made_study.CLASSES", CLASSES)
        study = write_study(tmp_path_factory.mktemp("axe"), num_samples=36)
    draw_images(study)
    dispute_some(study)
    with serving(study) as url:
        yield Server(url, study)


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_axe_finds_nothing_on_any_page(browser, server, theme):
    from axe_playwright_python.sync_playwright import Axe

    axe, found, seen = Axe(), [], []
    with tab_in_theme(browser, theme) as page:
        for name in every_page(page, server.url, reader=f"Dr. {theme}"):
            seen.append(name)
            answer = axe.run(page, options={"runOnly": LEVELS, "resultTypes": ["violations"]})
            found += [(name, *each) for each in violations(page, answer.response["violations"])]
        assert page.evaluate("getComputedStyle(document.querySelector('.stApp')).colorScheme") == theme.lower()
    assert found == []
    assert {
        "studies",
        "review",
        "keys",
        "verdicts",
        "queue",
        "gallery",
        "adjudication",
        "end",
        "insights",
        "export",
        "help",
        "train",
    } <= set(seen)


def violations(page, answer):
    """Rule and element of each violation that is not Streamlit's own."""
    for each in answer:
        for node in each["nodes"]:
            allowed = STREAMLIT_S_OWN.get(each["id"])
            target = node["target"][-1]
            if not (allowed and isinstance(target, str) and page.locator(f"{allowed} >> css={target}").count()):
                yield each["id"], node["html"][:200], node["failureSummary"]


@pytest.mark.parametrize("address", ["studies", "train", "export", "review"])
def test_whatever_has_the_focus_by_keyboard_is_seen_to_have_it(browser, server, address):
    with tab_in_theme(browser, "Dark") as page:
        page.goto(f"{server.url}/{'' if address == 'studies' else address}?owner={OWNER}")
        page.locator("[data-testid='stMain'] button:visible").first.wait_for(timeout=PATIENCE_MS)
        if address == "review":
            begin(page, "Dr. Focus")
            page.locator(".surface").focus()
        page.wait_for_timeout(1500)
        seen, unseen = 0, []
        for _ in range(20):
            page.keyboard.press("Tab")
            page.wait_for_timeout(300)
            focused = page.evaluate(LOOK)
            if focused is None:
                break
            page.evaluate(CHANGE)
            seen += 1
            if not page.evaluate(DIFFERS):
                unseen.append(focused)
    assert unseen == []
    assert seen >= 8
