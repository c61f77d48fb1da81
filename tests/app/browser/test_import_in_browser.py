"""From a folder to a study by the form alone: it asks, shows what it would make, and makes it."""

import re

import numpy as np
import pytest
from PIL import Image

from overread.studies.study import open_study
from tests.app.browser.conftest import AT_REST, OWNER, serving
from tests.app.made_study import write_study

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NUM_IMAGES = 12
BRIGHT, DARK = "bright_film", "dark_film"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study whose source's folder holds another source: bright and dark films, and a table of them."""
    study = write_study(tmp_path_factory.mktemp("import"), has_run=False)
    folder = study.path.parent / "images" / "Chest films"
    folder.mkdir()
    rows = ["image,site,reading"]
    for index in range(NUM_IMAGES):
        is_bright = index % 3 == 0
        Image.fromarray(np.full((40, 40), 220 if is_bright else 40, dtype=np.uint8)).save(folder / f"{index}.png")
        rows.append(f"{index}.png,{('Bern', 'Basel')[index % 2]},{BRIGHT if is_bright else DARK}")
    rows.append(f"gone.png,Bern,{DARK}")
    (folder / "reads.csv").write_text("\n".join(rows))
    return study


@pytest.fixture(scope="module")
def page(browser, study):
    with serving(study) as url:
        page = browser.new_page()
        page.goto(f"{url}/?owner={OWNER}")
        page.get_by_text("New study from a folder").click(timeout=60_000)
        yield page
        page.close()


def choose(page, name: str, option: str) -> None:
    box = page.get_by_role("combobox", name=name)
    box.wait_for(timeout=30_000)
    # A rerun shuts a list that has just been opened.
    page.locator(AT_REST).wait_for()
    box.click()
    page.get_by_role("option", name=option).click()


def brightness(image) -> float:
    """The mean of a shown picture's pixels, as the browser decoded them."""
    return image.evaluate("""async (image) => {
      await image.decode();
      const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight).getContext("2d");
      canvas.drawImage(image, 0, 0);
      const { data } = canvas.getImageData(0, 0, image.naturalWidth, image.naturalHeight);
      return data.reduce((sum, value, place) => sum + (place % 4 === 0 ? value : 0), 0) / (data.length / 4);
    }""")


def test_a_folder_whose_table_raises_a_question_becomes_a_study(page, study):
    source = page.get_by_role("textbox", name="Folder or file on this machine")
    source.fill(str(study.path.parent / "images" / "Chest films"))
    source.press("Enter")
    page.get_by_role("button", name="Preview", exact=True).click()

    choose(page, "Which column is the label?", "reading")
    page.get_by_role("button", name="Preview", exact=True).click()

    page.get_by_text("Preview: 12 images, 2 classes").wait_for(timeout=30_000)
    figures = page.locator(".preview-images figure")
    labels = figures.locator("figcaption").all_inner_texts()
    assert labels == [BRIGHT] * 4 + [DARK] * 4
    is_bright = [brightness(figures.nth(index).locator("img")) > 128 for index in range(8)]
    assert is_bright == [True] * 4 + [False] * 4
    assert page.locator(".preview-counts td").all_inner_texts() == [BRIGHT, "4", DARK, "8"]
    assert page.get_by_text(re.compile("1 row: the file is missing")).is_visible()
    assert not (study.path.parent / "home" / "chest-films").exists()

    page.locator("[data-testid='stExpander']").get_by_text("Readers may grade errors").click()
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_text("Imported 12 images.").wait_for(timeout=60_000)
    assert page.get_by_role("heading", name="Chest films", exact=True).is_visible()
    made = open_study(study.path.parent / "home" / "chest-films")
    assert (made.label_column, made.classes, made.asks_grades) == ("reading", (BRIGHT, DARK), True)


def test_the_form_stays_open_when_a_study_appears_above_it_in_a_new_row(page, study):
    """As those of the demo do, while somebody fills in the form."""
    assert page.locator("[data-testid='stColumn'] h2").count() == 2
    source = page.get_by_role("textbox", name="Folder or file on this machine")
    source.fill(str(study.path.parent / "images" / "Chest films" / "reads.csv"))
    source.press("Enter")
    page.get_by_text("More about the labels").click()
    choose(page, "Label column", "site")
    page.get_by_role("button", name="Import", exact=True).click()
    page.locator("[data-testid='stColumn'] h2").nth(2).wait_for(timeout=60_000)
    assert source.is_visible()
