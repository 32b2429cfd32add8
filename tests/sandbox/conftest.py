"""Both event loops for every test of the sandbox that awaits."""

import pytest


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Name the event loop."""
    return str(request.param)
