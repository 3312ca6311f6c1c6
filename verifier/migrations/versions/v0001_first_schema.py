"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(length=66), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("registered_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("since_round", sa.BigInteger(), nullable=True),
        sa.Column("deadline_unix_s", sa.BigInteger(), nullable=True),
        sa.Column("live_until_unix_s", sa.BigInteger(), nullable=True),
        sa.Column("claim", sa.String(length=800), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
    )
    op.create_index("ix_accounts_status", "accounts", ["status"])

    op.create_table(
        "params",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=66), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("published_unix_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_params"),
        sa.UniqueConstraint("digest", name="uq_params_digest"),
    )
    op.create_table(
        "reports",
        sa.Column("round", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("keyid", sa.String(length=66), nullable=False),
        sa.Column("digest", sa.String(length=66), nullable=False),
        sa.Column("time_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("received_unix_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("round", "keyid", name="pk_reports"),
    )
    op.create_table(
        "rounds",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=66), nullable=False),
        sa.Column("time_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("completed_unix_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_rounds"),
        sa.UniqueConstraint("digest", name="uq_rounds_digest"),
    )
    op.create_table(
        "trust",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=66), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("published_unix_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_trust"),
        sa.UniqueConstraint("digest", name="uq_trust_digest"),
    )
    op.create_table(
        "states",
        sa.Column("account", sa.String(length=66), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=66), nullable=False),
        sa.Column("attestation_key", sa.String(length=66), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("accepted_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name="fk_states_account_accounts"),
        sa.PrimaryKeyConstraint("account", "seq", name="pk_states"),
        sa.UniqueConstraint("digest", name="uq_states_digest"),
    )
    op.create_table(
        "submissions",
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=66), nullable=False),
        sa.Column("account", sa.String(length=66), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("params_version", sa.BigInteger(), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("claim", sa.String(length=800), nullable=False),
        sa.Column("standing", sa.Boolean(), nullable=False),
        sa.Column("expiry_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.Column("bundle", sa.LargeBinary(), nullable=False),
        sa.Column("receipt", sa.LargeBinary(), nullable=False),
        sa.Column("decided_unix_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account", "seq"], ["states.account", "states.seq"], name="fk_submissions_account_seq_states"
        ),
        sa.ForeignKeyConstraint(["params_version"], ["params.version"], name="fk_submissions_params_version_params"),
        sa.ForeignKeyConstraint(["round"], ["rounds.number"], name="fk_submissions_round_rounds"),
        sa.PrimaryKeyConstraint("n", name="pk_submissions"),
        sa.UniqueConstraint("id", name="uq_submissions_id"),
    )
    op.create_index("ix_submissions_account_seq", "submissions", ["account", "seq"])


def downgrade() -> None:
    op.drop_table("submissions")
    op.drop_table("states")
    op.drop_table("trust")
    op.drop_table("rounds")
    op.drop_table("reports")
    op.drop_table("params")
    op.drop_table("accounts")
