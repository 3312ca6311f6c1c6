"""zkmargin: range proofs with linear rows and product gates over Pedersen commitments on BLS12-381 G1."""
