"""The space file: what it may say, and what each mistake is answered with."""

from decimal import Decimal
from pathlib import Path

import optuna
import pytest

from mmfsm.params import Params
from runner.tuning.space import SpaceError, read_space

EXAMPLE = Path(__file__).parents[2] / "examples" / "tune_space.toml"


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("", "at least one table"),
        (
            "[base_half_spred_bps]\nlow = 1\nhigh = 2",
            "[base_half_spred_bps]: there is no such parameter to search; did",
        ),
        ("[base_half_spred_bps]\nlow = 1\nhigh = 2", "did you mean [base_half_spread_bps]?"),
        ("[symbol]\nchoices = ['ETHUSDT', 'BTCUSDT']", "[symbol]: there is no such parameter to search"),
        ("[bitget_api_key]\nchoices = ['a', 'b']", "no such parameter"),
        ("base_half_spread_bps = 4", "[base_half_spread_bps]: expected a table with low and high"),
        (
            "[base_half_spread_bps]\nlow = 1\nhigh = 501",
            "BASE_HALF_SPREAD_BPS = Decimal('501') is not usable: it takes",
        ),
        ("[base_half_spread_bps]\nlow = 1\nhigh = 501", "a number of bps from 0 to 500"),
        ("[base_half_spread_bps]\nlow = 3\nhigh = 3", "expected low below high, got 3 and 3"),
        ("[base_half_spread_bps]\nlow = 3", "expected high, a number, got None"),
        ("[base_half_spread_bps]\nlow = true\nhigh = 3", "expected low, a number, got True"),
        ("[base_half_spread_bps]\nlow = nan\nhigh = 3", "expected low, a number, got"),
        ("[base_half_spread_bps]\nlow = 1\nhigh = 2\nstep = 0.3", "high to be low plus whole steps above 0"),
        ("[base_half_spread_bps]\nlow = 1\nhigh = 2\nstep = 0", "whole steps above 0"),
        ("[base_half_spread_bps]\nlow = 0\nhigh = 2\nlog = true", "log needs low above 0 and no step"),
        ("[base_half_spread_bps]\nlow = 1\nhigh = 2\nlog = 'yes'", "log is true or false, got 'yes'"),
        ("[base_half_spread_bps]\nlow = 1\nhight = 2", "expected low, high, step, log, choices, got hight"),
        ("[cooldown_ms]\nlow = 1.5\nhigh = 10", "takes whole numbers, got 1.5, 10, step None"),
        ("[funding_direction]\nlow = 1\nhigh = 2", "takes one of either, short, long, so expected choices"),
        ("[funding_direction]\nchoices = ['either', 'up']", "FUNDING_DIRECTION = 'up' is not usable: it takes one of"),
        ("[funding_direction]\nchoices = ['either']", "a list of two or more, and nothing else"),
        ("[funding_direction]\nchoices = ['short', 'short']", "a choice is there twice"),
        ("[cooldown_ms]\nlow = 1\nhigh = 2\n[COOLDOWN_MS]\nlow = 1\nhigh = 3", "cooldown_ms is there twice"),
        ("[cooldown_ms\nlow = 1", "expected a TOML file"),
    ],
)
def test_a_mistake_is_told_with_file_and_table(toml: str, says: str, tmp_path: Path) -> None:
    """Each is a SpaceError that names the file, the table, what was expected and what came."""
    path = tmp_path / "space.toml"
    path.write_text(toml)

    with pytest.raises(SpaceError) as told:
        read_space(path)
    assert str(path) in str(told.value) and says in str(told.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """No traceback: the path, and why."""
    with pytest.raises(SpaceError, match=r"nowhere\.toml: cannot be read"):
        read_space(tmp_path / "nowhere.toml")


def test_what_is_drawn_is_written_on_the_grid_and_within_bounds(tmp_path: Path) -> None:
    """Binary noise does not reach a setting: steps are exact, other numbers have six digits, bounds hold."""
    path = tmp_path / "space.toml"
    path.write_text(
        "[base_half_spread_bps]\nlow = 0.1\nhigh = 0.7\nstep = 0.1\n[k_obi]\nlow = 0.0001\nhigh = 0.001\nlog = true\n"
        "[cooldown_ms]\nlow = 0\nhigh = 500\nstep = 50\n[adopt_position]\nchoices = [true, false]\n"
    )
    spread, k_obi, cooldown, adopt = read_space(path).dimensions

    assert [spread.text(drawn) for drawn in (0.1, 0.30000000000000004, 0.7000000000000001)] == ["0.1", "0.3", "0.7"]
    assert k_obi.text(0.00012345678) == "0.000123457" and k_obi.text(0.00099999999) == "0.001"
    assert cooldown.text(150) == "150" and adopt.choices == ("1", "0")


def test_every_draw_of_the_example_is_a_parameter_set() -> None:
    """What Optuna draws from the example file becomes parameters; the defaults are in it, as the first trial needs."""
    space = read_space(EXAMPLE)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(50):
        trial = study.ask()
        drawn = {one.name: one.suggest(trial) for one in space.dimensions}
        Params.from_mapping(space.texts(drawn))

    assert set(space.drawn({})) == {one.name for one in space.dimensions}
    assert space.texts(space.drawn({"COOLDOWN_MS": "2000"}))["COOLDOWN_MS"] == "2000"


def test_a_value_outside_the_space_is_not_drawn() -> None:
    """A default or a setting off the range or off the grid is left to the sampler."""
    space = read_space(EXAMPLE)

    assert "base_half_spread_bps" not in space.drawn({"BASE_HALF_SPREAD_BPS": "1.9"})
    assert "base_half_spread_bps" not in space.drawn({"BASE_HALF_SPREAD_BPS": "2.25"})
    assert space.drawn({"BASE_HALF_SPREAD_BPS": str(Decimal("2.5"))})["base_half_spread_bps"] == 2.5
