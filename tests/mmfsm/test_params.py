"""Parameters: every bound is refused by the variable's name, and what is not declared is refused too."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from mmfsm.errors import ParamError
from mmfsm.params import Params, parse, takes, text_of

D = Decimal
FIELDS = {field.name: field for field in attrs.fields(Params)}
NUMBERS = [name for name, field in FIELDS.items() if type(field.default) in (int, Decimal)]
LOWS = [name for name in NUMBERS if FIELDS[name].metadata["low"] is not None]
HIGHS = [name for name in NUMBERS if FIELDS[name].metadata["high"] is not None]
CHOICES = [name for name, field in FIELDS.items() if field.metadata["choices"]]


def bound(name: str, which: str, step: int = 0) -> Any:
    """A parameter's bound, or the next value outside it, in the parameter's own type."""
    kind = type(FIELDS[name].default)
    return kind(FIELDS[name].metadata[which]) + (step if kind is int else D(step) / 10**6)


def refused(**values: Any) -> str:
    with pytest.raises(ParamError) as error:
        Params(**values)
    name, value = next(iter(values.items()))
    assert (error.value.name, str(error.value.got)) == (name.upper(), str(value))
    return str(error.value)


def validate(name: str, value: Any) -> None:
    """Run one parameter's own check, without the rules between parameters."""
    FIELDS[name].validator(None, FIELDS[name], value)  # type: ignore[misc]


@pytest.mark.parametrize("name", LOWS)
def test_below_the_least_is_refused_by_name(name: str) -> None:
    """The least value is taken; the next below it is refused, with the variable and what it takes."""
    validate(name, bound(name, "low"))

    assert f"{name.upper()} = " in refused(**{name: bound(name, "low", -1)})


@pytest.mark.parametrize("name", HIGHS)
def test_above_the_largest_is_refused_by_name(name: str) -> None:
    """The largest value is taken; the next above it is refused, with the variable and what it takes."""
    validate(name, bound(name, "high"))

    assert takes(FIELDS[name]) in refused(**{name: bound(name, "high", 1)})


@pytest.mark.parametrize("name", FIELDS)
def test_a_value_of_another_type_is_refused(name: str) -> None:
    """No float for a Decimal, no text for a number, no number for a switch: the message has both types."""
    other = 1.5 if type(FIELDS[name].default) is not str else 7
    kind = Decimal if FIELDS[name].default is None else type(FIELDS[name].default)

    assert f", as {kind.__name__}, not {type(other).__name__}" in refused(**{name: other})


@pytest.mark.parametrize("name", [name for name in NUMBERS if type(FIELDS[name].default) is Decimal])
@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_what_is_no_number_is_refused(name: str, text: str) -> None:
    """Infinite and not-a-number are no sizes and no rates."""
    refused(**{name: D(text)})


@pytest.mark.parametrize("name", CHOICES)
def test_a_word_that_is_no_choice_is_refused(name: str) -> None:
    """The message lists the choices."""
    message = refused(**{name: "sideways"})

    assert all(choice in message for choice in FIELDS[name].metadata["choices"])


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"max_unhedged_sec": D("1.5")}, "MAX_UNHEDGED_SEC"),  # not more than the deadline of 1500 ms
        ({"hedge_deadline_ms": 5_000}, "MAX_UNHEDGED_SEC"),
        ({"hedge_slip_bps": D(101)}, "HEDGE_SLIP_BPS"),
        ({"hedge_slip_max_bps": D(4)}, "HEDGE_SLIP_BPS"),
        ({"max_half_spread_bps": D(13)}, "MAX_HALF_SPREAD_BPS"),  # the base half spread is 14
        ({"funding_stale_sec": 20}, "FUNDING_STALE_SEC"),
        ({"funding_poll_sec": 90}, "FUNDING_STALE_SEC"),
        ({"client_oid_prefix": ""}, "CLIENT_OID_PREFIX"),
        ({"client_oid_prefix": "mmfsm"}, "CLIENT_OID_PREFIX"),
        ({"client_oid_prefix": "m-m"}, "CLIENT_OID_PREFIX"),
        ({"client_oid_prefix": "é"}, "CLIENT_OID_PREFIX"),
        ({"symbol": ""}, "SYMBOL"),
        ({"symbol": "ETH/USDT"}, "SYMBOL"),
    ],
)
def test_a_rule_between_parameters_is_refused_by_name(values: dict[str, Any], name: str) -> None:
    """Deadlines in order, slips in order, staleness above the poll, and names that fit into an order's name."""
    with pytest.raises(ParamError) as error:
        Params(**values)

    assert error.value.name == name


