"""Uploads to a served app, tried from outside: off, and on, by nobody, a reader and owners."""

import io
import json
import os
import re
import time
import zipfile
from socket import create_connection

import pytest

from overread.errors import ConfigError
from overread.review.roles import Role
from overread_app.serving import Place, size_bytes
from tests.app.test_served_session import OWNER, check_streamlit_refuses
from tests.app.test_serving import HOST, PASSWORD, READER, serving

TYPE = {"Content-Type": "application/octet-stream"}
WORDS = re.compile(rb"upload(?!_progress)", re.IGNORECASE)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """An app that takes uploads of up to 3 MB."""
    with serving(tmp_path_factory.mktemp("uploads"), "--uploads", "3MB", is_home=True) as app:
        app.folder = app.study.path.parent.parent / "home" / ".uploads"
        app.accounts.add("Dr. Second", Role.OWNER, password=PASSWORD)
        app.accounts.add("Dr. Judge", Role.ADJUDICATOR, password=PASSWORD)
        yield app


def post(served, path, token, body=b"", **headers):
    """Status and answer of a request to the routes of uploads."""
    status, _, text = served.ask(f"/reading/uploads/{path}", token=token, body=body, **TYPE | headers)
    return status, json.loads(text) if text.startswith("{") else text


def begin(served, token, size):
    return post(served, "begin", token, json.dumps({"size": size}))


def zipped(num_bytes=1000):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("cat/a.png", os.urandom(num_bytes))
    return content.getvalue()


@pytest.mark.parametrize("name", [OWNER, READER])
def test_streamlit_s_own_route_takes_nothing_with_uploads_on(served, name):
    check_streamlit_refuses(served, name)


def test_an_owner_sends_a_dataset_in_pieces(served):
    token, content = served.sign_in(OWNER), zipped(1_500_000)
    status, told = begin(served, token, len(content))
    assert status == 200 and told["piece"] == 8_000_000
    for start in (0, 0, 1_000_000):  # the first one twice, as if its answer had been lost
        answer = post(served, f"{told['id']}/piece?start={start}", token, content[start : start + 1_000_000])
    assert answer == (200, {"received": len(content)})
    assert post(served, f"{told['id']}/finish", token) == (200, {"id": told["id"]})
    assert (served.folder / told["id"] / "upload.zip").read_bytes() == content
    assert b"1.5 MB" in served.page("", served.sign_in("Dr. Second"))
    assert post(served, f"{told['id']}/remove", served.sign_in("Dr. Second")) == (200, {})
    assert not (served.folder / told["id"]).exists()


@pytest.mark.parametrize("name", [READER, "Dr. Judge"])
def test_to_a_reader_there_are_no_uploads(served, name):
    token, owner = served.sign_in(name), served.sign_in(OWNER)
    upload_id = begin(served, owner, 1000)[1]["id"]
    elsewhere = served.ask("/reading/uploadz/begin", token=token, body=b"{}", **TYPE)
    for path in ("begin", f"{upload_id}/piece?start=0", f"{upload_id}/finish", f"{upload_id}/remove", "", "begin/"):
        for method in ("POST", "GET", "PUT", "OPTIONS"):
            answer = served.ask(f"/reading/uploads/{path}", token=token, body=b'{"size": 9}', method=method, **TYPE)
            assert (answer[0], answer[2]) == (elsewhere[0], elsewhere[2]) == (404, "Not Found"), (path, method)
    assert (served.folder / upload_id / "arriving").read_bytes() == b""
    for page in ("", "train"):
        assert not WORDS.search(served.page(page, token)), page


def test_nobody_sends_anything_without_signing_in(served):
    upload_id = begin(served, served.sign_in(OWNER), 1000)[1]["id"]
    for token in ("", "forged"):
        for path in ("begin", f"{upload_id}/piece?start=0", f"{upload_id}/finish", f"{upload_id}/remove"):
            assert post(served, path, token)[0] == 401, path
    assert (served.folder / upload_id).is_dir()


