"""Bitget V2 (Classic account): the only package that knows the exchange's addresses and field names."""
