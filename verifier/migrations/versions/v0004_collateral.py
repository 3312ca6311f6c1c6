"""Locks of several chains count: registry, member sets, checkpoints, locks, and which submissions list them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "collateral_registries",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=66), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("published_unix_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_collateral_registries"),
        sa.UniqueConstraint("digest", name="uq_collateral_registries_digest"),
    )
    op.create_table(
        "collateral_sets",
        sa.Column("chain", sa.String(length=64), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=66), nullable=False),
        sa.Column("from_epoch", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("published_unix_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "version", name="pk_collateral_sets"),
        sa.UniqueConstraint("digest", name="uq_collateral_sets_digest"),
    )
    op.create_table(
        "collateral_chains",
        sa.Column("chain", sa.String(length=64), nullable=False),
        sa.Column("set_version", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=66), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("block_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("expiry_unix_s", sa.BigInteger(), nullable=False),
        sa.Column("frozen_set", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("chain", name="pk_collateral_chains"),
    )
    op.create_table(
        "collateral_checkpoints",
        sa.Column("chain", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=66), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("received_unix_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "epoch", "digest", name="pk_collateral_checkpoints"),
    )
    op.create_table(
        "collateral_trees",
        sa.Column("chain", sa.String(length=64), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain", name="pk_collateral_trees"),
    )
    op.create_table(
        "collateral_classes",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("off_peg", sa.Boolean(), nullable=False),
        sa.Column("calm_rounds", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_collateral_classes"),
    )
    op.create_table(
        "collateral_locks",
        sa.Column("tag", sa.String(length=66), nullable=False),
        sa.Column("class", sa.String(length=64), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("chain", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("first_epoch", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("seen_unix_s", sa.BigInteger(), nullable=True),
        sa.Column("expiry_unix_s", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tag", name="pk_collateral_locks"),
    )
    op.create_index("ix_collateral_locks_chain_epoch", "collateral_locks", ["chain", "epoch"])
    op.create_table(
        "submission_locks",
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tag", sa.String(length=66), nullable=False),
        sa.Column("class", sa.String(length=64), nullable=False),
        sa.Column("coefficient_atto", sa.String(length=28), nullable=False),
        sa.ForeignKeyConstraint(["n"], ["submissions.n"], name="fk_submission_locks_n_submissions"),
        sa.ForeignKeyConstraint(["tag"], ["collateral_locks.tag"], name="fk_submission_locks_tag_collateral_locks"),
        sa.PrimaryKeyConstraint("n", "tag", name="pk_submission_locks"),
    )
    op.create_index("ix_submission_locks_tag", "submission_locks", ["tag"])
    op.add_column("submissions", sa.Column("registry_version", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("submissions", "registry_version")
    for table in (
        "submission_locks", "collateral_locks", "collateral_classes", "collateral_trees", "collateral_checkpoints",
        "collateral_chains", "collateral_sets", "collateral_registries",
    ):  # fmt: skip
        op.drop_table(table)
