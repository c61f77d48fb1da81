"""Dark for radiographs until the reader chooses; a choice holds on every page and in every tab."""

import re

import pytest

from overread.images.cache.cache_build import build_cache
from overread_app.theme import DARK, LIGHT
from tests.app.browser.conftest import OWNER, PATIENCE_MS, Server, begin, serving
from tests.app.made_study import write_study

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHART_TEXT = ".plot-container .ytick text"
TEXT_SHOWN = "texts => texts.length ? getComputedStyle(texts[0]).fill : ''"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    study = write_study(tmp_path_factory.mktemp("grey"))
    table = study.samples()[["sample_id", "image"]].to_numpy()
    build_cache(study.pixels_path, {key: study.image_location(image) for key, image in table}, size_px=32)
    with serving(study) as url:
        yield Server(url, study)


@pytest.fixture
def context(browser):
    context = browser.browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme="light")
    yield context
    context.close()


def rgb(colour):
    return "rgb({}, {}, {})".format(*(int(colour[place : place + 2], 16) for place in (1, 3, 5)))


def paper(page):
    page.wait_for_selector(".stApp", timeout=PATIENCE_MS)
    return page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")


def test_a_radiograph_study_is_dark_until_the_reader_chooses_and_then_as_chosen_everywhere(context, server):
    page = context.new_page()
    page.goto(f"{server.url}/?owner={OWNER}", wait_until="commit")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == rgb(DARK.paper)
    page.locator(CHART_TEXT).first.wait_for(timeout=PATIENCE_MS)
    assert paper(page) == rgb(DARK.paper)
    assert page.eval_on_selector_all(CHART_TEXT, TEXT_SHOWN) == rgb(DARK.muted)

    page.locator("[data-testid='stMainMenuButton']").focus()
    page.keyboard.press("Enter")
    light = page.get_by_role("menuitemradio", name="Light")
    light.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(f"({TEXT_SHOWN})(document.querySelectorAll('{CHART_TEXT}')) === '{rgb(LIGHT.muted)}'")
    assert paper(page) == rgb(LIGHT.paper)

    page.goto(f"{server.url}/train")
    assert paper(page) == rgb(LIGHT.paper)
    other = context.new_page()
    other.goto(f"{server.url}/help")
    assert paper(other) == rgb(LIGHT.paper)


@pytest.mark.parametrize(("name", "theme"), [("Light", LIGHT), ("Dark", DARK)])
def test_the_reading_component_has_the_theme_s_colours_and_a_dark_viewer(context, server, name, theme):
    context.add_init_script(f"localStorage.setItem('overread.theme', '\"{name}\"')")
    page = context.new_page()
    page.goto(f"{server.url}/review")
    begin(page, f"Dr. {name}")
    shown = page.evaluate(
        """() => {
          const find = (root) => [...root.querySelectorAll("*")].map(({ shadowRoot }) => shadowRoot).filter(Boolean);
          const root = find(document).find((each) => each.querySelector(".reading"));
          const style = (name, property) => getComputedStyle(root.querySelector(name))[property];
          return {
            text: style(".given-name", "color"), dot: style(".given-dot", "backgroundColor"),
            button: style(".verdict", "backgroundColor"), viewer: style(".viewer", "backgroundColor"),
            drawer: style(".drawer", "backgroundColor"), sheet: style(".sheet", "backgroundColor"),
          };
        }"""
    )
    paper_places = ("button", "drawer", "sheet")
    assert {place: shown[place] for place in paper_places} == dict.fromkeys(paper_places, rgb(theme.paper))
    assert shown["text"] == rgb(theme.ink)
    assert shown["dot"] in {rgb(colour) for colour in theme.classes[:3]}
    assert max(map(int, re.findall(r"\d+", shown["viewer"]))) < 20
