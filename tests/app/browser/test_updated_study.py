"""A study that is updated while its page is open: no verdict is saved on an image or a label that was not in sight."""

import pytest

from tests.app.browser.conftest import Server, await_saved, begin, decide, draw_images, look, open_apart, serving
from tests.app.made_study import write_study

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def set_hash(study, sample_id, sha256):
    """As an update does with an image that is another one by now."""
    samples = study.samples()
    samples["sha256"] = samples.get("sha256", "")
    samples.loc[samples["sample_id"] == sample_id, "sha256"] = sha256
    samples.to_csv(study.samples_path, index=False)


def test_an_image_that_was_replaced_while_it_was_in_sight_is_shown_anew_with_the_note(browser, tmp_path):
    study, reader = write_study(tmp_path, num_samples=60), "Dr. Anew"
    draw_images(study)
    with serving(study) as url, open_apart(browser, Server(url, study)) as page:
        server, fetched = Server(url, study), []
        page.on("request", lambda request: fetched.append(request.url) if "/image/" in request.url else None)
        begin(page, reader)
        place = page.locator(".reading").get_attribute("data-sample")
        visit = page.locator(".reading").get_attribute("data-painted")
        set_hash(study, place, "1" * 64)
        page.locator(".note").fill("a clip")
        page.keyboard.press("Enter")
        page.keyboard.press("a")
        page.wait_for_selector(f".reading[data-sample='{place}']:not([data-painted='{visit}'])")
        page.wait_for_selector(".problem:not([hidden])")
        assert "Your verdict was not saved" in page.locator(".problem").text_content()
        assert page.locator(".note").input_value() == "a clip"
        assert server.rows(reader) == []
        look(page)
        decide(page, "x")
        await_saved(page)
        assert server.rows(reader) == [("verdict", place, "reject", "a clip")]
        versions = {url.partition("?v=")[2] for url in fetched if place in url}
        assert len(versions) == 2
