"""The table of Bitget's codes."""

import pytest

from mmfsm.values import Outcome
from runner.bitget.codes import TABLE, Kind, judge


def test_no_code_has_two_meanings_for_one_kind() -> None:
    """A second row of the same code and kind would never be read."""
    seen = [(row.code, kind) for row in TABLE for kind in row.kinds or tuple(Kind)]
    assert len(seen) == len(set(seen))


def test_every_row_is_a_number_with_a_reason() -> None:
    for row in TABLE:
        assert row.code.isdigit() and 3 <= len(row.code) <= 6
        assert 3 < len(row.note) < 100 and not row.note.endswith(".")
        assert row.outcome is not Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("kind", "status", "code", "outcome"),
    [
        (Kind.PLACE, 200, "00000", Outcome.ACCEPTED),
        (Kind.PLACE, 400, "43012", Outcome.REFUSED_LEG),  # I20: insufficient spot balance is final for the leg
        (Kind.PLACE, 400, "40762", Outcome.REFUSED_LEG),
        (Kind.PLACE, 400, "22002", Outcome.FLAT),  # I11: an answer, not a reject
        (Kind.PLACE, 400, "45001", Outcome.UNKNOWN),  # I26
        (Kind.PLACE, 400, "40010", Outcome.UNKNOWN),
        (Kind.PLACE, 400, "40015", Outcome.UNKNOWN),
        (Kind.PLACE, 400, "40725", Outcome.UNKNOWN),
        (Kind.PLACE, 400, "40786", Outcome.UNKNOWN),  # an order with this clientOid is pending
        (Kind.PLACE, 400, "40774", Outcome.FATAL),  # I28
        (Kind.PLACE, 400, "40085", Outcome.FATAL),
        (Kind.QUERY, 400, "40014", Outcome.FATAL),
        (Kind.PLACE, 400, "45115", Outcome.REFUSED_GRID),  # I04
        (Kind.PLACE, 400, "41103", Outcome.REFUSED_GRID),  # I05
        (Kind.PLACE, 400, "40808", Outcome.REFUSED_GRID),  # I06
        (Kind.CANCEL, 400, "40808", Outcome.UNKNOWN),  # a release window: there is no price or size to refuse
        (Kind.QUERY, 400, "40808", Outcome.UNKNOWN),
        (Kind.PLACE, 400, "99999", Outcome.REFUSED),  # unlisted: Bitget answered with a business error
        (Kind.PLACE, 200, "99999", Outcome.REFUSED),  # business errors come with HTTP 200 too
        (Kind.CANCEL, 400, "43001", Outcome.GONE),  # I27
        (Kind.CANCEL, 400, "22001", Outcome.GONE),  # a failure that means success
        (Kind.CANCEL, 400, "45129", Outcome.BUSY),
        (Kind.QUERY, 400, "40109", Outcome.GONE),
        (Kind.PLACE, 400, "43001", Outcome.REFUSED),  # "gone" means nothing for an order that was to be placed
        (Kind.CANCEL, 400, "22002", Outcome.REFUSED),
        (Kind.PLACE, 429, "429", Outcome.BUSY),
        (Kind.PLACE, 429, None, Outcome.BUSY),
        (Kind.PLACE, 500, None, Outcome.UNKNOWN),
        (Kind.PLACE, 502, "40034", Outcome.UNKNOWN),  # a 5xx may have happened whatever its body says
        (Kind.PLACE, 301, None, Outcome.UNKNOWN),
        (Kind.PLACE, 408, None, Outcome.UNKNOWN),
        (Kind.PLACE, 200, None, Outcome.UNKNOWN),  # an empty body with HTTP 200 was seen
        (Kind.PLACE, 404, None, Outcome.UNKNOWN),
        (Kind.PLACE, 400, "00000", Outcome.UNKNOWN),  # it contradicts itself
        (Kind.ACCOUNT, 400, "40920", Outcome.REFUSED),
        (Kind.PLACE, 400, "40008", Outcome.BUSY),  # a clock may be set while a hedge is tried again …
        (Kind.QUERY, 400, "40008", Outcome.FATAL),  # … and whoever sets it has to be told
    ],
)
def test_an_answer_means_one_thing(kind: Kind, status: int, code: str | None, outcome: Outcome) -> None:
    judged, note = judge(kind, status, code)
    assert judged is outcome
    assert note or outcome is Outcome.ACCEPTED
