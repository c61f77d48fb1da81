"""Saliency maps, in a real browser: asking for it keeps no key from the reader."""

import pytest

from overread.studies.run import open_run
from tests.app.browser.conftest import begin, look, open_tab

pytestmark = [pytest.mark.browser, pytest.mark.slow]

READER = "Dr. Jonas Weir"


def test_a_verdict_s_key_counts_while_the_maps_are_awaited_and_the_next_sample_comes_without_them(browser, server):
    weights = open_run(server.study).path / "model.safetensors"
    weights.write_bytes(b"no network: the maps never come")
    try:
        with open_tab(browser, server) as page:
            first = begin(page, READER)
            page.get_by_text("Show saliency maps").click()
            page.get_by_text("You can continue meanwhile").wait_for(timeout=20_000)
            page.keyboard.press("x")
            look(page, after=first)
            page.get_by_text("Show saliency maps").wait_for(timeout=20_000)
            page.get_by_text("You can continue meanwhile").wait_for(state="detached", timeout=20_000)
        assert [row[2] for row in server.rows(READER)] == ["reject"]
    finally:
        weights.unlink()