def test_another_site_s_page_sends_nothing(served):
    token = served.sign_in(OWNER)
    assert post(served, "begin", token, b'{"size": 1000}', Origin="https://evil.example")[0] == 403
    assert post(served, "begin", token, b'{"size": 1000}', **{"Content-Type": "text/plain"})[0] == 415


def test_a_session_that_ends_stops_an_upload(served):
    token = served.sign_in(OWNER)
    upload_id = begin(served, token, 1000)[1]["id"]
    served.ask("/sign-out", token=token, **{"Sec-Fetch-Site": "same-origin"})
    assert post(served, f"{upload_id}/piece?start=0", token, b"x")[0] == 401
    again = served.sign_in(OWNER)
    assert post(served, f"{upload_id}/piece?start=0", again, b"x") == (200, {"received": 1})


def test_an_owner_who_becomes_a_reader_sends_no_more(served):
    served.accounts.add("Dr. Former", Role.OWNER, password=PASSWORD)
    upload_id = begin(served, served.sign_in("Dr. Former"), 1000)[1]["id"]
    served.accounts.set_role("Dr. Former", Role.READER)
    assert post(served, f"{upload_id}/piece?start=0", served.sign_in("Dr. Former"), b"x") == (404, "Not Found")


def test_what_is_refused_is_said_in_a_sentence(served):
    token = served.sign_in(OWNER)
    status, told = begin(served, token, 3_000_001)
    assert status == 422 and told["isFinal"] and "at most 3.0 MB may be uploaded" in told["message"]
    for body in (b"", b"[]", b'{"size": null}', b'{"size": 1e999}', b"[" * 100_000):
        assert post(served, "begin", token, body)[0] == 422
    upload_id = begin(served, token, 1000)[1]["id"]
    assert post(served, f"{upload_id}/piece?start=0", token, bytes(8_000_001))[0] == 422
    for start in ("", "-1", "x", "9" * 30, "%C2%B2"):
        assert post(served, f"{upload_id}/piece?start={start}", token)[0] == 422
    status, told = post(served, f"{upload_id}/finish", token)
    assert (status, told) == (507, {"message": "Only 0.0 MB of 0.0 MB arrived.", "isFinal": False})
    post(served, f"{upload_id}/piece?start=0", token, bytes(1000))
    status, told = post(served, f"{upload_id}/finish", token)
    assert status == 422 and "not a zip or tar archive" in told["message"]
    assert not (served.folder / upload_id).exists()


def test_half_a_piece_is_not_written(served):
    token = served.sign_in(OWNER)
    upload_id = begin(served, token, 1000)[1]["id"]
    lines = [f"POST /reading/uploads/{upload_id}/piece?start=0 HTTP/1.1", f"Host: {HOST}", f"Origin: https://{HOST}"]
    lines += [f"Cookie: overread_session={token}", f"Content-Type: {TYPE['Content-Type']}", "Content-Length: 1000"]
    with create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + bytes(500))
        time.sleep(0.2)
    time.sleep(0.2)
    assert (served.folder / upload_id / "arriving").stat().st_size == 0
    assert post(served, f"{upload_id}/piece?start=0", token, bytes(1000)) == (200, {"received": 1000})


@pytest.mark.parametrize(
    ("text", "number"), [("2GB", 2 * 10**9), ("500 mb", 5 * 10**8), ("1.5TB", 15 * 10**11), ("64KB", 64_000)]
)
def test_a_size_is_a_number_with_a_unit(text, number):
    assert size_bytes(text) == number
    assert Place.served("127.0.0.1", [], port=1, uploads=text).max_upload_bytes == number


@pytest.mark.parametrize("text", ["", "2", "GB", "-1GB", "0MB", "1e9GB", "2GiB", "inf"])
def test_a_size_that_is_none_is_refused(text):
    with pytest.raises(ConfigError, match="such as 500MB or 2GB"):
        size_bytes(text)
