from urllib.parse import urlsplit

import pytest

from tests.app.browser.conftest import OWNER

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize(
    ("path", "landmark"),
    [
        ("", "A study is one dataset under audit"),
        ("review", "Your name"),
        ("train", "Start training"),
        ("insights", "Given and proposed labels"),
        ("export", "Download everything"),
    ],
)
def test_a_page_links_to_no_other_host_and_asks_none_for_anything(browser, server, path, landmark):
    home = urlsplit(server.url).netloc
    asked = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(urlsplit(request.url)))
    page.goto(f"{server.url}/{path}?owner={OWNER}")
    page.get_by_text(landmark).first.wait_for(timeout=30_000)
    linked = [urlsplit(href) for href in page.eval_on_selector_all("a[href]", "links => links.map(a => a.href)")]
    page.close()
    assert len(asked) > 1
    assert len(linked) > 1
    assert {url.netloc for url in [*asked, *linked] if url.scheme not in ("data", "blob")} == {home}
