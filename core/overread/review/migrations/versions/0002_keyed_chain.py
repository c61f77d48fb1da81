"""What a verdict follows, the image that it was made on, and the rule by which a row is hashed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("ledger", sa.Column("follows", sa.String(), nullable=False, server_default=""))
    op.add_column("ledger", sa.Column("image_sha256", sa.String(), nullable=False, server_default=""))
    # The rows that are there already were hashed without a key.
    op.add_column("ledger", sa.Column("chain", sa.Integer(), nullable=False, server_default="1"))
