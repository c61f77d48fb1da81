"""Reading images that lie in object storage."""

import numpy as np
from PIL import Image

from tests.app.reading.desk import Desk
from tests.core.images.storages import serve_s3
from tests.core.rewriting import rewrite_samples


def test_the_browser_gets_the_object_s_pixels_which_are_downloaded_once(made_study, monkeypatch):
    samples = made_study.samples()
    pixels = {
        row.sample_id: np.asarray(Image.open(made_study.image_location(row.image).path)) for row in samples.itertuples()
    }
    with serve_s3(monkeypatch) as (client, requests):
        for image in samples["image"]:
            client.upload_file(str(made_study.image_location(image).path), "hospital", f"ward/{image}")
        samples["image"] = "s3://hospital/ward/" + samples["image"]
        rewrite_samples(made_study, samples)
        desk = Desk(made_study)
        packet = desk.shown()
        requests.clear()
        for _ in range(2):
            np.testing.assert_array_equal(desk.values(packet), pixels[packet["id"]])
        assert len(requests) == 1
    assert "hospital" not in str(packet)
