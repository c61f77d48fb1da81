import re

import boto3
import numpy as np
import pytest
from PIL import Image

from overread.errors import ImageError
from overread.images import addresses, remote, remote_file, remote_listing
from overread.images.decoding import read_image
from overread.images.file_header import read_headers
from overread.images.location import Location
from overread.images.remote import ABSENT
from overread.images.remote_file import open_remote
from overread.images.remote_listing import RemoteEntry, look_up
from tests.core.images.made_dicom import write_dicom
from tests.core.images.storages import serve_folder, serve_s3


@pytest.fixture
def s3(monkeypatch):
    with serve_s3(monkeypatch) as served:
        yield served


def test_a_file_is_the_same_over_s3_over_http_and_on_the_disk(s3, tmp_path):
    client, _ = s3
    Image.linear_gradient("L").save(tmp_path / "a b#1.png")
    client.upload_file(str(tmp_path / "a b#1.png"), "hospital", "x/a b.png")
    expected = read_image(tmp_path / "a b#1.png").pixels
    assert (read_image(Location("s3://hospital/x/a b.png")).pixels == expected).all()
    with serve_folder(tmp_path) as (url, _):
        assert (read_image(Location(f"{url}/a%20b%231.png")).pixels == expected).all()


def test_a_listing_and_single_requests_tell_the_same(s3):
    client, requests = s3
    for number in range(30):
        client.put_object(Bucket="hospital", Key=f"x/{number}", Body=b"a" * (number + 1))
    places = [f"s3://hospital/x/{number}" for number in range(30)]
    requests.clear()
    listed = look_up([*places, "s3://hospital/x/gone"])
    assert len(requests) == 1
    asked = look_up(places[:3])
    assert len(requests) == 4
    assert [listed[place] for place in places[:3]] == [asked[place] for place in places[:3]]
    assert [listed[place].num_bytes for place in places] == list(range(1, 31))
    assert len({listed[place].stamp for place in places}) == 30
    assert listed["s3://hospital/x/gone"].fault == "no such file"


def test_what_has_no_tag_has_no_stamp(tmp_path):
    def untagged(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "3")
        handler.end_headers()
        return True

    with serve_folder(tmp_path, untagged) as (url, _):
        assert look_up([f"{url}/a"])[f"{url}/a"] == RemoteEntry(3, ABSENT)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, "no such file"),
        (403, "no permission to read the file"),
        (401, "no permission to read the file"),
        (500, "it cannot be downloaded"),
    ],
)
def test_what_a_server_refuses_has_a_reason_that_names_no_url(tmp_path, status, reason):
    def refuse(handler):
        handler.send_error(status)
        return True

    with serve_folder(tmp_path, refuse) as (url, _):
        place = f"{url}/secret.png"
        assert look_up([place])[place].fault == reason
        with pytest.raises(ImageError, match=f"^{reason}$"):
            open_remote(place)


@pytest.mark.usefixtures("s3")
def test_objects_and_buckets_that_are_not_there_have_a_reason():
    places = ["s3://no-such-bucket/a", *(f"s3://no-such-bucket/x/{number}" for number in range(20))]
    assert {found.fault for found in look_up(places).values()} == {"no such file"}
    with pytest.raises(ImageError, match=r"^no such file$"):
        open_remote("s3://hospital/gone")


def test_a_server_that_is_gone_is_asked_once(tmp_path, monkeypatch):
    monkeypatch.setenv(addresses.ALLOW_VARIABLE, "1")
    with serve_folder(tmp_path) as (url, _):
        pass
    places = [f"{url}/{number}" for number in range(100)]
    assert {found.fault for found in look_up(places).values()} == {"its server cannot be reached"}
    with pytest.raises(ImageError, match=r"^its server cannot be reached$"):
        open_remote(places[0])


def test_a_redirect_is_followed_on_the_web_and_never_to_a_file(tmp_path):
    (tmp_path / "there").write_bytes(b"content")
    (tmp_path / "secret").write_bytes(b"secret")

    def redirect(handler):
        target = {"/away": "/there", "/local": f"file://{tmp_path}/secret"}.get(handler.path)
        if target:
            handler.send_response(302)
            handler.send_header("Location", target)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        return bool(target)

    with serve_folder(tmp_path, redirect) as (url, _):
        with open_remote(f"{url}/away") as file:
            assert file.read() == b"content"
        with pytest.raises(ImageError, match=r"^it cannot be downloaded$"):
            open_remote(f"{url}/local")
        assert look_up([f"{url}/local"])[f"{url}/local"].fault == "it cannot be downloaded"


def test_more_bytes_than_the_limit_are_not_taken(tmp_path, monkeypatch):
    for module in (remote_file, remote_listing):
        monkeypatch.setattr(module, "MAX_BYTES", 2**20)
        monkeypatch.setattr(module, "TOO_LARGE", "too large (over 1 MB)")
    (tmp_path / "a").write_bytes(bytes(2**20))
    (tmp_path / "b").write_bytes(bytes(2**20 + 1))
    with serve_folder(tmp_path) as (url, _):
        with open_remote(f"{url}/a") as file:
            assert len(file.read()) == 2**20
        with pytest.raises(ImageError, match=re.escape("too large (over 1 MB)")):
            open_remote(f"{url}/b")
        assert look_up([f"{url}/b"])[f"{url}/b"].fault == "too large (over 1 MB)"


def test_the_first_bytes_come_without_the_rest(s3, tmp_path):
    client, _ = s3
    content = bytes(range(256)) * 4096
    (tmp_path / "a").write_bytes(content)
    client.upload_file(str(tmp_path / "a"), "hospital", "a")
    with serve_folder(tmp_path) as (url, _):
        for place in (f"{url}/a", "s3://hospital/a"):
            with open_remote(place, first_bytes=1000) as file:
                assert file.read() == content[:1000]


def test_the_header_of_a_remote_file_is_that_of_the_file_without_the_rest_of_it(s3, tmp_path):
    client, requests = s3
    pixels = np.random.default_rng(0).integers(0, 2**16, (1000, 1000), dtype=np.uint16)
    write_dicom(tmp_path / "a.dcm", pixels, BurnedInAnnotation="NO")
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "a.jpg")
    names = ("a.dcm", "a.png", "a.jpg")
    for name in names:
        client.upload_file(str(tmp_path / name), "hospital", name)
    requests.clear()
    remote_headers = read_headers([Location(f"s3://hospital/{name}") for name in names])
    assert remote_headers == read_headers([Location.of(tmp_path / name) for name in names])
    assert [header.format for header in remote_headers] == ["DICOM", "PNG", "JPEG"]
    assert sum('" 206 ' in line for line in requests) == 3


def test_public_objects_are_read_without_credentials(s3, monkeypatch, tmp_path):
    client, _ = s3
    client.put_object(Bucket="hospital", Key="a", Body=b"public", ACL="public-read")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    remote._file_system.cache_clear()
    with open_remote("s3://hospital/a") as file:
        assert file.read() == b"public"
