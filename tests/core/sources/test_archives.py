import io
import os
import stat
import tarfile
import zipfile

import pytest

from overread.errors import SourceError
from overread.sources import archives
from overread.sources.archives import is_archive, unpack

FILES = {"cat/a.png": b"one", "cat/deep/b.png": bytes(5000), "dog/c.png": b"", "labels.csv": b"image,label\n"}


@pytest.fixture
def zipped(tmp_path):
    def make(files=FILES, name="data.zip", **options):
        with zipfile.ZipFile(tmp_path / name, "w", **options) as archive:
            for inner, content in files.items():
                archive.writestr(inner, content)
        return tmp_path / name

    return make


@pytest.fixture
def tarred(tmp_path):
    def make(files=FILES, name="data.tar", mode="w", **of_header):
        with tarfile.open(tmp_path / name, mode) as archive:
            for inner, content in files.items():
                info = tarfile.TarInfo(inner)
                info.size = len(content)
                for field, value in of_header.get("header", {}).items():
                    setattr(info, field, value)
                archive.addfile(info, io.BytesIO(content))
        return tmp_path / name

    return make


def unpacked(path, folder):
    """The files that an archive gives, and their content."""
    unpack(path, folder, is_private=False)
    return {found.relative_to(folder).as_posix(): found.read_bytes() for found in folder.rglob("*") if found.is_file()}


def refused(path, folder, message):
    """Nothing is written, in the folder or beside it."""
    before = {found: found.stat().st_mtime_ns for found in folder.parent.rglob("*")}
    with pytest.raises(SourceError, match=message) as error:
        unpack(path, folder, is_private=False)
    assert {found: found.stat().st_mtime_ns for found in folder.parent.rglob("*")} == before
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_gives_the_files_that_were_put_in(zipped, tmp_path, compression):
    path = zipped(compression=compression)
    assert is_archive(path)
    assert unpacked(path, tmp_path / "out") == FILES


@pytest.mark.parametrize(("name", "mode"), [("a.tar", "w"), ("a.tgz", "w:gz"), ("a.tar.xz", "w:xz"), ("a", "w:bz2")])
def test_a_tar_gives_the_files_that_were_put_in_however_it_is_compressed(tarred, tmp_path, name, mode):
    path = tarred(name=name, mode=mode)
    assert is_archive(path)
    assert unpacked(path, tmp_path / "out") == FILES


def test_an_archive_in_an_archive_does_not_make_it_one_of_its_kind(zipped, tarred, tmp_path):
    for inner in (zipped(), tarred()):
        files = {"a.bin": inner.read_bytes()}
        assert unpacked(tarred(files, "of.tar"), tmp_path / f"tar-of{inner.suffix}") == files
        assert unpacked(zipped(files, "of.zip"), tmp_path / f"zip-of{inner.suffix}") == files


@pytest.mark.parametrize("is_private", [True, False])
def test_a_private_study_s_files_are_its_owner_s(zipped, tmp_path, is_private):
    before = os.umask(0o022)
    try:
        unpack(zipped(), tmp_path / "out", is_private=is_private)
    finally:
        os.umask(before)
    found = [tmp_path / "out", *(tmp_path / "out").rglob("*")]
    others = {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in found}
    assert others == ({0} if is_private else {0o055, 0o044})


def test_progress_ends_with_all_bytes(zipped, tmp_path):
    told = []
    unpack(zipped(), tmp_path / "out", is_private=True, on_progress=lambda done, total: told.append((done, total)))
    total = sum(map(len, FILES.values()))
    assert told[-1] == (total, total)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.parametrize("name", ["../out.png", "a/../../out.png", "/tmp/out.png", "C:\\out.png", "..\\out.png"])
def test_names_that_lead_out_are_refused(zipped, tarred, tmp_path, name):
    for path in (zipped({**FILES, name: b"x"}), tarred({**FILES, name: b"x"})):
        refused(path, tmp_path / "folder", "leads out of the folder; unpack it yourself")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_links_and_devices_are_refused(tarred, tmp_path, kind):
    path = tarred({"cat/a.png": b""}, header={"type": kind, "linkname": "/etc/passwd"})
    refused(path, tmp_path / "folder", "is a link or a device")


def test_a_symbolic_link_in_a_zip_is_refused(tmp_path):
    link = zipfile.ZipInfo("cat/a.png")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    refused(tmp_path / "a.zip", tmp_path / "folder", "is a link or a device")


