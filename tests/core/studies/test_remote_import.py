"""Studies whose images lie in object storage or on web servers."""

import csv
import hashlib
import io
import logging

import numpy as np
import pytest
from PIL import Image

from overread.benchmark.corrupt import corrupt_study
from overread.errors import ManifestError
from overread.images import addresses, remote
from overread.images.cache.pixel_cache import open_cache
from overread.images.decoding import read_image
from overread.studies.changed_images import changed_images
from overread.studies.study import open_study
from tests.core.commands import TINY, run_command
from tests.core.conftest import write_image
from tests.core.images.made_dicom import write_dicom
from tests.core.images.storages import serve_folder, serve_s3
from tests.core.importing import import_source, read_source

SIZE_PX = 16


@pytest.fixture
def s3(monkeypatch):
    with serve_s3(monkeypatch) as served:
        yield served


def pixels_of(number):
    return np.random.default_rng(number).integers(0, 256, (SIZE_PX, SIZE_PX), dtype=np.uint8)


def put(client, key, number):
    content = io.BytesIO()
    Image.fromarray(pixels_of(number)).save(content, "PNG")
    client.put_object(Bucket="hospital", Key=key, Body=content.getvalue())


def write_table(folder, cells):
    folder.mkdir(exist_ok=True)
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "label"), *((cell, "ab"[i % 2]) for i, cell in enumerate(cells))])
    return folder


def imported(source, study, **options):
    import_source(read_source(source), study, image_size_px=SIZE_PX, **options)
    return open_study(study)


def fetched(requests):
    """The objects that were downloaded, in any order."""
    return sorted(
        line.split('"GET ')[1].split(" ")[0] for line in requests if '"GET ' in line and "list-type" not in line
    )


def test_objects_and_files_are_imported_side_by_side_and_unchanged_objects_once(s3, tmp_path, caplog, capfd):
    client, requests = s3
    caplog.set_level(logging.DEBUG)
    for number in range(20):
        put(client, f"chest/{number}.png", number)
    write_image(tmp_path / "source" / "local.png", side_px=SIZE_PX)
    cells = [
        *(f"s3://hospital/chest/{number}.png" for number in range(20)),
        "local.png",
        "s3://hospital/chest/gone.png",
    ]
    source = write_table(tmp_path / "source", cells)
    requests.clear()
    caplog.clear()
    study = imported(source, tmp_path / "study")
    assert list(study.samples()["image"]) == cells[:-1]
    assert study.quarantine()["reason"].tolist() == ["no such file"]
    np.testing.assert_array_equal(
        open_cache(study.pixels_path).pixels[:20, ..., 0], [pixels_of(number) for number in range(20)]
    )
    assert len(fetched(requests)) == 20

    put(client, "chest/7.png", 70)
    requests.clear()
    study = imported(source, tmp_path / "study", update=True)
    assert fetched(requests) == ["/hospital/chest/7.png"]
    assert len(requests) == 2  # a listing of the folder, and that
    np.testing.assert_array_equal(open_cache(study.pixels_path).pixels[7, ..., 0], pixels_of(70))
    texts = [record.getMessage() for record in caplog.records if record.name != "werkzeug"]
    assert not [text for text in (*texts, *capfd.readouterr()) if "hospital" in text]


def test_frames_of_a_remote_file_cost_one_download(s3, tmp_path):
    client, requests = s3
    frames = np.stack([pixels_of(number) for number in range(30)])
    write_dicom(tmp_path / "scan.dcm", frames)
    client.upload_file(str(tmp_path / "scan.dcm"), "hospital", "scan.dcm")
    cells = [f"s3://hospital/scan.dcm#{frame}" for frame in range(1, 32)]
    requests.clear()
    study = imported(write_table(tmp_path / "source", cells), tmp_path / "study")
    np.testing.assert_array_equal(open_cache(study.pixels_path).pixels[..., 0], frames)
    assert study.quarantine()["reason"].tolist() == ["there is no frame 31: the file has 30"]
    assert len(fetched(requests)) == 1


def test_a_noisy_copy_of_a_study_has_remote_images_as_files_of_its_own(s3, tmp_path):
    client, _ = s3
    for number in range(12):
        put(client, f"{number}.png", number)
    cells = [f"s3://hospital/{number}.png" for number in range(12)]
    study = imported(write_table(tmp_path / "source", cells), tmp_path / "study")
    new = corrupt_study(study, noise="pair", rate=0.3, seed=0, out=tmp_path / "out", truth=tmp_path / "truth.csv")
    found = {read_image(new.image_location(image)).pixels.tobytes() for image in new.samples()["image"]}
    assert found == {pixels_of(number).tobytes() for number in range(12)}
    assert "hospital" not in (new.path / "study.json").read_text()


