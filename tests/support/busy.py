"""Settings with which a bot quotes whatever the market pays, and those with which it is filled often."""

QUOTING = {"MIN_ABS_FUNDING": "0", "EDGE_FLOOR": "0"}
BUSY = {**QUOTING, "BASE_HALF_SPREAD_BPS": "1", "REPLACE_THRESHOLD_BPS": "0.5", "COOLDOWN_MS": "100"}


def words(settings: dict[str, str]) -> list[str]:
    """Settings as options of `backtest` and `tune`."""
    return [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]


QUOTING_WORDS, BUSY_WORDS = words(QUOTING), words(BUSY)
