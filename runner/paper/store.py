"""What the exchange remembers: orders, fills and bills, bounded, and the source of their ids."""

import random
import uuid
from collections import deque

from runner.paper.values import Bill, Fill, Order, OrderRequest, Product

BILLS_KEPT_MAX = 10_000

# 19 digits, like the ids Bitget hands out today.
_FIRST_ID = 1_381_500_303_017_938_945


class Ids:
    """Order, trade and position ids: increasing 19-digit numbers with seeded gaps."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"ids {seed}")
        self._last = _FIRST_ID + self._random.randrange(10**15)

    def next(self) -> str:
        """Return the next id."""
        self._last += self._random.randrange(1_000, 1_000_000)
        return str(self._last)

    def client_oid(self, product: Product, order_id: str) -> str:
        """Return what the exchange invents when a client sent none: a near number on the perp, a UUID on spot."""
        if product == "perp":
            return str(int(order_id) + self._random.randrange(1, 900))
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


class Store:
    """Orders, fills and funding bills of one account, newest last.

    Args:
        orders_max: how many orders are remembered; open ones always are.
        fills_max: how many fills. A fill keeps its order in memory, though by no id.
    """

    def __init__(self, orders_max: int, fills_max: int) -> None:
        self._orders_max = orders_max
        self.orders: dict[str, Order] = {}
        self.open: dict[str, Order] = {}
        self.fills: deque[Fill] = deque(maxlen=fills_max)
        self.bills: deque[Bill] = deque(maxlen=BILLS_KEPT_MAX)
        self._by_client_oid: dict[tuple[Product, str], str] = {}

    def add(self, order: Order) -> None:
        """Remember a new order; the oldest finished one is forgotten when there are too many."""
        self.orders[order.order_id] = order
        self.open[order.order_id] = order
        self._by_client_oid[order.product, order.client_oid] = order.order_id
        if len(self.orders) > self._orders_max:
            oldest = next((one for one in self.orders.values() if not one.is_open), None)
            if oldest is None:
                return
            del self.orders[oldest.order_id]
            key = (oldest.product, oldest.client_oid)
            if self._by_client_oid.get(key) == oldest.order_id:
                del self._by_client_oid[key]

    def close(self, order: Order) -> None:
        """Take an order that ended off the open ones."""
        self.open.pop(order.order_id, None)

    def open_of(self, product: Product) -> list[Order]:
        """Open orders of one product, oldest first."""
        return [one for one in self.open.values() if one.product == product]

    def find(self, product: Product, order_id: str | None, client_oid: str | None) -> Order | None:
        """Return the order, by orderId if there is one, else the newest with the clientOid."""
        key = order_id or self._by_client_oid.get((product, client_oid or ""))
        order = self.orders.get(key or "")
        return order if order is not None and order.product == product else None

    def is_pending(self, request: OrderRequest) -> bool:
        """Whether an order with the request's clientOid is still open: only then is the id a duplicate."""
        order = self.find(request.product, None, request.client_oid) if request.client_oid else None
        return order is not None and order.is_open
