"""Never one sample's evidence beside another one's image: watched frame by frame, at 20 presses a second.

In this study a sample's given label tells which one it is, and so does the one colour of its image.
"""

import pytest
from PIL import Image

from overread.images.cache.cache_build import build_cache
from tests.app.browser.conftest import Server, await_saved, begin, open_tab, serving
from tests.app.made_study import write_study

pytestmark = pytest.mark.browser

READER = "Dr. Quick"
CLASSES = tuple(f"class {number}" for number in range(41))
"""A prime number, so that the proposals, every sixth sample, all have another given label."""
EMPTY = 12
"""The red of the canvas where there is no image."""
WATCH = """() => {
  const host = [...document.querySelectorAll("*")].find((node) => node.shadowRoot?.querySelector(".reading"));
  const find = (name) => host.shadowRoot.querySelector(`.${name}`);
  const canvas = find("surface");
  window.frames_seen = [];
  const watch = () => {
    const [red] = canvas.getContext("2d").getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data;
    const probs = [...find("probabilities").children].map((row) => row.querySelector("b").textContent);
    const thumb = find("similar").querySelector("canvas").getContext("2d").getImageData(16, 16, 1, 1).data[0];
    const captions = [...find("similar").querySelectorAll("figcaption")].map((caption) => caption.textContent);
    const isShown = !find("panel").classList.contains("is-empty");
    window.frames_seen.push([red, isShown, find("given-name").title, find("other-name").title, probs, thumb, captions]);
    requestAnimationFrame(watch);
  };
  requestAnimationFrame(watch);
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.app.made_study.CLASSES", CLASSES)
        study = write_study(tmp_path_factory.mktemp("frames"), num_samples=240)
    images = {}
    for index, (sample_id, image) in enumerate(
        zip(study.samples()["sample_id"], study.samples()["image"], strict=True)
    ):
        Image.new("RGB", (128, 96), (15 + index, 200, 100)).save(study.image_location(image).path)
        images[sample_id] = study.image_location(image)
    build_cache(study.pixels_path, images, size_px=32)
    with serving(study) as url:
        yield Server(url, study)


@pytest.mark.slow
def test_labels_evidence_and_image_are_of_one_sample_in_every_frame(browser, server):
    with open_tab(browser, server) as page:
        begin(page, READER)
        page.evaluate(WATCH)
        num_elements = count_elements(page)
        for press in range(160):
            page.keyboard.press("ax"[press % 2])
            page.wait_for_timeout(50)
        await_saved(page)
        frames = page.evaluate("window.frames_seen")
        assert count_elements(page) == num_elements
    given = server.study.samples()["given_label"].tolist()
    shown = [frame for frame in frames if frame[0] != EMPTY]
    assert len(shown) == len(frames)  # no blank frame
    assert all(is_shown for _, is_shown, *_ in shown)
    assert [label for _, _, label, *_ in shown] == [given[red - 15] for red, *_ in shown]
    for place in (3, 4, 6):  # the other label, the probabilities, the neighbours' labels: one of them per image
        assert len({(frame[0], str(frame[place])) for frame in shown}) == len({frame[0] for frame in shown})
    assert len({(frame[0], frame[5]) for frame in shown}) == len({frame[0] for frame in shown})
    seen = list(dict.fromkeys(label for _, _, label, *_ in shown))
    samples = server.study.samples().set_index("sample_id")
    decided = [samples.loc[sample_id, "given_label"] for _, sample_id, *_ in server.rows(READER)]
    assert len(decided) >= 10
    assert decided == seen[: len(decided)]


def count_elements(page):
    """Elements of the component."""
    return page.locator(".reading *").count()