def test_a_remote_image_is_known_by_its_content_when_it_is_replaced_or_renamed(s3, tmp_path):
    client, _ = s3
    for number in range(4):
        put(client, f"{number}.png", number)
    cells = [f"s3://hospital/{number}.png" for number in range(4)]
    study = imported(write_table(tmp_path / "source", cells), tmp_path / "study")
    before = study.samples()
    content = client.get_object(Bucket="hospital", Key="2.png")["Body"].read()
    assert before["sha256"][2] == hashlib.sha256(content).hexdigest()
    put(client, "2.png", 9)
    client.copy_object(Bucket="hospital", Key="moved.png", CopySource="hospital/3.png")
    client.delete_object(Bucket="hospital", Key="3.png")
    assert changed_images(study) == {}, "nothing is asked of the network"
    assert changed_images(study, with_remote=True)[before["sample_id"][2]] == "changed"
    cells[3] = "s3://hospital/moved.png"
    after = imported(write_table(tmp_path / "source", cells), tmp_path / "study", update=True).samples()
    assert after["image"][3] == cells[3]
    assert after["sample_id"].tolist() == before["sample_id"].tolist()
    assert (after["sha256"] == before["sha256"]).tolist() == [True, True, False, True]


def test_files_of_a_web_server_are_downloaded_once_and_asked_for_again(tmp_path):
    for number in range(4):
        Image.fromarray(pixels_of(number)).save(write_image(tmp_path / "web" / f"{number} x.png"))
    with serve_folder(tmp_path / "web") as (url, requests):
        cells = [f"{url}/{number} x.png" for number in range(4)] + [f"{url}/gone.png"]
        study = imported(write_table(tmp_path / "source", cells), tmp_path / "study")
        assert study.quarantine()["reason"].tolist() == ["no such file"]
        np.testing.assert_array_equal(open_cache(study.pixels_path).pixels[..., 0], [pixels_of(n) for n in range(4)])
        requests.clear()
        imported(source=tmp_path / "source", study=tmp_path / "study", update=True)
        assert [line for line in requests if "GET" in line and "gone" not in line] == []


def test_a_storage_without_its_package_is_told_before_anything_is_read(tmp_path, monkeypatch):
    write_image(tmp_path / "source" / "a.png")
    source = write_table(tmp_path / "source", ["a.png", "gs://hospital/b.png"])
    monkeypatch.setitem(remote.PACKAGES, "gs", "no_such_package")
    with pytest.raises(ManifestError, match=r"row 3: gs:// needs the package no_such_package, .* pip install no_such"):
        imported(source, tmp_path / "study")
    assert not (tmp_path / "study").exists()


def test_a_network_that_is_down_quarantines_its_rows_and_says_so_of_all(tmp_path, monkeypatch):
    monkeypatch.setenv(addresses.ALLOW_VARIABLE, "1")
    for name in ("a.png", "b.png"):
        write_image(tmp_path / "source" / name)
    away = ["http://127.0.0.1:9/x.png", "http://no-such-host.invalid/y.png"]
    source = write_table(tmp_path / "source", ["a.png", "b.png", *away])
    study = imported(source, tmp_path / "study")
    assert study.quarantine()["reason"].tolist() == ["its server cannot be reached"] * 2
    with pytest.raises(ManifestError, match=r"2 of 2 rows: its server cannot be reached; the first is row 2"):
        imported(write_table(tmp_path / "other", away), tmp_path / "none")


def test_what_is_cached_is_trained_on_without_the_storage(s3, tmp_path):
    client, requests = s3
    for number in range(20):
        put(client, f"{number}.png", number)
    cells = [f"s3://hospital/{number}.png" for number in range(20)]
    import_source(read_source(write_table(tmp_path / "source", cells)), tmp_path / "study", image_size_px=32)
    requests.clear()
    ran = run_command("train", tmp_path / "study", *TINY)
    assert ran.status == 0, ran.err
    assert requests == []


def test_a_labels_file_behind_a_url_names_images_beside_it(s3, tmp_path):
    client, _ = s3
    for number in range(10):
        put(client, f"chest/x/{number}.png", number)
    rows = "".join(f"x/{number}.png,{'ab'[number % 2]}\n" for number in range(10))
    client.put_object(Bucket="hospital", Key="chest/labels.csv", Body=f"image,label\n{rows}".encode())
    ran = run_command("import", "s3://hospital/chest/labels.csv", "--study", tmp_path / "study", "--image-size", 32)
    assert ran.status == 0, ran.err
    study = open_study(tmp_path / "study")
    assert study.samples()["image"].tolist() == [f"x/{number}.png" for number in range(10)]
    for number, image in enumerate(study.samples()["image"]):
        np.testing.assert_array_equal(read_image(study.image_location(image)).pixels, pixels_of(number))
    ran = run_command("import", "s3://hospital/chest/gone.csv", "--study", tmp_path / "none")
    assert ran.status == 2
    assert ran.err.splitlines()[-1].startswith("error: s3://hospital/chest/gone.csv: no such file; check")