def test_an_unhedged_bound_one_millisecond_above_the_deadline_is_taken() -> None:
    """The rule is strict, to the millisecond."""
    assert Params(max_unhedged_sec=D("1.501")).max_unhedged_ms == 1_501


def test_the_defaults_are_taken() -> None:
    """What nobody sets is within its own bounds."""
    for name, field in FIELDS.items():
        validate(name, field.default)
    assert Params() == Params.from_mapping({})


def test_an_unknown_name_is_refused() -> None:
    """A mistyped variable does not leave its default in force in silence."""
    with pytest.raises(ParamError, match=r"HEDGE_DEADLINE = '5' .* no such parameter"):
        Params.from_mapping({"HEDGE_DEADLINE": "5"})


def test_texts_are_read_as_what_is_declared() -> None:
    """Whole numbers, decimals, switches and words, with blanks around them."""
    read = Params.from_mapping(
        {"HEDGE_DEADLINE_MS": " 900 ", "K_OBI": "2e-4", "ADOPT_POSITION": "Yes", "SYMBOL": "BTCUSDT"}
    )

    assert (read.hedge_deadline_ms, read.k_obi, read.adopt_position, read.symbol) == (900, D("0.0002"), True, "BTCUSDT")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hedge_deadline_ms", "1.5"),
        ("hedge_deadline_ms", ""),
        ("hedge_deadline_ms", "soon"),
        ("k_obi", "a lot"),
        ("k_obi", ""),
        ("adopt_position", "maybe"),
        ("adopt_position", ""),
    ],
)
def test_a_text_of_another_type_is_refused_by_name(name: str, text: str) -> None:
    """The message has the variable, what came, and what it takes."""
    with pytest.raises(ParamError) as error:
        parse(FIELDS[name], text)

    assert (error.value.name, error.value.got, error.value.takes) == (name.upper(), text, takes(FIELDS[name]))


UNSET = [name for name, field in FIELDS.items() if field.default is None]


@pytest.mark.parametrize("name", UNSET)
def test_what_may_be_unset_is_a_number_or_an_empty_text(name: str) -> None:
    """Nothing set is nothing, not zero; what is set has the bounds of a number; text and value travel both ways."""
    assert parse(FIELDS[name], " ") is None and text_of(None) == ""
    assert parse(FIELDS[name], "-0.5") == D("-0.5") and text_of(D("-0.5")) == "-0.5"
    assert getattr(Params.from_mapping({name.upper(): ""}), name) is None
    for bad in (D("NaN"), D(501), D(-51), 2):
        refused(**{name: bad})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hedge_deadline_ms", "a whole number of ms from 1 to 600000"),
        ("max_position", "a number of base coin, at least 0"),
        ("adopt_position", "0 or 1"),
        ("symbol", "text"),
        ("margin_mode", "one of isolated, crossed"),
    ],
)
def test_what_a_parameter_takes_in_words(name: str, words: str) -> None:
    """Type, unit and bounds, or the choices."""
    assert takes(FIELDS[name]) == words


@pytest.mark.parametrize("name", FIELDS)
def test_every_parameter_has_help_and_every_time_its_unit(name: str) -> None:
    """A line of help each; a name that ends in a unit has that unit."""
    meta, ending = FIELDS[name].metadata, name.rsplit("_", 1)[-1]

    assert meta["help"]
    assert meta["unit"] == {"ms": "ms", "sec": "s", "bps": "bps"}.get(ending, meta["unit"])
