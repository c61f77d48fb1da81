"""The databases that the ledger is tried on."""

import itertools
import shutil
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from overread.review.database import open_engine
from tests.core.review.postgresql import server

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgresql():
    """The URL of a PostgreSQL server; skips where none is installed."""
    folder = Path(tempfile.mkdtemp(prefix="overread-"))
    folder.chmod(0o755)
    try:
        with server(folder / "server") as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_database(server_url):
    """The URL of a new, empty database of the server."""
    name = f"ledger{next(_numbers)}"
    engine = create_engine(server_url.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{server_url.rpartition('/')[0]}/{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'review.db'}"
        return
    url = new_database(request.getfixturevalue("postgresql"))
    yield url
    open_engine(url).dispose()
