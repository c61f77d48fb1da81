"""Ten thousand damaged files: each is an image or an ImageError, soon, and in bounded memory."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from overread.errors import ImageError
from overread.images.cache.tile import square_tile
from overread.images.decoding import read_image
from tests.core.images.mutate import mutated, whole_files
from tests.paths import ROOT

NUM_INPUTS = 10_000
NUM_PROCESSES = 2
MAX_SECONDS = 10
MAX_BYTES = 2 * 2**30


def read_all(folder: Path, first: int, step: int) -> None:
    """Read every `step`th input from `first` on. The seed at hand is in FOLDER/seed should this process die."""
    # What a decoder in C asks for at most, beside what Python, numpy and their threads map without ever using it.
    resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES + 2**30, MAX_BYTES + 2**30))
    files = whole_files()
    num_images = 0
    for seed in range(first, NUM_INPUTS, step):
        (folder / "seed").write_text(str(seed))
        (folder / "input").write_bytes(mutated(files, seed))
        # Of the processor, so that a busy machine fails nothing. Its signal is death by default, within C too.
        signal.setitimer(signal.ITIMER_PROF, MAX_SECONDS)
        try:
            square_tile(read_image(folder / "input", at_least_px=32 if seed % 3 == 0 else None), 32)
            num_images += 1
        except ImageError as error:
            assert str(folder) not in str(error), seed
        signal.setitimer(signal.ITIMER_PROF, 0)
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(num_images, peak_bytes)


@pytest.mark.slow
def test_damaged_files_are_images_or_image_errors_within_ten_seconds_and_two_gigabytes(tmp_path):
    processes = []
    for first in range(NUM_PROCESSES):
        folder = tmp_path / str(first)
        folder.mkdir()
        command = [sys.executable, "-m", "tests.core.images.dicom.test_fuzz", folder, str(first), str(NUM_PROCESSES)]
        processes.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    for first, process in enumerate(processes):
        out, err = process.communicate()
        assert process.returncode == 0, f"seed {(tmp_path / str(first) / 'seed').read_text()}: {err}"
        assert str(tmp_path) not in err, "what libtiff says on the terminal names no file"
        num_images, peak_bytes = map(int, out.split())
        # Some damage does not matter; most does.
        assert 0.1 < num_images / (NUM_INPUTS / NUM_PROCESSES) < 0.9
        assert peak_bytes < MAX_BYTES


if __name__ == "__main__":
    read_all(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