def test_a_hard_link_is_a_copy_of_what_came_before_it(tmp_path):
    link = tarfile.TarInfo("dog/a.png")
    link.type, link.linkname = tarfile.LNKTYPE, "cat/a.png"
    info = tarfile.TarInfo("cat/a.png")
    info.size = 3
    for name, order in (("after.tar", (info, link)), ("before.tar", (link, info))):
        with tarfile.open(tmp_path / name, "w") as archive:
            for member in order:
                archive.addfile(member, io.BytesIO(b"one"))
    assert unpacked(tmp_path / "after.tar", tmp_path / "out") == {"cat/a.png": b"one", "dog/a.png": b"one"}
    assert not (tmp_path / "out" / "dog" / "a.png").samefile(tmp_path / "out" / "cat" / "a.png")
    refused(tmp_path / "before.tar", tmp_path / "folder", "link to nothing before it")


def test_what_no_format_reads_is_left_out(zipped, tmp_path):
    path = zipped({**FILES, "__MACOSX/cat/._a.png": b"x", ".DS_Store": b"x", "cat/._a.png": b"x"})
    assert unpacked(path, tmp_path / "out") == FILES


def test_what_unpacks_to_far_more_than_its_size_is_refused(zipped, tarred, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_BOMB_BYTES", 10_000)
    zeros = {"cat/a.png": bytes(2_000_000)}
    refused(zipped(zeros, compression=zipfile.ZIP_DEFLATED), tmp_path / "folder", "200 times its size .*zip bombs")
    refused(tarred(zeros, name="a.tar.gz", mode="w:gz"), tmp_path / "folder", "200 times its size")
    assert unpacked(zipped(zeros), tmp_path / "out") == zeros  # stored as it is


def test_more_than_is_free_and_too_many_files_are_refused(zipped, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_MOST_FILES", 3)
    refused(zipped(), tmp_path / "folder", "more than 3 files")
    monkeypatch.undo()
    usage = archives.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: usage._replace(free=4000))
    refused(zipped(), tmp_path / "folder", r"more than the 0\.0 MB that are free in .*free some space")


def test_an_encrypted_zip_is_called_that(zipped, tmp_path):
    path = zipped({"a.png": b"x"})
    content = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):  # general purpose flags (APPNOTE.TXT 4.4.4), bit 0
        content[content.index(mark) + at] |= 1
    path.write_bytes(content)
    refused(path, tmp_path / "folder", "is encrypted; unpack it with its password")


def test_names_in_utf_8_without_its_flag_are_read_as_utf_8(zipped, tmp_path):
    path = zipped({"Lungenentzündung/ä.png": b"x", "Röntgen.png": b"y"})
    content = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x01\x02", 9), (b"PK\x03\x04", 7)):
        start = -1
        while (start := content.find(mark, start + 1)) >= 0:
            content[start + at] &= ~0x08  # bit 11: names are UTF-8
    path.write_bytes(content)
    assert unpacked(path, tmp_path / "out") == {"Lungenentzündung/ä.png": b"x", "Röntgen.png": b"y"}


def test_names_of_another_encoding_stay_apart(zipped, tarred, tmp_path):
    """As an old Windows program writes them, in code page 437: two names that are not UTF-8."""
    path = zipped({"xxx.png": b"x", "yyy.png": b"y"})
    path.write_bytes(path.read_bytes().replace(b"xxx", b"\x81\xe1x").replace(b"yyy", b"\x84\xe1y"))
    assert unpacked(path, tmp_path / "out") == {"üßx.png": b"x", "äßy.png": b"y"}
    names = {b"\xe9.png".decode("utf-8", "surrogateescape"): b"x", "é.png": b"y"}
    assert unpacked(tarred(names), tmp_path / "out2") == names


def test_names_that_differ_in_case_only_are_two_files_where_the_disk_tells_them_apart(zipped, tmp_path):
    (tmp_path / "probe").touch()
    files = {"cat/a.png": b"x", "cat/A.png": b"y"}
    if (tmp_path / "PROBE").exists():
        refused(zipped(files), tmp_path / "folder", "holds names that this disk cannot tell apart")
    else:
        assert unpacked(zipped(files), tmp_path / "out") == files


def test_a_name_that_is_there_twice_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", "x")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.png", "y")
    refused(tmp_path / "a.zip", tmp_path / "folder", "holds 'a.png' twice")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("a", "x")
        archive.writestr("a/b.png", "y")
    refused(tmp_path / "b.zip", tmp_path / "folder", "cannot tell apart")


