"""A chain on this machine, for the demo and the tests: ``python -m prover.demo.devnet --chain-id 1337``.

An EVM in one Python process that speaks JSON-RPC: blocks of real headers and tries, so that storage proofs hold; state
at every height; a clock and a mempool that a test can hold; reorganisations. ``--engine anvil`` runs anvil instead, if
it is installed, behind the same first line. It keeps everything in memory and belongs to nobody: no coin in it is real.
"""
