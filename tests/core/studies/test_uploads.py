import io
import json
import os
import stat
import tarfile
import time
import zipfile

import pytest

from overread.errors import NotAllowedError, UploadError
from overread.review.roles import Actor, Identity, Role
from overread.studies import uploads
from overread.studies.uploads import Uploads


def actor(name="Dr. Owner", role=Role.OWNER):
    return Actor(name, role, Identity.PASSWORD)


@pytest.fixture
def desk(tmp_path):
    """The uploads of an owner, up to 1 MB each."""
    return Uploads(tmp_path / "home" / uploads.FOLDER, 10**6, actor())


def zipped(num_bytes=5000):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("cat/a.png", os.urandom(num_bytes))
    return content.getvalue()


def send(desk, content, *, piece=1000):
    """Sends an archive in pieces; its id."""
    upload_id = desk.begin(len(content))
    for start in range(0, len(content), piece):
        assert desk.append(upload_id, start, content[start : start + piece]) == min(start + piece, len(content))
    return upload_id


@pytest.mark.parametrize("role", [Role.READER, Role.ADJUDICATOR])
def test_only_an_owner_has_uploads(tmp_path, role):
    with pytest.raises(NotAllowedError):
        Uploads(tmp_path, 10**6, actor(role=role))


@pytest.mark.parametrize(("mode", "suffix"), [("w", ".tar"), ("w:gz", ".tar.gz"), ("w:xz", ".tar.xz"), ("", ".zip")])
def test_what_was_sent_in_pieces_is_kept_whole_and_called_what_it_is(desk, mode, suffix):
    content = zipped()
    if mode:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode=mode) as archive:
            archive.addfile(tarfile.TarInfo("cat/a.png"))
        content = buffer.getvalue()
    upload = desk.finish(send(desk, content))
    assert upload.path.name == f"upload{suffix}" and upload.path.read_bytes() == content
    assert (upload.size_bytes, upload.by) == (len(content), "Dr. Owner")
    assert desk.finish(upload.id) == upload  # the answer was lost, and it is asked for again
    assert desk.waiting() == [upload]


def test_only_the_app_s_account_may_read_uploads(desk):
    before = os.umask(0)
    try:
        upload = desk.finish(send(desk, zipped()))
    finally:
        os.umask(before)
    places = (desk.folder, upload.path.parent, upload.path)
    assert [stat.S_IMODE(place.stat().st_mode) for place in places] == [0o700, 0o700, 0o600]


def test_a_piece_that_is_sent_twice_or_too_early_is_not_written(desk):
    content = zipped()
    upload_id = desk.begin(len(content))
    assert desk.append(upload_id, 0, content[:1000]) == 1000
    assert desk.append(upload_id, 0, content[:1000]) == 1000
    assert desk.append(upload_id, 3000, content[3000:4000]) == 1000
    assert desk.append(upload_id, 1000, content[1000:]) == len(content)
    assert desk.finish(upload_id).path.read_bytes() == content


def test_more_than_the_limit_more_than_was_announced_and_nothing_at_all_are_refused(desk):
    for size, message in ((10**6 + 1, "at most 1.0 MB may be uploaded"), (0, "is empty"), (-1, "is empty")):
        with pytest.raises(UploadError, match=message):
            desk.begin(size)
    upload_id = desk.begin(1000)
    with pytest.raises(UploadError, match="More was sent than was announced"):
        desk.append(upload_id, 0, bytes(1001))
    assert desk.append(upload_id, 0, b"") == 0


def test_half_of_an_archive_is_not_finished_and_goes_after_an_hour_without_a_piece(desk):
    content = zipped()
    upload_id = desk.begin(len(content))
    desk.append(upload_id, 0, content[:1000])
    with pytest.raises(UploadError, match=r"Only 0\.0 MB of") as error:
        desk.finish(upload_id)
    assert not error.value.is_final and desk.waiting() == []
    arriving = desk.folder / upload_id / "arriving"
    os.utime(arriving, (time.time(), time.time() - uploads.IDLE_S + 60))
    assert desk.waiting() == [] and arriving.is_file()
    os.utime(arriving, (time.time(), time.time() - uploads.IDLE_S - 60))
    desk.begin(1000)
    assert not arriving.parent.exists()
    with pytest.raises(UploadError, match="not there any more"):
        desk.append(upload_id, 1000, content[1000:])


def test_what_is_no_archive_is_not_kept(desk):
    for content in (b"<html>log in</html>", bytes(600), b"P"):
        with pytest.raises(UploadError, match="not a zip or tar archive"):
            desk.finish(send(desk, content))
    assert list(desk.folder.iterdir()) == []


def test_another_owner_may_import_and_remove_but_not_add_to_an_upload(desk):
    other = Uploads(desk.folder, desk.max_bytes, actor("Dr. Second"))
    content = zipped()
    upload_id = desk.begin(len(content))
    for asked in (lambda: other.append(upload_id, 0, content), lambda: other.finish(upload_id)):
        with pytest.raises(UploadError, match="not there any more"):
            asked()
    desk.append(upload_id, 0, content)
    upload = desk.finish(upload_id)
    assert other.waiting() == [upload]
    other.remove(upload.id)
    assert desk.waiting() == [] and list(desk.folder.iterdir()) == []


@pytest.mark.parametrize("upload_id", ["..", "../../etc", "", "0" * 16, "/etc/passwd", "0" * 15 + "\n"])
def test_an_id_that_is_none_leads_nowhere(desk, tmp_path, upload_id):
    (tmp_path / "home" / "begun.json").parent.mkdir()
    (tmp_path / "home" / "begun.json").write_text(json.dumps({"by": "Dr. Owner", "size_bytes": 10}))
    (tmp_path / "home" / "arriving").touch()
    for asked in (lambda: desk.append(upload_id, 0, b"x"), lambda: desk.finish(upload_id)):
        with pytest.raises(UploadError, match="not there any more"):
            asked()
    desk.remove(upload_id)
    assert (tmp_path / "home" / "arriving").read_bytes() == b""


def test_a_disk_without_space_for_all_that_was_begun_refuses_another_upload(desk, monkeypatch):
    desk.begin(600_000)
    monkeypatch.setattr(uploads, "usable_bytes", lambda _: 1_000_000)
    with pytest.raises(UploadError, match=r"disk is too full: 1\.0 MB may still be used"):
        desk.begin(600_000)
    desk.begin(400_000)


def test_a_disk_that_fills_up_meanwhile_keeps_what_arrived(desk, monkeypatch):
    content = zipped()
    upload_id = desk.begin(len(content))
    desk.append(upload_id, 0, content[:1000])

    def write_half(descriptor, piece):
        real_write(descriptor, piece[:500])
        raise OSError(28, "No space left on device")

    real_write = os.write
    monkeypatch.setattr(uploads.os, "write", write_half)
    with pytest.raises(UploadError, match="No space left on device") as error:
        desk.append(upload_id, 1000, content[1000:])
    monkeypatch.undo()
    assert not error.value.is_final
    assert desk.append(upload_id, 1000, content[1000:]) == len(content)
    assert desk.finish(upload_id).path.read_bytes() == content