def test_a_damaged_or_truncated_archive_is_refused_wherever_the_damage_is(zipped, tarred, tmp_path):
    files = {f"cat/{number}.png": os.urandom(700) for number in range(4)}
    for path, num_padding in ((zipped(files), 0), (tarred(files), 4096), (tarred(files, "a.tgz", "w:gz"), 60)):
        content = path.read_bytes()
        num_bytes = len(content) - num_padding  # zeros up to 10240 bytes
        for length in range(num_bytes // 7, num_bytes, num_bytes // 7):
            path.write_bytes(content[:length])
            refused(path, tmp_path / "folder", "is not an intact|is truncated|ends in the middle")
    path = zipped(files)
    path.write_bytes(path.read_bytes().replace(files["cat/2.png"], bytes(700)))
    refused(path, tmp_path / "folder", "is not an intact zip or tar archive .Bad CRC-32 .*download it again")
    path = tarred(files)
    content = bytearray(path.read_bytes())
    content[content.index(b"cat/2.png")] ^= 1  # of its header, whose checksum is then another
    path.write_bytes(content)
    refused(path, tmp_path / "folder", "it ends in the middle")


def test_an_archive_without_files_and_what_is_only_named_like_one_say_so(zipped, tmp_path):
    refused(zipped({}), tmp_path / "folder", "holds no files")
    (tmp_path / "page.zip").write_text("<html>log in</html>")
    assert is_archive(tmp_path / "page.zip")
    refused(tmp_path / "page.zip", tmp_path / "folder", "is not an intact zip or tar archive")


@pytest.mark.parametrize(("start", "kind"), [(b"7z\xbc\xaf\x27\x1c", "7-Zip"), (b"Rar!\x1a\x07\x01\0", "RAR")])
def test_archives_of_other_kinds_are_called_what_they_are(tmp_path, start, kind):
    (tmp_path / "data.bin").write_bytes(start + bytes(600))
    with pytest.raises(SourceError, match=rf"data\.bin: this is a {kind} archive: unpack it first") as error:
        is_archive(tmp_path / "data.bin")
    assert error.value.public == f"This is a {kind} archive: unpack it first, and give the folder."


def test_zips_that_are_no_archives_of_files_are_not_unpacked(zipped, tmp_path):
    assert not is_archive(zipped({"train_images.npy": b"", "train_labels.npy": b""}, name="x.npz"))
    assert not is_archive(zipped({"[Content_Types].xml": b"", "xl/workbook.xml": b""}, name="x.xlsx"))
    assert not is_archive(zipped({"mimetype": b"", "content.xml": b""}, name="x.ods"))
    (tmp_path / "x.csv").write_text("PK,label\na,b\n")
    assert not is_archive(tmp_path / "x.csv")
    assert not is_archive(tmp_path)


def test_what_a_page_may_say_of_a_refusal_quotes_no_name(zipped, tmp_path):
    for files in ({"Zimtstern/../../a.png": b""}, {"/".join([*["Zimtstern"] * 65, "a.png"]): b""}):
        with pytest.raises(SourceError) as error:
            unpack(zipped(files), tmp_path / "out", is_private=True)
        assert error.value.public.startswith("The archive ") and "Zimtstern" not in error.value.public


def test_a_header_that_unpacks_to_gigabytes_is_refused_unread(tmp_path):
    """A tar's long names and attributes are read at once, and zeros compress a thousandfold."""
    info = tarfile.TarInfo("a")
    info.type, info.size = tarfile.XHDTYPE, 8 * 10**9
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("cat/a.png"))
        archive.fileobj.write(info.tobuf(tarfile.USTAR_FORMAT))
    refused(tmp_path / "a.tar.gz", tmp_path / "folder", "too long a header")


def test_headers_of_headers_of_headers_are_refused(tmp_path):
    info = tarfile.TarInfo("a")
    info.type = tarfile.XHDTYPE
    (tmp_path / "a.tar").write_bytes(tarfile.TarInfo("cat/a.png").tobuf() + info.tobuf(tarfile.USTAR_FORMAT) * 5000)
    refused(tmp_path / "a.tar", tmp_path / "folder", "is not an intact zip or tar archive")


def test_a_list_of_members_that_is_too_long_is_refused_unread(zipped, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_MOST_LISTED_BYTES", 200)
    refused(zipped({f"{'a' * 50}{number}": b"" for number in range(5)}), tmp_path / "folder", "too long a header")
