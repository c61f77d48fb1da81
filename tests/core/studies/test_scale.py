"""How the time and the memory of an import grow with the number of its rows."""

import csv
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from overread.images.cache import parallel_decoding
from tests.core.importing import import_source, read_source

SIDE_PX = 8
NUM_DIFFERENT = 500
"""Files with content of their own; the others are hard links to them."""


def write_source(folder, numbers):
    """Adds the images of these numbers, and names all that are there in labels.csv."""
    folder.mkdir(exist_ok=True)
    for number in numbers:
        path = folder / f"{number}.png"
        if number < NUM_DIFFERENT:
            Image.fromarray(np.random.default_rng(number).integers(0, 256, (SIDE_PX, SIDE_PX), np.uint8)).save(path)
        else:
            os.link(folder / f"{number % NUM_DIFFERENT}.png", path)
    names = sorted((path.name for path in folder.glob("*.png")), key=lambda name: int(name.split(".")[0]))
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "label"), *((name, "ab"[i % 2]) for i, name in enumerate(names))])
    return folder


def test_an_update_decodes_the_files_that_were_added_and_no_other(tmp_path, monkeypatch):
    source = write_source(tmp_path / "source", range(520))
    import_source(read_source(source), tmp_path / "study", image_size_px=SIDE_PX)
    decoded = []
    read_image = parallel_decoding.read_image
    monkeypatch.setattr(
        parallel_decoding,
        "read_image",
        lambda location, **options: (decoded.append(location), read_image(location, **options))[1],
    )
    write_source(source, range(520, 540))
    summary = import_source(read_source(source), tmp_path / "study", update=True)
    assert summary.num_samples == 540
    assert sorted(location.path.name for location in decoded) == sorted(f"{n}.png" for n in range(520, 540))


MEASURED = """
import sys, time
from pathlib import Path
from overread.studies.importing import StudyOptions, import_source
from overread.sources.request import ImportRequest
from overread.sources.source import read_source
started = time.process_time()
summary = import_source(read_source(ImportRequest(sys.argv[1])), sys.argv[2], StudyOptions(image_size_px=32))
# Not ru_maxrss: that begins with what the parent held when it forked.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(summary.num_samples, time.process_time() - started, 1024 * int(status["VmHWM"].split()[0]))
"""


@pytest.mark.slow
def test_time_grows_with_the_number_of_rows_and_100_000_take_under_half_a_gigabyte(tmp_path):
    seconds_a_row, peak_bytes = {}, {}
    for num_rows in (5_000, 50_000):
        source = write_source(tmp_path / f"source{num_rows}", range(num_rows))
        study = tmp_path / f"study{num_rows}"
        ran = subprocess.run(
            [sys.executable, "-c", MEASURED, source, study], capture_output=True, text=True, check=True
        )
        num_samples, seconds, peak_bytes[num_rows] = map(float, ran.stdout.split())
        assert num_samples == num_rows
        seconds_a_row[num_rows] = seconds / num_rows
        print(f"{num_rows} rows: {1e6 * seconds / num_rows:.0f} us a row, {peak_bytes[num_rows] / 1e6:.0f} MB")
    assert seconds_a_row[50_000] < 4 * seconds_a_row[5_000]  # ten times, were the cost to grow with the square
    bytes_a_row = (peak_bytes[50_000] - peak_bytes[5_000]) / 45_000
    assert peak_bytes[50_000] + 50_000 * bytes_a_row < 5e8, peak_bytes
