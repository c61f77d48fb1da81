"""What holds for every test."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
# For the processes that tests start.
os.environ["PYTHONPATH"] = os.pathsep.join((str(_ROOT / "core"), str(_ROOT / "app"), str(_ROOT)))
# Before torch is imported, here and in the processes that tests start: on tensors as small as a test's, several
# threads only wait for each other, on a busy machine many times longer than they work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Containers often forbid compiled files; here a hundred processes would each compile the whole project anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# A shell lets what it starts with & ignore Ctrl+C, and the processes that tests start would ignore it too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# What is made once for a user, such as converted encoders, tests make once for this machine, and not in the home.
os.environ["OVERREAD_CACHE"] = str(Path(tempfile.gettempdir()) / f"overread-tests-{os.getuid()}")
# A disk takes milliseconds to confirm each of the many thousand files that tests write; memory takes none.
_MEMORY = Path("/dev/shm")
if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > 8 * 2**30:
    os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)
# Tests' studies lie in temporary folders, where no ledger is made otherwise.
os.environ["OVERREAD_EPHEMERAL"] = "1"


@pytest.fixture(autouse=True)
def own_main_module() -> Iterator[None]:
    """Streamlit's AppTest leaves the app as the main module, which the processes of a later test would run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is collected last, and takes long, begins first: no worker is to end long after the others."""
    items.sort(key=lambda item: item.path.parent != Path(__file__).parent)


@pytest.fixture(autouse=True, scope="module")
def no_connection_stays() -> Iterator[None]:
    """An engine that falls out of the cache of engines would else leave its connections to the garbage collector, which
    warns of them in whatever test it runs."""
    yield
    if module := sys.modules.get("overread.review.postgresql"):
        for engine in list(module._engines):
            engine.dispose()
