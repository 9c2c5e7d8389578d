"""The short form of `make chaos`: half a minute of it, always the same plan."""

import pytest
from chaos.run import chaos
from mongo_server import needs_secantus

SEED = 32  # has a kill of nats-server and of a scheduler, and some of everything
JOBS = 60
SECONDS = 12
EVERY_S = 1


@pytest.mark.long
@needs_secantus
def test_nothing_that_breaks_breaks_an_invariant():
    outcome = chaos(SEED, JOBS, SECONDS, EVERY_S)
    print(*outcome.lines, sep="\n")
    assert outcome.wrong == []
