"""Pictures of every page in both themes at three sizes, to look at: `OVERREAD_SCREENSHOTS=FOLDER pytest -m slow ...`.

They show a study with long names of classes, or a copy of the study's folder that OVERREAD_STUDY names.
"""

import os
import shutil
from pathlib import Path

import pytest

from overread.studies.study import open_study
from tests.app.browser.conftest import Server, draw_images, serving
from tests.app.browser.every_page import dispute_some, every_page, tab_in_theme
from tests.app.browser.test_reading_page import CLASSES
from tests.app.made_study import write_study

FOLDER = os.environ.get("OVERREAD_SCREENSHOTS")
SHOWN = os.environ.get("OVERREAD_STUDY")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER, reason="OVERREAD_SCREENSHOTS does not name a folder"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shown")
    if SHOWN:
        study = open_study(shutil.copytree(SHOWN, folder / "study"))
    else:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tests.app.made_study.CLASSES", CLASSES)
            study = write_study(folder, num_samples=120)
        draw_images(study)
    dispute_some(study)
    with serving(study) as url:
        yield Server(url, study)


@pytest.mark.parametrize("theme", ["Light", "Dark"])
@pytest.mark.parametrize(("width", "height"), [(1024, 768), (1280, 720), (1920, 1080)])
def test_every_page_is_as_wide_as_the_window(browser, server, width, height, theme):
    folder = Path(FOLDER or "")
    folder.mkdir(parents=True, exist_ok=True)
    wide = []
    with tab_in_theme(browser, theme, width=width, height=height) as page:
        for name in every_page(page, server.url, reader=f"Dr. {theme} {width}"):
            page.screenshot(path=folder / f"{name.replace(' ', '-')}-{theme.lower()}-{width}.png")
            if page.evaluate("document.scrollingElement.scrollWidth > innerWidth"):
                wide.append(name)
    assert wide == []
