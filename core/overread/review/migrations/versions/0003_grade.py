"""How grave the error is that a verdict found in the given label."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("ledger", sa.Column("grade", sa.String(), nullable=False, server_default=""))
