"""A packed box has open interest and volatility too: those that are there allow none, as no rate depended on them."""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LANE = 16
NOTHING = (1 << 91).to_bytes(LANE, "big")


def upgrade() -> None:
    _repack(2, lambda lanes: lanes + NOTHING)


def downgrade() -> None:
    _repack(3, lambda lanes: lanes[: 2 * LANE])


def _repack(lanes: int, convert: Callable[[bytes], bytes]) -> None:
    submissions = sa.table("submissions", sa.column("n", sa.Integer), sa.column("box", sa.LargeBinary))
    connection = op.get_bind()
    for n, box in connection.execute(sa.select(submissions.c.n, submissions.c.box)).all():
        parts = (box[i : i + lanes * LANE] for i in range(0, len(box), lanes * LANE))
        changed = b"".join(map(convert, parts))
        connection.execute(sa.update(submissions).where(submissions.c.n == n).values(box=changed))
