"""Proof of the proofs: what catches a table that is wrong by one row."""
