"""Spot balances: coin that is available and coin that is set aside for open orders."""

from decimal import Decimal

import attrs

from runner.paper.numbers import ZERO
from runner.paper.values import Refusal


@attrs.define(eq=False)
class Balance:
    """One coin. `frozen` is what open orders hold."""

    coin: str
    available: Decimal
    frozen: Decimal = ZERO
    updated_ms: int = 0

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.available + self.frozen


class SpotWallet:
    """The coins of the spot account. Nothing in it ever goes below zero."""

    def __init__(self, balances: dict[str, Decimal]) -> None:
        self.balances = {coin: Balance(coin, amount) for coin, amount in balances.items()}

    def freeze(self, coin: str, amount: Decimal, now_ms: int) -> None:
        """Set coin aside for an order.

        Raises:
            Refusal: 43012 when less is available (Bitget's spot code for an insufficient balance).
        """
        balance = self.balances[coin]
        if amount > balance.available:
            raise Refusal("43012", "Insufficient balance")
        balance.available -= amount
        balance.frozen += amount
        balance.updated_ms = now_ms

    def release(self, coin: str, amount: Decimal, now_ms: int) -> None:
        """Give frozen coin back."""
        balance = self.balances[coin]
        assert amount <= balance.frozen, f"{amount} {coin} released, {balance.frozen} frozen"
        balance.available += amount
        balance.frozen -= amount
        balance.updated_ms = now_ms

    def change(self, coin: str, amount: Decimal, now_ms: int) -> None:
        """Add to (or take from) what is available."""
        balance = self.balances[coin]
        assert balance.available + amount >= 0, f"{balance.available} {coin} cannot change by {amount}"
        balance.available += amount
        balance.updated_ms = now_ms
