"""The examples and the edge's container, run for real: `make components host`, `scripts/examples.sh`, then

    pytest tests/examples
"""

import pytest
from running import simulator


@pytest.fixture(scope="session")
def sim(tmp_path_factory):
    """The port of a simulated model."""
    with simulator(tmp_path_factory.mktemp("sim")) as port:
        yield port
