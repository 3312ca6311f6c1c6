"""One file a margin model. Imports sympy: nothing that serves a request or makes a proof may import this package."""
