"""The hedge machine without the quoting: for a bot that has its own way of getting filled and wants its fills hedged.

Run it: python examples/ticket_only.py
"""

from decimal import Decimal

from mmfsm.machines.ticket import HedgeLimits, HedgeTicket, HedgeView, SendChild, TicketInput, open_ticket, step
from mmfsm.testing import constraints
from mmfsm.values import Side

LIMITS = HedgeLimits(
    hedge_deadline_ms=1_500,
    max_unhedged_ms=5_000,
    hedge_retry_ms=200,
    unwind_retry_ms=300,
    hedge_slip_bps=Decimal(5),
    chase_step_bps=Decimal(10),
    hedge_slip_max_bps=Decimal(100),
    unwind_slip_bps=Decimal(50),
)


def view(perp_pos: str) -> HedgeView:
    """What the ticket sees: your books and your position go here."""
    d = Decimal
    return HedgeView(constraints(), LIMITS, d("2501.00"), d("2501.01"), d("2500.00"), d("2500.01"), d(perp_pos))


def tell(ticket: HedgeTicket, event: str, at_ms: int, qty: str = "0") -> None:
    for command in step(ticket, event, TicketInput(at_ms, view("0.05"), Decimal(qty))):
        show(ticket, at_ms, command)
    print(f"{at_ms:>6} ms  {event:14} -> {ticket.state:9} remain {ticket.remain}")


def show(ticket: HedgeTicket, at_ms: int, command: object) -> None:
    if isinstance(command, SendChild):
        print(
            f"{at_ms:>6} ms  SEND  {command.leg} {command.side} {command.qty} @ {command.price}  (try {ticket.tries})"
        )
    else:
        print(f"{at_ms:>6} ms  {command}")


def main() -> None:
    # You bought 0.05 on the perp. The ticket wants 0.05 sold on spot.
    ticket, out = open_ticket("my-ticket-1", 1, Side.BUY, Decimal("0.05"), TicketInput(0, view("0.05")))
    for command in out:
        show(ticket, 0, command)
    tell(ticket, "hedge_filled", 40, "0.02")  # partly filled ...
    tell(ticket, "child_settled", 41)  # ... and the rest of that order is cancelled
    tell(ticket, "timer", 200)  # the pace allows the next try
    tell(ticket, "child_settled", 230)  # nothing filled
    tell(ticket, "timer", 1_500)  # the deadline: CHASING, wider
    tell(ticket, "child_settled", 1_520)
    tell(ticket, "timer", 5_000)  # too long unhedged: the perp fill is reversed, reduce-only
    tell(ticket, "unwind_filled", 5_020, "0.03")
    tell(ticket, "child_settled", 5_021)


if __name__ == "__main__":
    main()
