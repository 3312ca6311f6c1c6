"""The collateral aggregator: which locks of which chains count now, for which account, and at what coefficient.

Registry, member sets and checkpoints come in signed; accounts whose proofs list a lock are turned in the transaction
that changes the lock. Source: docs/collateral.md.
"""
