"""No patient data leaves the file: a name put into every tag, path and cell of a source is looked for in all that
the commands write and print, and in all that the pages send to the browser."""

import base64
import csv
import gzip
import json
import logging
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from PIL import Image, PngImagePlugin
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset
from pydicom.uid import MPEG2MPML
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.testing.v1 import AppTest

from overread.studies.study import open_study
from overread_app.processes import STUDIES_VARIABLE
from tests.app.conftest import open_page, page_text
from tests.app.reading.desk import Desk
from tests.core.commands import TINY, run_command
from tests.core.images.made_dicom import write_dicom
from tests.paths import ENTRY, ROOT

NAME = "Zimtstern"
UID = "1.2.826.0.4711081599.3"
DATE = "19130713"
CANARIES = tuple(text.encode(coding) for text in (NAME.lower(), UID, DATE) for coding in ("utf-8", "utf-16-le"))
TAG_VALUES = {
    **dict.fromkeys(("AE", "CS", "SH"), NAME.upper()),
    **dict.fromkeys(("LO", "LT", "ST", "UC", "UT"), f"{NAME} Anna"),
    "UR": f"http://{NAME}",
    "PN": f"{NAME}^Anna",
    "UI": UID,
    "DA": DATE,
    "DT": f"{DATE}101112",
}
KEPT_GROUPS = (0x0000, 0x0002, 0x0028, 0x7FE0)
"""Commands, the file, its pixels: what a file cannot do without, or cannot hold."""
SOURCE_FILES = ("samples.csv", "source.csv", "study.json", "quarantine.csv")
"""What may hold the source's own names."""
NUM_OWN_COLUMNS = 17
NUM_IMAGES = 36


@dataclass
class Journey:
    """Where the study lies, and what the commands printed."""

    folder: Path
    printed: dict[str, str] = field(default_factory=dict)

    @property
    def study(self) -> Path:
        return self.folder / "study"


def text_tags() -> Dataset:
    """A data set with the canary in every tag of text, a name, a UID or a date that DICOM knows."""
    dataset = Dataset()
    for tag, (representation, _, _, is_retired, keyword) in DicomDictionary.items():
        if is_retired or not keyword or tag >> 16 in KEPT_GROUPS or keyword == "SpecificCharacterSet":
            continue
        if representation in TAG_VALUES:
            dataset.add_new(tag, representation, TAG_VALUES[representation])
    block = dataset.private_block(0x0071, f"{NAME} private", create=True)
    block.add_new(0x01, "LO", NAME)
    return dataset


def write_images(folder: Path) -> list[str]:
    """DICOM, PNG, JPEG and TIFF, the canary in every tag, text and name; then five that cannot be read."""
    rng = np.random.default_rng(0)
    tags = {element.tag: element for element in text_tags()}
    names = []
    for index in range(NUM_IMAGES):
        pixels = rng.integers(0, 256, (40, 40), dtype=np.uint8)
        path = folder / f"{NAME}, Anna {index // 2}" / f"{NAME}-{UID}-{index}.{('dcm', 'png', 'jpg', 'tif')[index % 4]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        match index % 4:
            case 0:
                dataset = write_dicom(path, pixels.astype(np.uint16) * 16)
                dataset.update(tags)
                dataset.save_as(path, enforce_file_format=True)
            case 1:
                text = PngImagePlugin.PngInfo()
                text.add_text("Patient", NAME)
                Image.fromarray(pixels).save(path, pnginfo=text)
            case 2:
                exif = Image.Exif()
                exif[0x010E] = NAME
                Image.fromarray(pixels).save(path, exif=exif, comment=NAME.encode())
            case 3:
                Image.fromarray(pixels).save(path, tiffinfo={270: NAME, 315: NAME})
        names.append(path.relative_to(folder).as_posix())
    first, folder_name = folder / names[0], Path(names[0]).parent
    whole = first.read_bytes()
    dataset.file_meta.TransferSyntaxUID = MPEG2MPML
    faulty = {f"{NAME}-cut.dcm": whole[:-500], f"{NAME}-head.dcm": whole[:3000], f"{NAME}.png": NAME.encode()}
    for name, content in faulty.items():
        (folder / folder_name / name).write_bytes(content)
    dataset["PixelData"].is_undefined_length = True
    dataset.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    dataset.save_as(folder / folder_name / f"{NAME}-film.dcm", implicit_vr=False, little_endian=True)
    return [*names, *(f"{folder_name}/{name}" for name in (*faulty, f"{NAME}-film.dcm", f"{NAME}-gone.dcm"))]


