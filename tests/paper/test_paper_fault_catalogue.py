"""Every fault of the catalogue, seen by a client over sockets. A row without a demonstration fails here."""

import pytest
from aiohttp import ClientSession

from runner.paper import CATALOGUE, PaperExchange
from tests.paper import fault_demos_market, fault_demos_wire
from tests.paper.client import Rest
from tests.paper.conftest import Connect
from tests.paper.fault_scene import SHOWN, Scene

# Importing the two registers what they show.
DEMONSTRATIONS = (fault_demos_market, fault_demos_wire)


@pytest.fixture
def scene(exchange: PaperExchange, rest: Rest, connect: Connect, http: ClientSession) -> Scene:
    """The default exchange and everything to disturb it with."""
    return Scene(exchange, rest, connect, http)


def test_every_row_has_a_demonstration() -> None:
    """And no demonstration is of something that is not declared."""
    assert SHOWN.keys() == CATALOGUE.keys()


@pytest.mark.parametrize("name", CATALOGUE)
async def test_a_client_sees_it(scene: Scene, name: str) -> None:
    """One row of the catalogue."""
    await SHOWN[name](scene)
