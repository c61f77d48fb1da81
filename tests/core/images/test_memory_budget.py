import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.images.cache.tile import square_tile
from overread.images.decoding import read_image
from overread.images.location import Location
from overread.images.memory_budget import MemoryBudget, reserve_memory
from tests.core.images.made_dicom import write_dicom


def test_threads_never_hold_more_pixels_together_than_the_budget():
    budget, lock = MemoryBudget(100), threading.Lock()
    held, most = 0, 0

    def decode(num_pixels):
        nonlocal held, most
        with budget.for_one_image():
            reserve_memory(num_pixels)
            with lock:
                held += num_pixels
                most = max(most, held)
            time.sleep(0.001)
            reserve_memory(num_pixels)  # the same image's: it is reserved
            with lock:
                held -= num_pixels

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(decode, np.random.default_rng(0).integers(1, 100, 200).tolist()))
    assert 60 < most <= 100


def test_an_image_larger_than_the_budget_is_decoded_alone():
    budget, is_alone = MemoryBudget(100), []
    num_inside = 0

    def decode(num_pixels):
        nonlocal num_inside
        with budget.for_one_image():
            reserve_memory(num_pixels)
            num_inside += 1
            time.sleep(0.002)
            is_alone.append(num_inside == 1)
            num_inside -= 1

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(decode, [500] * 20))
    assert all(is_alone)


def test_the_budget_is_free_again_after_an_image_that_cannot_be_read():
    budget = MemoryBudget(100)
    for _ in range(3):
        try:
            with budget.for_one_image():
                reserve_memory(80)
                raise ValueError
        except ValueError:
            pass
    with budget.for_one_image():
        reserve_memory(100)  # would wait for ever


def test_a_large_image_is_reduced_as_it_is_read_and_its_tile_stays_the_same(tmp_path):
    rows, columns = np.mgrid[:4200, :4400]
    pixels = ((rows // 20 + columns // 30) % 256).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif, compress_level=1)
    whole = read_image(tmp_path / "a.png")
    small = read_image(Location.of(tmp_path / "a.png"), at_least_px=64)
    assert whole.pixels.shape == (4400, 4200)
    assert small.pixels.shape == (550, 525)
    difference = square_tile(whole, 64).astype(int) - square_tile(small, 64)
    assert np.abs(difference).max() <= 8  # where 255 lies beside 0
    assert np.abs(difference).mean() < 0.5


MEASURED = """
import sys
from pathlib import Path
from overread.images.cache.cache_build import build_cache
images = {str(number): Path(name) for number, name in enumerate(sys.argv[2:])}
assert build_cache(Path(sys.argv[1]), images, size_px=224) == {}
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(1024 * int(status["VmHWM"].split()[0]))
"""
"""The peak of this program alone: getrusage begins with that of the process which started it."""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of the memory is read from /proc")
@pytest.mark.parametrize("kind", ["colour.png", "deep.png", "deep.dcm", "colour.jpg"])
def test_images_of_142_megapixels_take_less_than_a_gigabyte_of_memory(tmp_path, kind):
    part = np.random.default_rng(0).integers(0, 4096, (1180, 1200), dtype=np.uint16)
    pixels = np.tile(part, (10, 10))
    if kind.startswith("colour"):
        pixels = np.stack([pixels, pixels * 3, pixels * 7], axis=-1).astype(np.uint8)
    path = tmp_path / kind
    if kind.endswith("dcm"):
        write_dicom(path, pixels)
    else:
        Image.fromarray(pixels).save(path, compress_level=1)
    command = [sys.executable, "-c", MEASURED, tmp_path / "cache", path, path]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 1e9
