"""``zkmargin demo``: the whole main job on one machine, with real processes, keys, proofs and HTTP, in a directory that
goes away afterwards. It calls what the commands call; venue and verifier are programs that it starts, never imports.
``scenario`` is the demo; ``devnet`` is a chain for it, and imports nothing of the rest.
"""
