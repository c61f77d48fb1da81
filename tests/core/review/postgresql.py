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
    _run(program("initdb"), "-D", str(folder / "data"), "-U", "overread", "-A", "trust", "-E", "UTF8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "data" / "postgresql.conf").open("a") as settings:
        settings.write(f"port = {port}\nunix_socket_directories = '{folder}'\nlisten_addresses = '127.0.0.1'\n")
    _control(folder, "start")
    try:
        yield f"postgresql://overread@127.0.0.1:{port}/postgres"
    finally:
        _control(folder, "stop")


@contextmanager
def stopped(folder: Path) -> Iterator[None]:
    """The server of that folder is stopped, whoever is connected to it, and started again at the end."""
    _control(folder, "stop")
    try:
        yield
    finally:
        _control(folder, "start")


def _control(folder: Path, action: str) -> None:
    _run(program("pg_ctl"), "-D", str(folder / "data"), "-w", "-l", str(folder / "log"), action)  # "fast" stops


def _run(*arguments: str) -> None:
    subprocess.run(arguments, check=True, user=unprivileged(), cwd="/", env=os.environ | {"LC_ALL": "C"}, timeout=120,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
