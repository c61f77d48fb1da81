"""The tables of the review database and the number of their schema. The migrations create the tables; a test compares
the two."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, UniqueConstraint

SCHEMA_REVISION = "0005"
"""The newest migration in migrations/versions. Four digits that only grow: a larger number is of a newer program."""
VERSION_TABLE = "ledger_version"
"""The table with a database's revision; not Alembic's default name, as a server may hold other tables too."""

metadata = MetaData()

# Without SQLite's hidden rowid: it would be a second identity through which INSERT OR REPLACE could reach a row.
ledger = Table(
    "ledger",
    metadata,
    Column("study", String, primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("sample_id", String, nullable=False),
    Column("reader", String, nullable=False),
    Column("given_label", String, nullable=False),
    Column("proposed_label", String, nullable=False),
    Column("chosen_label", String, nullable=False),
    Column("verdict", String, nullable=False),
    Column("note", String, nullable=False),
    Column("protocol", String, nullable=False),
    Column("run", String, nullable=False),
    Column("score", Float(53), nullable=True),
    Column("elapsed_ms", BigInteger, nullable=False),
    Column("recorded_at", String, nullable=False),
    Column("app_version", String, nullable=False),
    Column("idempotency_key", String, nullable=False),
    Column("undone_key", String, nullable=False),
    Column("previous_hash", String, nullable=False),
    Column("hash", String, nullable=False),
    Column("follows", String, nullable=False, server_default=""),
    Column("image_sha256", String, nullable=False, server_default=""),
    Column("chain", Integer, nullable=False, server_default="1"),
    Column("grade", String, nullable=False, server_default=""),
    Column("identity", String, nullable=False, server_default=""),
    UniqueConstraint("study", "idempotency_key", name="ledger_idempotency_key"),
    Index("ledger_reader_sample", "study", "reader", "sample_id", "sequence"),
    Index("ledger_undone_key", "study", "undone_key"),
    sqlite_with_rowid=False,
)

accounts = Table(
    "reader_accounts",
    metadata,
    Column("name_key", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
    Column("password", String, nullable=False),
    Column("issuer", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("disabled_at", String, nullable=False),
)
grants = Table(
    "reader_grants",
    metadata,
    Column("name_key", String, primary_key=True),
    Column("study", String, primary_key=True),
)
sessions = Table(
    "reader_sessions",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("name_key", String, nullable=False),
    Column("identity", String, nullable=False),
    Column("expires_s", Float(53), nullable=False),
)
attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("name_key", String, primary_key=True),
    Column("num_failed", Integer, nullable=False),
    Column("retry_s", Float(53), nullable=False),
)
assignments = Table(
    "assignments",
    metadata,
    Column("study", String, primary_key=True),
    Column("readers_per_sample", Integer, nullable=False),
    Column("overlap", Float(53), nullable=False),
    Column("lease_s", Integer, nullable=False),
    Column("batch", Integer, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("created_at", String, nullable=False),
    Column("created_by", String, nullable=False),
)
claims = Table(
    "claims",
    metadata,
    Column("study", String, primary_key=True),
    Column("sample_id", String, primary_key=True),
    Column("reader", String, primary_key=True),
    Column("expires_s", Float(53), nullable=False),
)
