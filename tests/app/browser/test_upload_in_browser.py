"""An owner uploads a dataset in the browser and lands in its study: an archive, and a folder as it is."""

import tarfile
import zipfile
from contextlib import contextmanager

import pytest

from overread.studies.study import open_study
from tests.app.browser.conftest import ARGUMENTS, AT_REST, CHROMIUM, PATIENCE_MS
from tests.app.test_serving import PASSWORD, serving
from tests.core.conftest import write_image

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SECRET = "Zimtstern Anna 1913"
CLASSES = ("Pneumonia_bilateral_with_pleural_effusion_and_consolidation", "Röntgen: unauffällig, sehr langer Name " * 2)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder whose name is a patient's, with a folder of images per class, and an empty and a hidden file."""
    folder = tmp_path_factory.mktemp("own") / f"{SECRET} {'x' * 90}"
    for place, name in enumerate(CLASSES):
        for number in range(4):
            write_image(folder / name.strip() / f"{number} ä.png", seed=place * 10 + number)
    (folder / "empty.txt").touch()
    (folder / ".hidden").write_text("x")
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    folder = tmp_path_factory.mktemp("uploading")
    with serving(folder, "--uploads", "20MB", is_home=True) as app:
        yield folder / "home", app


@contextmanager
def owner_s_form(playwright, app):
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    page, errors = browser.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"http://127.0.0.1:{app.port}/")
    page.fill("[name=name]", "Dr. Owner")
    page.fill("[name=password]", PASSWORD)
    page.click("button")
    page.wait_for_selector(AT_REST, timeout=PATIENCE_MS)
    page.get_by_text("New study from an upload or a folder").click()
    yield page
    browser.close()
    assert errors == []


def uploads_in(home):
    return sorted(path.name for path in home.glob(".uploads/*/upload.*"))


def test_an_archive_becomes_a_study_and_is_deleted(served, files, playwright, tmp_path):
    home, app = served
    archive = tmp_path / f"{SECRET}.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(files.rglob("*.png")):
            packed.write(path, path.relative_to(files.parent))
    with owner_s_form(playwright, app) as page:
        asked = []
        page.on("request", lambda request: asked.append(f"{request.url} {(request.post_data_buffer or b'')[:300]}"))
        page.locator("input.files").set_input_files(archive)
        page.get_by_text("Preview: 8 images, 2 classes").wait_for(timeout=PATIENCE_MS)
        assert uploads_in(home) == ["upload.zip"]
        sent = [each for each in asked if "/reading/uploads/" in each]
        assert len(sent) >= 3 and SECRET not in "".join(each for each in sent if "/piece" not in each)
        (begun,) = home.glob(".uploads/*/begun.json")
        assert SECRET not in begun.read_text()

        page.get_by_role("button", name="Import", exact=True).click()
        page.get_by_text("Give the study a name.").wait_for(timeout=PATIENCE_MS)
        name = page.get_by_role("textbox", name="Name of the study")
        name.fill("Chest North")
        name.press("Enter")
        page.get_by_role("button", name="Import", exact=True).click()
        page.get_by_text("Imported 8 images.").wait_for(timeout=PATIENCE_MS)
        page.get_by_role("heading", name="Data report: Chest North").wait_for(timeout=PATIENCE_MS)
        assert SECRET not in page.content()
    study = open_study(home / "chest-north")
    assert set(study.samples()["given_label"]) == {name.strip() for name in CLASSES}
    assert uploads_in(home) == []
    assert all(study.image_location(image).exists() for image in study.samples()["image"])


def test_a_folder_is_sent_as_it_is_and_can_be_removed(served, files, playwright):
    home, app = served
    with owner_s_form(playwright, app) as page:
        page.locator("input.folder").set_input_files(files)
        page.get_by_text("Preview: 8 images, 2 classes").wait_for(timeout=PATIENCE_MS)
        (path,) = home.glob(".uploads/*/upload.tar")
        with tarfile.open(path) as archive:
            found = {member.name: archive.extractfile(member).read() for member in archive}
        expected = [path for path in files.rglob("*") if path.is_file() and not path.name.startswith(".")]
        assert found == {path.relative_to(files.parent).as_posix(): path.read_bytes() for path in expected}
        page.get_by_role("button", name="Remove", exact=True).click()
        page.get_by_role("button", name="Remove the upload").click()
        page.get_by_text("Uploaded dataset").wait_for(state="detached", timeout=PATIENCE_MS)
    assert list((home / ".uploads").iterdir()) == []


def test_an_upload_goes_on_after_a_refusal_on_the_way_and_can_be_given_up(served, playwright, tmp_path):
    home, app = served
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + bytes(3_500_000))
    refused = []

    def refuse(route):
        """As a proxy does that takes 1 MiB; then the second piece is lost twice."""
        if len(route.request.post_data_buffer) > 2**20:
            refused.append(413)
            route.fulfill(status=413, content_type="text/html", body="<html>Too large</html>")
        elif "start=1000000" in route.request.url and len(refused) < 3:
            refused.append(0)
            route.abort()
        else:
            route.continue_()

    with owner_s_form(playwright, app) as page:
        page.route("**/piece*", refuse)
        page.locator("input.files").set_input_files(tmp_path / "a.zip")
        page.get_by_text("is not an intact zip or tar archive").wait_for(timeout=PATIENCE_MS)
        assert refused == [413, 0, 0]
        (path,) = home.glob(".uploads/*/upload.zip")
        assert path.read_bytes() == (tmp_path / "a.zip").read_bytes()
        page.route("**/piece*", lambda route: None)  # nothing answers
        page.locator("input.files").set_input_files(tmp_path / "a.zip")
        page.get_by_role("button", name="Cancel", exact=True).click()
        page.get_by_text("Drop an archive").wait_for(timeout=PATIENCE_MS)
        page.wait_for_timeout(500)
        assert not list(home.glob(".uploads/*/arriving"))
