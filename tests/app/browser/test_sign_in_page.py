"""The page to sign in, and what a reader sees where there is nothing for them: by keyboard, and by axe's rules."""

import pytest

from overread.pipeline.study_ledger import open_ledger
from overread.review.roles import Role
from tests.app.browser.conftest import ARGUMENTS, AT_REST, CHROMIUM, PATIENCE_MS, await_saved, look
from tests.app.browser.test_accessibility import LEVELS, violations
from tests.app.test_serving import PASSWORD, READER, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]


PROVIDER = """server_metadata_url = "http://127.0.0.1:9/.well-known/openid-configuration"
client_id = "overread"
client_secret = "x"
name = "Hospital login"
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    pytest.importorskip("authlib")
    folder = tmp_path_factory.mktemp("sign-in")
    (folder / "provider.toml").write_text(PROVIDER)
    with serving(folder, "--provider", folder / "provider.toml") as app:
        app.accounts.add("Dr. New", Role.READER, password=PASSWORD)
        yield app


@pytest.fixture(scope="module")
def chromium(playwright):
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture
def page(chromium, served):
    with chromium.new_context(viewport={"width": 1024, "height": 768}) as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{served.port}/sign-in")
        yield page


def focused(page):
    """What has the focus: a field's name, or a text."""
    return page.evaluate("document.activeElement.name || document.activeElement.innerText")


def sign_in(page, name, password=PASSWORD):
    page.fill("[name=name]", name)
    page.fill("[name=password]", password)
    page.keyboard.press("Enter")


def test_the_keyboard_alone_signs_in(page):
    assert focused(page) == "name"
    page.keyboard.type(READER)
    seen = []
    for _ in range(2):
        page.keyboard.press("Tab")
        seen.append(focused(page))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert seen == ["password", "Sign in"]
    page.keyboard.press("Shift+Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(AT_REST, timeout=PATIENCE_MS)
    assert page.get_by_text(READER).count()


def test_a_refusal_is_told_with_the_field_to_correct(page):
    sign_in(page, READER, "a wrong password")
    alert = page.get_by_role("alert")
    alert.wait_for(timeout=PATIENCE_MS)
    assert focused(page) == "password"
    assert page.input_value("[name=name]") == READER
    described = page.evaluate("document.activeElement.getAttribute('aria-describedby')")
    assert page.locator(f"#{described}").inner_text() == "The name or the password is wrong."


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en-US", "de-DE"])
def test_axe_finds_nothing_before_and_after_a_refusal(chromium, served, theme, language):
    from axe_playwright_python.sync_playwright import Axe

    with chromium.new_context(color_scheme=theme, locale=language) as context:
        page, found = context.new_page(), []
        page.goto(f"http://127.0.0.1:{served.port}/sign-in")
        for number in range(2):
            answer = Axe().run(page, options={"runOnly": LEVELS, "resultTypes": ["violations"]})
            found += violations(page, answer.response["violations"])
            if not number:
                sign_in(page, f"{READER} {theme} {language}", "a wrong password")
                page.get_by_role("alert").wait_for(timeout=PATIENCE_MS)
        assert page.get_attribute("html", "lang") == language[:2]
    assert found == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "address", "said"),
    [
        (READER, "export", "Your account may not manage studies"),
        ("Dr. New", "review", "No study is open to you yet"),
    ],
)
def test_axe_finds_nothing_where_a_reader_is_refused(page, served, name, address, said):
    from axe_playwright_python.sync_playwright import Axe

    sign_in(page, name)
    page.wait_for_selector(AT_REST, timeout=PATIENCE_MS)
    page.goto(f"http://127.0.0.1:{served.port}/{address}")
    page.get_by_text(said).wait_for(timeout=PATIENCE_MS)
    answer = Axe().run(page, options={"runOnly": LEVELS, "resultTypes": ["violations"]})
    assert list(violations(page, answer.response["violations"])) == []


def test_a_verdict_after_the_session_has_ended_is_saved_when_its_reader_signs_in_again(page, served):
    sign_in(page, READER)
    page.wait_for_selector(AT_REST, timeout=PATIENCE_MS)
    page.get_by_role("link", name="Review").click()
    look(page)
    served.accounts.set_password(READER, PASSWORD)  # which ends the session
    page.keyboard.press("x")
    page.get_by_role("heading", name="Your session has ended").wait_for(timeout=PATIENCE_MS)
    assert open_ledger(served.study).decisions(READER) == []
    page.get_by_role("link", name="Sign in again").click()
    sign_in(page, READER)
    page.wait_for_selector(AT_REST, timeout=PATIENCE_MS)
    page.get_by_role("link", name="Review").click()
    look(page)
    await_saved(page)
    assert len(open_ledger(served.study).decisions(READER)) == 1
