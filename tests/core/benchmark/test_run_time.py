import sys

import numpy as np
import pytest
from PIL import Image

from overread.benchmark import run_time as module
from overread.errors import ConfigError, OverreadError


def test_a_step_has_the_time_of_its_own_process_and_says_why_it_failed():
    busy = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    spun = module._timed("spin", [sys.executable, "-c", busy])
    slept = module._timed("sleep", [sys.executable, "-c", "import time; time.sleep(0.3)"])
    assert min(spun.wall_s, spun.processor_s, slept.wall_s) >= 0.3
    assert slept.processor_s < 0.3
    with pytest.raises(OverreadError, match=r"break: failed; .*no such thing"):
        module._timed("break", [sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_without_images_the_error_names_the_variable(tmp_path, monkeypatch):
    pytest.importorskip("cleanlab")
    monkeypatch.delenv("OVERREAD_DATA", raising=False)
    with pytest.raises(ConfigError, match="set OVERREAD_DATA"):
        module.run_times(tmp_path, listener=print)


@pytest.mark.slow
def test_each_step_runs_on_a_small_set(tmp_path, monkeypatch):
    pytest.importorskip("cleanlab")
    rng = np.random.default_rng(0)
    for label, level in (("NORMAL", 60), ("PNEUMONIA", 190)):
        folder = tmp_path / "data" / "chest_xray" / label
        folder.mkdir(parents=True)
        for number in range(20):
            name = f"person{number}_virus_{number}" if level > 100 else f"IM-{number:04d}-0001"
            pixels = rng.normal(level, 30, (48, 48)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{name}.jpeg")
    monkeypatch.setenv("OVERREAD_DATA", str(tmp_path / "data"))
    told: list[str] = []
    steps, page = module.run_times(tmp_path / "out", listener=told.append)
    assert [step["name"] for step in steps] == told
    assert len(told) == 6
    assert all(step["wall_s"] > 0 for step in steps)
    assert all(name in page for name in told)
    assert (tmp_path / "out" / "study" / "runs").is_dir()
