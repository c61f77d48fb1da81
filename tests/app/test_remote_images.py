"""The Review page on images that lie in object storage."""

import gzip

import numpy as np
from PIL import Image

from overread.review.queue import review_order
from overread.studies.run import open_run
from overread_app.viewer import viewer
from tests.app.conftest import open_page, page_text
from tests.core.images.storages import serve_s3
from tests.core.rewriting import rewrite_samples


def test_the_page_shows_the_object_s_pixels_and_downloads_them_once(app, made_study, monkeypatch):
    shown = []
    monkeypatch.setattr(viewer, "show_viewer", lambda image, **_: shown.append(image))
    samples = made_study.samples()
    pixels = {
        row.sample_id: np.asarray(Image.open(made_study.image_location(row.image).path)) for row in samples.itertuples()
    }
    with serve_s3(monkeypatch) as (client, requests):
        for image in samples["image"]:
            client.upload_file(str(made_study.image_location(image).path), "hospital", f"ward/{image}")
        samples["image"] = "s3://hospital/ward/" + samples["image"]
        rewrite_samples(made_study, samples)
        first = review_order(open_run(made_study).scores(), set())[0]
        requests.clear()
        open_page(app, "review", reader="Mira Sand")
        app.run()
        assert not app.exception
        assert len(requests) == 2  # the image that is shown, and the one that comes next
    assert "hospital" not in page_text(app)
    assert len(shown) == 2
    for image in shown:
        codes = np.frombuffer(gzip.decompress(image.content), dtype=image.type)
        np.testing.assert_array_equal(codes.reshape(image.height, image.width), pixels[first])
