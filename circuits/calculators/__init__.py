"""The margin models again, in plain exact arithmetic, apart from the lowering: the oracle of tests and ``whatif``."""