@pytest.fixture(scope="module")
def journey(tmp_path_factory) -> Journey:
    """The commands of a user's day on a source full of canaries."""
    journey = Journey(tmp_path_factory.mktemp("day"))
    source = tmp_path_factory.mktemp("clinic") / f"{NAME} scans"
    rng = np.random.default_rng(1)
    rows = [
        (name, f"{NAME} Anna {index // 2}", f"{NAME}/{index // 3}", UID, ("clear", "opaque")[rng.integers(2)])
        for index, name in enumerate(write_images(source))
    ]
    rows.append((f"../{NAME}.png", NAME, NAME, UID, "clear"))
    with (source / f"{NAME}.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "patient", "slide", "accession", "label"), *rows])
    study = journey.study
    arguments = ("import", source, "--study", study, "--image-size", 32)
    columns = ("--labels", source / f"{NAME}.csv", "--patient-column", "patient", "--slide-column", "slide")
    # In a process of its own: decoders in C write to its streams, past Python's.
    ended = subprocess.run(
        [sys.executable, "-m", "core", *map(str, (*arguments, *columns))],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    journey.printed["import"] = ended.stdout + ended.stderr
    for name, command in {
        "update": (*arguments, *columns, "--update", "--json"),
        "check": ("check", study, "--json"),
        # The images are noise, which predicts no label; something is to be proposed all the same.
        "train": ("train", study, *TINY, "--set", "proposals.min_standard_errors=-1000"),
        "estimate": ("estimate", study, "--json"),
        "proposals": ("proposals", study, "--out", journey.folder / "proposals.csv"),
        "export": ("export", study, "--out", journey.folder / "cleaned.csv"),
        "bundle": ("export", study, "--format", "bundle", "--out", journey.folder / "bundle"),
        "audit": ("audit", study, "--json"),
        "report": ("report", study, "--out", journey.folder / "report.html"),
    }.items():
        ended = run_command(*command)
        assert ended.status == 0, ended.err
        journey.printed[name] = ended.out + ended.err
    # As the Train page keeps it.
    (study / "runs" / "speed.log").write_text(journey.printed["estimate"])
    with (study / "samples.csv").open(newline="") as file:
        ended = run_command("saliency", study, *(row["sample_id"] for row in csv.DictReader(file)))
    assert ended.status == 0, ended.err
    journey.printed["saliency"] = ended.out + ended.err
    return journey


def contents(path: Path) -> list[bytes]:
    """A file's bytes, and those of the files in it."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return [archive.read(name) for name in archive.namelist()]
    return [path.read_bytes()]


def holds_canary(content: bytes) -> bool:
    lowered = content.lower()
    return any(canary in lowered for canary in CANARIES)


def test_the_source_is_full_of_canaries_and_they_are_found(journey):
    """Else the other tests could not fail."""
    source = Path(json.loads((journey.study / "study.json").read_text())["source_root"])
    paths = [path for path in source.rglob("*") if path.is_file()]
    assert len(paths) == NUM_IMAGES + 4 + 1
    for path in paths:
        assert holds_canary(b"".join(contents(path))), path.suffix
    assert (source / journey_images(journey)[0]).read_bytes().count(NAME.encode()) > 500
    assert all(holds_canary((journey.study / name).read_bytes()) for name in SOURCE_FILES)


def journey_images(journey: Journey) -> list[str]:
    with (journey.study / "samples.csv").open(newline="") as file:
        return [row["image"] for row in csv.DictReader(file)]


def test_what_cannot_be_read_is_quarantined_with_a_reason_that_names_nothing(journey):
    with (journey.study / "quarantine.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(journey_images(journey)) == NUM_IMAGES
    assert [row["reason"] for row in rows] == [
        "the file is truncated",
        "a DICOM file without an image",
        "not an image of a kind that is read (PNG, JPEG, TIFF, DICOM, BMP, PGM, JPEG 2000, WebP, GIF, AVIF)",
        "its DICOM transfer syntax is not supported",
        "the file is missing",
        "the path leads out of the source",
    ]


def test_no_file_but_the_source_s_own_tables_holds_a_canary(journey):
    written = [path for path in journey.folder.rglob("*") if path.is_file()]
    assert {"scores.csv", "progress.jsonl", "config.json", "trace.npz", "index.json"} <= {path.name for path in written}
    for path in written:
        assert not holds_canary(str(path.relative_to(journey.folder)).encode())
        if path.name not in SOURCE_FILES and path.name != "cleaned.csv":
            assert not any(map(holds_canary, contents(path))), path.name


def test_the_cleaned_csv_holds_canaries_in_the_source_s_own_columns_alone(journey):
    with (journey.folder / "cleaned.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows[0]) == 5 + NUM_OWN_COLUMNS
    assert not holds_canary("\n".join(cell for row in rows for cell in row[-NUM_OWN_COLUMNS:]).encode())


def test_samples_hold_patients_and_slides_as_hashes(journey):
    with (journey.study / "samples.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert re.fullmatch(r"[0-9a-f]{16}", row["patient"])
        assert re.fullmatch(r"[0-9a-f]{16}", row["slide"])
    assert len({row["patient"] for row in rows}) == NUM_IMAGES // 2


def test_no_command_prints_a_canary(journey):
    for name, text in journey.printed.items():
        assert text, name
        assert not holds_canary(text.encode()), name


@dataclass
class Sent:
    """What went to the browser: messages on the web socket, and files that they refer to."""

    messages: list[bytes] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)

    def found(self) -> list[bytes]:
        """The messages and files with a canary in them, or in the pictures within them."""
        files = [gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content for content in self.files]
        sent = (*self.messages, *files)
        embedded = [base64.b64decode(text) for each in sent for text in re.findall(rb";base64,([\w+/=]+)", each)]
        assert embedded, "the most similar images come as data URLs"
        return [content[:300] for content in (*sent, *embedded) if holds_canary(content)]


@pytest.fixture
def sent(monkeypatch) -> Sent:
    """Everything that pages send from now on."""
    sent = Sent()
    enqueue, load = ForwardMsgQueue.enqueue, MemoryMediaFileStorage.load_and_get_id

    def heard(queue, message):
        sent.messages.append(message.SerializeToString())
        return enqueue(queue, message)

    def loaded(storage, content, mimetype, kind, filename=None):
        sent.messages.append(f"{mimetype} {filename}".encode())
        sent.files.append(content if isinstance(content, bytes) else Path(content).read_bytes())
        return load(storage, content, mimetype, kind, filename)

    monkeypatch.setattr(ForwardMsgQueue, "enqueue", heard)
    monkeypatch.setattr(MemoryMediaFileStorage, "load_and_get_id", loaded)
    return sent


def test_no_page_sends_a_canary_and_no_page_logs_one(journey, sent, monkeypatch, caplog, capfd):
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps([str(journey.study)]))
    monkeypatch.delenv("OVERREAD_DATABASE", raising=False)
    caplog.set_level(logging.DEBUG)
    st.cache_data.clear()
    st.cache_resource.clear()
    app = AppTest.from_file(str(ENTRY), default_timeout=30)
    open_page(app, "studies", reader="Dr. Mira Sand")
    app.button(key="studies_check").click().run()
    assert "Rows left out (6)" in page_text(app)
    open_page(app, "review")
    desk = Desk(open_study(journey.study), "Dr. Mira Sand")
    # The audit has the images labelled alone first; the answers show all that the page has of them.
    readings = [desk.read(packet, "clear") for packet in desk.queue(count=2)["samples"]]
    first, second = (answer.json()["revealed"] for answer in readings)
    saved = desk.decide(first, "accept")
    answers = [
        *readings,
        desk.post("queue", have=[], count=3, first=None),
        saved,
        desk.decide(second, "reject", note="unsure"),
        desk.post("decided", after=None, count=60, search=""),
        desk.undo(desk.queue()["last"]["key"]),
        desk.image(first),
    ]
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    moved = Path(json.loads((journey.study / "study.json").read_text())["source_root"])
    for image in journey_images(journey):
        (moved / image).unlink()
    answers.append(desk.image(second))
    assert "This image cannot be shown" in answers[-1].text
    for answer in answers:
        sent.messages.append(str(dict(answer.headers)).encode())
        sent.files.append(answer.content)
    for name in ("train", "insights", "export"):
        open_page(app, name)
        assert not app.exception
    assert len(sent.messages) > 100
    assert sent.found() == []
    printed = capfd.readouterr()
    assert not holds_canary("\n".join([caplog.text, printed.out, printed.err]).encode())
