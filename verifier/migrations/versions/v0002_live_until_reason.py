"""Why a live account will turn stale. Until its next round, an account that was live is so until its last verdict
expires."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("live_until_reason", sa.String(length=32), nullable=True))
    op.execute("UPDATE accounts SET live_until_reason = 'old_params' WHERE live_until_unix_s IS NOT NULL")
    op.execute(
        """
        UPDATE accounts SET live_until_reason = 'expired', live_until_unix_s = (
            SELECT MAX(expiry_unix_s) FROM submissions
            WHERE submissions.account = accounts.id AND submissions.seq = accounts.seq AND submissions.standing
        )
        WHERE status = 'live' AND live_until_unix_s IS NULL
        """
    )


def downgrade() -> None:
    op.drop_column("accounts", "live_until_reason")
