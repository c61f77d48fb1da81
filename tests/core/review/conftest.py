"""A PostgreSQL server for the tests of the ledger, where there is one to start."""

from importlib.util import find_spec

import pytest

from tests.core.review.postgresql_server import PostgresqlServer, find_binaries


@pytest.fixture(scope="session")
def postgresql():
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("there is no PostgreSQL server on this machine (Debian: apt-get install postgresql)")
    if find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed (pip install 'psycopg[binary]')")
    server = PostgresqlServer(binaries)
    try:
        server.start()
        yield server
    finally:
        server.remove()
