"""The two ETHUSDT instruments: the configuration rows as Bitget serves them, and the rules read from them.

Sources: `/api/v2/mix/market/contracts` and `/api/v2/spot/public/symbols` rows as recorded on 2026-09-25.
"""

from decimal import Decimal
from typing import Any

import attrs

from runner.paper.values import Product

SYMBOL = "ETHUSDT"
BASE = "ETH"
QUOTE = "USDT"
PRODUCT_TYPE = "USDT-FUTURES"

CONTRACT_ROW: dict[str, Any] = {
    "symbol": "ETHUSDT",
    "baseCoin": "ETH",
    "quoteCoin": "USDT",
    "buyLimitPriceRatio": "0.05",
    "sellLimitPriceRatio": "0.05",
    "feeRateUpRatio": "0.005",
    "makerFeeRate": "0.0002",
    "takerFeeRate": "0.0006",
    "openCostUpRatio": "0.01",
    "supportMarginCoins": ["USDT"],
    "minTradeNum": "0.01",
    "priceEndStep": "1",
    "volumePlace": "2",
    "pricePlace": "2",
    "sizeMultiplier": "0.01",
    "symbolType": "perpetual",
    "minTradeUSDT": "5",
    "maxSymbolOrderNum": "200",
    "maxProductOrderNum": "1000",
    "maxPositionNum": "200",
    "symbolStatus": "normal",
    "offTime": "-1",
    "limitOpenTime": "-1",
    "deliveryTime": "",
    "deliveryStartTime": "",
    "deliveryPeriod": "",
    "launchTime": "",
    "fundInterval": "8",
    "minLever": "1",
    "maxLever": "150",
    "posLimit": "0.1",
    "maintainTime": "",
    "openTime": "",
    "maxMarketOrderQty": "1900",
    "maxOrderQty": "9900",
    "isRwa": "NO",
}

SYMBOL_ROW: dict[str, Any] = {
    "symbol": "ETHUSDT",
    "baseCoin": "ETH",
    "quoteCoin": "USDT",
    "minTradeAmount": "0.0005",
    "maxTradeAmount": "900000000000000000000",
    "takerFeeRate": "0.002",
    "makerFeeRate": "0.002",
    "pricePrecision": "2",
    "quantityPrecision": "4",
    "quotePrecision": "6",
    "status": "online",
    "minTradeUSDT": "1",
    "buyLimitPriceRatio": "0.02",
    "sellLimitPriceRatio": "0.02",
    "areaSymbol": "no",
    "orderQuantity": "200",
    "openTime": "1532450400000",
    "offTime": "",
    "maxLimitOrderValue": "20000000",
    "maxMarketOrderValue": "1000000",
}


@attrs.frozen
class Rules:
    """What an order must respect on one product. Prices in USDT, sizes in ETH, ratios as fractions."""

    product: Product
    tick: Decimal
    price_places: int
    size_places: int
    size_min: Decimal
    notional_min: Decimal
    band: Decimal
    orders_max: int
    size_max: Decimal
    market_size_max: Decimal


# The row's minTradeAmount is marked obsolete on the symbols page, so on spot only the notional bounds an order below.
SPOT_RULES = Rules(
    product="spot",
    tick=Decimal("0.01"),
    price_places=int(SYMBOL_ROW["pricePrecision"]),
    size_places=int(SYMBOL_ROW["quantityPrecision"]),
    size_min=Decimal("0.0001"),
    notional_min=Decimal(SYMBOL_ROW["minTradeUSDT"]),
    band=Decimal(SYMBOL_ROW["buyLimitPriceRatio"]),
    orders_max=int(SYMBOL_ROW["orderQuantity"]),
    size_max=Decimal(SYMBOL_ROW["maxTradeAmount"]),
    market_size_max=Decimal(SYMBOL_ROW["maxMarketOrderValue"]),
)

PERP_RULES = Rules(
    product="perp",
    tick=Decimal(CONTRACT_ROW["priceEndStep"]).scaleb(-int(CONTRACT_ROW["pricePlace"])),
    price_places=int(CONTRACT_ROW["pricePlace"]),
    size_places=int(CONTRACT_ROW["volumePlace"]),
    size_min=Decimal(CONTRACT_ROW["minTradeNum"]),
    notional_min=Decimal(CONTRACT_ROW["minTradeUSDT"]),
    band=Decimal(CONTRACT_ROW["buyLimitPriceRatio"]),
    orders_max=int(CONTRACT_ROW["maxSymbolOrderNum"]),
    size_max=Decimal(CONTRACT_ROW["maxOrderQty"]),
    market_size_max=Decimal(CONTRACT_ROW["maxMarketOrderQty"]),
)

RULES: dict[Product, Rules] = {"perp": PERP_RULES, "spot": SPOT_RULES}

# Maintenance margin rate of the smallest tier, as positions report it.
KEEP_MARGIN_RATE = Decimal("0.005")
FUNDING_RATE_MAX = Decimal("0.003")
