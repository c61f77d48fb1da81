"""Readers' accounts, their studies and sessions; and how a row's reader was identified."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("ledger", sa.Column("identity", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "reader_accounts",
        sa.Column("name_key", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("password", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("disabled_at", sa.String(), nullable=False),
    )
    op.create_table(
        "reader_grants",
        sa.Column("name_key", sa.String(), primary_key=True),
        sa.Column("study", sa.String(), primary_key=True),
    )
    op.create_table(
        "reader_sessions",
        sa.Column("token_hash", sa.String(), primary_key=True),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("identity", sa.String(), nullable=False),
        sa.Column("expires_s", sa.Float(53), nullable=False),
    )
    op.create_table(
        "sign_in_attempts",
        sa.Column("name_key", sa.String(), primary_key=True),
        sa.Column("num_failed", sa.Integer(), nullable=False),
        sa.Column("retry_s", sa.Float(53), nullable=False),
    )
