"""``zkmargin demo``: the whole main job on one machine, with real processes, keys, proofs and HTTP, in a directory that
goes away afterwards. It calls what the commands call; venue and verifier are programs that it starts, never imports.
"""

from .scenario import Story, run

__all__ = ["Story", "run"]
