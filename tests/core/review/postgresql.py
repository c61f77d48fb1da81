"""A PostgreSQL server of the tests' own: on a free port of this machine, stopped at the end."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin")


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs; skips where it is not installed."""
    found = [str(path) for pattern in FOLDERS for path in sorted(Path("/").glob(f"{pattern[1:]}/{name}"))]
    if not (path := found[-1] if found else shutil.which(name)):
        pytest.skip(f"PostgreSQL's {name} is not installed on this machine")
    return path


def unprivileged() -> str | None:
    """PostgreSQL refuses to run as root: whom it runs as then."""
    if os.geteuid():
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """The URL of an empty database, whose server runs meanwhile. folder: an absolute, short one for its files."""
    user = unprivileged()
    folder.mkdir(parents=True)
    if user:
        shutil.chown(folder, user)
    data = folder / "data"

    def run(*arguments: str) -> None:
        subprocess.run(arguments, check=True, user=user, cwd="/", env=os.environ | {"LC_ALL": "C"}, timeout=120,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip

    run(program("initdb"), "-D", str(data), "-U", "overread", "-A", "trust", "-E", "UTF8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    control = (program("pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log"))
    run(*control, "-o", options, "start")
    try:
        yield f"postgresql://overread@127.0.0.1:{port}/postgres"
    finally:
        run(*control, "-m", "fast", "stop")
