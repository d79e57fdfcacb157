"""A stand-in exchange: Bitget V2, REST and WebSocket, on loopback, with a matching engine behind it.

`PaperExchange` is the running exchange, `Venue` the same without sockets and under a clock of the caller's. Written
from Bitget's documentation and from recordings of it; it shares no code with any client.
"""

from runner.paper.api import Answer, Request
from runner.paper.cli import main, serve
from runner.paper.fault_plan import Faults
from runner.paper.fault_rules import FaultRule, read_profile
from runner.paper.faults import CATALOGUE
from runner.paper.market import ScriptedMarket
from runner.paper.options import Account, Credentials, Listing, PaperOptions
from runner.paper.resampled import ResampledMarket
from runner.paper.server import PaperExchange, ReceivedRequest
from runner.paper.session import encode
from runner.paper.synthetic import SyntheticMarket
from runner.paper.tape import TapeMarket
from runner.paper.values import BookEvent, FundingEvent, OrderRequest, Push, Refusal, TradeEvent
from runner.paper.venue import Venue
from runner.paper.views import AccountView, BalanceView, FillView, OrderView, PositionView

__all__ = [
    "CATALOGUE",
    "Account",
    "AccountView",
    "Answer",
    "BalanceView",
    "BookEvent",
    "Credentials",
    "FaultRule",
    "Faults",
    "FillView",
    "FundingEvent",
    "Listing",
    "OrderRequest",
    "OrderView",
    "PaperExchange",
    "PaperOptions",
    "PositionView",
    "Push",
    "ReceivedRequest",
    "Refusal",
    "Request",
    "ResampledMarket",
    "ScriptedMarket",
    "SyntheticMarket",
    "TapeMarket",
    "TradeEvent",
    "Venue",
    "encode",
    "main",
    "read_profile",
    "serve",
]
