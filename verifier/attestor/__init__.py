"""The attestor: one member of those who watch the vaults of a venue. Its own process, its own keys, its own nodes.

It learns which account a lock backs from the holder's pledge, sees the lock on the chain with its own eyes, and signs
checkpoints about locks that it saw. The service never imports this package but for the collector, which gathers
signatures over HTTP. Nothing here logs an amount, an owner, an account or an opening. Source: docs/collateral.md.
"""
