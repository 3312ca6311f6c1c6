"""The holder's side of cross-chain collateral: notes and pledges, the chain of a vault, what counts at the verifier.

Source: docs/collateral.md.
"""
