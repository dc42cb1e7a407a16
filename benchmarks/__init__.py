"""Slow proofs: figures of the product, with the commands that reproduce them. `python -m benchmarks NAME`."""
