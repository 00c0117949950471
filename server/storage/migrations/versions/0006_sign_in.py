"""Staff who sign in by the company's own accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "identities",
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identities")),
        sa.ForeignKeyConstraint(["username"], ["staff.username"], name=op.f("fk_identities_username")),
    )
    op.add_column("sessions", sa.Column("issuer", sa.String(length=300), nullable=True))


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("sessions", "issuer")
    op.drop_table("identities")
