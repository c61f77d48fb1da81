"""Credentials in URLs, which are used once and stored nowhere."""

import base64
import csv
import json
import logging
import subprocess
import sys
import time

import numpy as np
import pytest

from overread.errors import ImageError
from overread.images import addresses, credentials, timeouts
from overread.images.cache.pixel_cache import open_cache
from overread.images.decoding import read_image
from overread.images.location import Location
from overread.studies.study import open_study
from tests.core.commands import run_command
from tests.core.conftest import write_image
from tests.core.images.made_dicom import write_dicom
from tests.core.images.storages import serve_folder
from tests.core.images.test_credentials import AWS, SAS, SECRETS
from tests.core.images.test_timeouts import dripping
from tests.core.importing import import_source, read_source


def write_table(folder, rows, header=("image", "label", "remark")):
    folder.mkdir(exist_ok=True)
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return folder


def signed_only(handler):
    """A server that gives nothing without a signature, or a name and a password."""
    basic = "Basic " + base64.b64encode(b"mira:hunter2").decode()
    if "c0ffee5160" in handler.path or handler.headers.get("Authorization") == basic:
        return False
    handler.send_error(403)
    return True


@pytest.fixture
def web(tmp_path, monkeypatch):
    for number in range(4):
        write_image(tmp_path / "web" / f"{number} x.png", seed=number)
    (tmp_path / "none").touch()
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    with serve_folder(tmp_path / "web", signed_only) as (url, requests):
        yield url, requests


