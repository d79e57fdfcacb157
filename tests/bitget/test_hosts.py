"""Which addresses may be given a key."""

import pytest

from runner.bitget import hosts, seam


@pytest.mark.parametrize(
    "url",
    [
        "https://api.bitget.com",
        "https://API.Bitget.com:443",
        "wss://wspap.bitget.com/v2/ws/private",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
        "ws://localhost:1/v2/ws/private",
    ],
)
def test_bitget_over_tls_and_this_machine_may_hold_keys(url: str) -> None:
    assert hosts.may_hold_keys(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.bitget.com",  # a key would travel in the clear
        "ws://ws.bitget.com/v2/ws/private",
        "https://api.bitget.com.example.org",
        "https://apibitget.com",
        "https://evil.org/api.bitget.com",
        "https://10.0.0.1",
        "https://0.0.0.0",
        "https://localhost.example.org",
        "",
    ],
)
def test_nothing_else_may_hold_keys(url: str) -> None:
    assert not hosts.may_hold_keys(url)
    with pytest.raises(ValueError, match="a key may go to"):
        seam.register(url)


@pytest.mark.parametrize("url", ["ftp://api.bitget.com", "api.bitget.com", "https://", "https://u:p@api.bitget.com"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="an address"):
        hosts.split(url, ("http", "https"))
