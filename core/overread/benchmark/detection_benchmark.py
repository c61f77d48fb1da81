"""`bench detection`: runs the benchmark plan and writes the results page."""

import os
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from overread.benchmark.markdown_tables import versions
from overread.benchmark.runner import BenchmarkPlan, newest_lines, run_plan
from overread.benchmark.tables import report
from overread.files import write_atomically
from overread.training.device import choose_device, told_if_out_of_memory


def run_detection(
    plan: BenchmarkPlan, out: Path, *, cache: Path, listener: Callable[[float, str], None]
) -> tuple[list[dict[str, Any]], str]:
    """The plan's results, which also stand in OUT/detection.jsonl, and the page OUT/detection.md, on all that stand
    there.

    cache: the folder of pixels and features. Raises UserErrors.
    """
    data = os.environ.get("OVERREAD_DATA")
    with told_if_out_of_memory():
        results = run_plan(
            plan,
            data=Path(data) if data else None,
            cache=cache,
            results=out / "detection.jsonl",
            stamp={
                "device": device_name(choose_device(plan.device)),
                "versions": versions(),
                "commit": commit_name(),
            },
            listener=listener,
        )
    page = report(newest_lines(out / "detection.jsonl"))
    write_atomically(out / "detection.md", page)
    return results, page


def device_name(device: torch.device) -> str:
    """What a page calls the machine."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    known = Path("/proc/cpuinfo")
    lines = known.read_text(encoding="utf-8").splitlines() if known.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"


def commit_name() -> str:
    """The commit of the code, "-dirty" after it where files have been changed since; "unknown" without git."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return done.stdout.strip() if done.returncode == 0 else "unknown"
