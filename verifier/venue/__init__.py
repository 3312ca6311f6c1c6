"""The venue: knows the positions, and attests that commitments are commitments to them. Its own process, its own keys.

The service never imports this package, and never sees one of its keys, a position or an opening. Nothing here logs an
amount.
"""