def stored(folder):
    """Everything that a study holds, as bytes."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_credentials_in_cells_are_used_and_reach_no_file_no_message_and_no_log(web, tmp_path, caplog, capfd):
    url, _ = web
    caplog.set_level(logging.DEBUG)
    with_user = url.replace("http://", "http://mira:hunter2@")
    rows = [
        (f"{url}/0 x.png?{AWS}", "a", f"see {with_user}/0 and https://host/?{SAS}, twice"),
        (f" {with_user}/1 x.png ", "b", '{"from": "https://mira:hunter2@host/a?token=hunter2"}'),
        (f"{with_user}/2 x.png", "a", ""),
        (f"{url}/3 x.png?v=1&{SAS}", "b", "plain"),
        (f"{url}/gone.png?{SAS}", "b", "plain"),
        ("ftp://mira:hunter2@host/a b.png", "b", "plain"),
        (f"{url}/closed.png", "b", "plain"),
    ]
    source = write_table(tmp_path / "source", rows)
    summary = import_source(read_source(source), tmp_path / "study", image_size_px=32)
    study = open_study(tmp_path / "study")
    images = [f"{url}/0 x.png", f" {url}/1 x.png ", f"{url}/2 x.png", f"{url}/3 x.png?v=1"]
    assert study.samples()["image"].tolist() == images
    assert study.source_table()["image"].tolist()[:4] == images
    assert study.source_table()["remark"].tolist()[:2] == [
        f"see {url}/0 and https://host/ twice",
        '{"from": "https://host/a"}',
    ]
    assert study.quarantine()[["image", "reason"]].to_numpy().tolist() == [
        [f"{url}/gone.png", "no such file"],
        ["ftp://host/a b.png", "the path is not relative to the source"],
        [f"{url}/closed.png", "no permission to read the file"],
    ]
    assert summary.messages == (
        "credentials were taken out of the URLs in 6 rows and are kept nowhere; the pages and later updates need "
        "access by the environment (a .netrc file for https, the storage's own variables else)",
    )
    logged = "".join(record.getMessage() for record in caplog.records)
    shown = "".join(capfd.readouterr())
    for secret in (*SECRETS, "mira"):
        assert secret.encode() not in stored(tmp_path / "study")
        assert secret not in logged + shown + json.dumps(summary.messages)
    (tmp_path / "export").mkdir()
    ran = run_command("export", tmp_path / "study", "--out", tmp_path / "export" / "x.csv")
    assert ran.status == 0, ran.err
    assert not any(secret.encode() in stored(tmp_path / "export") for secret in SECRETS)


def test_signed_urls_of_a_label_studio_export_are_bare_in_every_column(tmp_path):
    tasks = []
    for number in range(4):
        write_image(tmp_path / "source" / f"{number}.png", seed=number)
        result = {"from_name": "kind", "type": "choices", "value": {"choices": ["ab"[number % 2]]}}
        data = {"image": f"https://host/x/{number}.png?{AWS}", "meta": {"url": f"https://host/{number}?{SAS}"}}
        tasks.append({"id": number, "data": data, "annotations": [{"id": number, "result": [result]}]})
    (tmp_path / "source" / "export.json").write_text(json.dumps(tasks))
    import_source(read_source(tmp_path / "source"), tmp_path / "study", image_size_px=32)
    table = open_study(tmp_path / "study").source_table()
    assert table["image"].tolist() == [f"https://host/x/{number}.png" for number in range(4)]
    assert table["file"].tolist() == [f"{number}.png" for number in range(4)]
    assert not any(secret.encode() in stored(tmp_path / "study") for secret in SECRETS)


def test_a_frame_of_a_file_with_a_signed_url_is_downloaded_by_it(web, tmp_path):
    url, _ = web
    frames = np.random.default_rng(0).integers(0, 256, (4, 16, 16), dtype=np.uint8)
    write_dicom(tmp_path / "web" / "scan.dcm", frames)
    rows = [(f"{url}/scan.dcm?{AWS}#{number}", "ab"[number % 2], "") for number in range(1, 5)]
    import_source(read_source(write_table(tmp_path / "source", rows)), tmp_path / "study", image_size_px=16)
    study = open_study(tmp_path / "study")
    assert study.samples()["image"].tolist() == [f"{url}/scan.dcm#{number}" for number in range(1, 5)]
    np.testing.assert_array_equal(open_cache(study.pixels_path).pixels[..., 0], frames)


def test_the_id_of_an_image_is_that_of_its_url_without_credentials(web, tmp_path):
    url, requests = web
    with_user = url.replace("http://", "http://mira:hunter2@")
    first = [(f"{url}/{number} x.png?{AWS}", "ab"[number % 2], "") for number in range(4)]
    import_source(read_source(write_table(tmp_path / "source", first)), study := tmp_path / "study", image_size_px=32)
    ids = open_study(study).samples()["sample_id"].tolist()
    requests.clear()
    again = [(f"{with_user}/{number} x.png", "ab"[number % 2], "") for number in range(4)]
    import_source(read_source(write_table(tmp_path / "source", again)), study, update=True)
    assert open_study(study).samples()["sample_id"].tolist() == ids
    assert not [line for line in requests if "GET" in line]


def test_what_is_stored_is_read_with_the_credentials_of_the_environment(web, tmp_path, monkeypatch):
    url, _ = web
    rows = [(f"{url}/{number} x.png?{AWS}", "ab"[number % 2], "") for number in range(4)]
    import_source(read_source(write_table(tmp_path / "source", rows)), tmp_path / "study", image_size_px=32)
    study = open_study(tmp_path / "study")
    monkeypatch.setattr(credentials, "_given", {})  # as in another process
    with pytest.raises(ImageError, match="no permission to read the file"):
        read_image(study.image_location(study.samples()["image"][0]))
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login mira password hunter2\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for number, image in enumerate(study.samples()["image"]):
        expected = read_image(Location(str(tmp_path / "web" / f"{number} x.png"))).pixels
        assert (read_image(study.image_location(image)).pixels == expected).all()


def test_credentials_of_a_labels_file_s_url_open_the_images_beside_it_and_are_not_stored(web, tmp_path):
    url, _ = web
    rows = [(f"{number} x.png", "ab"[number % 2], "") for number in range(4)]
    write_table(tmp_path / "web", rows)
    with_user = url.replace("http://", "http://mira:hunter2@")
    ran = run_command("import", f"{with_user}/labels.csv?{AWS}", "--study", tmp_path / "study", "--image-size", 32)
    assert ran.status == 0, ran.err
    study = open_study(tmp_path / "study")
    assert (study.source_root, study.labels_file) == (url, f"{url}/labels.csv")
    assert len(study.samples()) == 4
    missing = run_command("import", f"{with_user}/gone.csv?{AWS}", "--study", tmp_path / "none")
    assert missing.status == 2
    assert f"{url}/gone.csv: no such file" in missing.err
    wrong = run_command("import", f"{with_user}/labels.csv?{AWS}", "--labels", "x.csv", "--study", tmp_path / "none")
    assert wrong.status == 2
    for secret in (*SECRETS, "mira"):
        assert secret.encode() not in stored(tmp_path / "study")
        assert not [ended for ended in (ran, missing, wrong) if secret in ended.out + ended.err]


def test_private_addresses_are_quarantined_until_the_flag_allows_them(tmp_path, monkeypatch):
    for number in range(4):
        write_image(tmp_path / "web" / f"{number}.png")
    for name in ("a.png", "b.png"):
        write_image(tmp_path / "source" / name)
    with serve_folder(tmp_path / "web", is_allowed=False) as (url, requests):
        cells = ["a.png", "b.png", *(f"{url}/{number}.png" for number in range(4))]
        source = write_table(tmp_path / "source", [(cell, "ab"[i % 2], "") for i, cell in enumerate(cells)])
        arguments = ("import", source, "--study", tmp_path / "study", "--image-size", 32)
        assert run_command(*arguments).status == 0
        reasons = set(open_study(tmp_path / "study").quarantine()["reason"])
        assert len(reasons) == 1
        assert "--allow-private-urls" in reasons.pop()
        assert requests == []
        monkeypatch.setenv(addresses.ALLOW_VARIABLE, "")  # so that what the flag sets is taken back
        assert run_command(*arguments, "--update", "--allow-private-urls").status == 0
        assert len(open_study(tmp_path / "study").samples()) == 6
        ran = run_command("import", f"{url}/labels.csv", "--study", tmp_path / "none")
        assert "no such file" in ran.err
        monkeypatch.setenv(addresses.ALLOW_VARIABLE, "")
        ran = run_command("import", f"{url}/labels.csv", "--study", tmp_path / "none")
        assert (ran.status, "its server has no public address" in ran.err) == (2, True)


def test_an_import_from_a_server_that_drips_comes_to_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(timeouts, "GRACE_S", 0.5)
    for name in ("a.png", "b.png"):
        write_image(tmp_path / "source" / name)
    with dripping(tmp_path, "body") as (url, _):
        cells = ["a.png", "b.png", *(f"{url}/{number}.png" for number in range(40))]
        source = write_table(tmp_path / "source", [(cell, "ab"[i % 2], "") for i, cell in enumerate(cells)])
        start = time.monotonic()
        import_source(read_source(source), tmp_path / "study", image_size_px=32)
        assert time.monotonic() - start < 20
    assert set(open_study(tmp_path / "study").quarantine()["reason"]) == {"its server is too slow"}


def test_a_server_that_drips_does_not_hold_an_import_that_is_to_end(tmp_path):
    for name in ("a.png", "b.png"):
        write_image(tmp_path / "source" / name)
    with dripping(tmp_path, "body") as (url, requests):
        cells = ["a.png", "b.png", *(f"{url}/{number}.png" for number in range(40))]
        source = write_table(tmp_path / "source", [(cell, "ab"[i % 2], "") for i, cell in enumerate(cells)])
        command = [sys.executable, "-m", "core", "import", source, "--study", tmp_path / "study"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            while not [line for line in requests if "GET" in line]:
                time.sleep(0.05)
                assert process.poll() is None
            process.terminate()
            _, error = process.communicate(timeout=15)
    assert (process.returncode, error.splitlines()[-1]) == (1, "stopped")
