"""How a study's samples are shared among its readers, and which ones each reader holds for now."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "assignments",
        sa.Column("study", sa.String(), primary_key=True),
        sa.Column("readers_per_sample", sa.Integer(), nullable=False),
        sa.Column("overlap", sa.Float(53), nullable=False),
        sa.Column("lease_s", sa.Integer(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
    )
    op.create_table(
        "claims",
        sa.Column("study", sa.String(), primary_key=True),
        sa.Column("sample_id", sa.String(), primary_key=True),
        sa.Column("reader", sa.String(), primary_key=True),
        sa.Column("expires_s", sa.Float(53), nullable=False),
    )
