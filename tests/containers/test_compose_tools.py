"""The commands for whoever runs the compose deployment, beside it."""

import pytest
from backing import DOCKER

pytestmark = [
    pytest.mark.containers,
    pytest.mark.skipif(not DOCKER, reason="NO DOCKER ENGINE ANSWERS: no compose deployment"),
]


def test_whoever_runs_it_checks_it_and_backs_it_up(deployment, tmp_path):
    tmp_path.chmod(0o777)  # the containers have a user of their own
    run = ("run", "--rm", "-T", "-v", f"{tmp_path}:/backups", "tools")
    assert "no difference" in deployment.compose(*run, "rebuild", "--check")
    deployment.compose(*run, "parked")
    deployment.compose(*run, "backup", "/backups")
    deployment.compose(*run, "restore", "/backups", "--verify")
    assert list(tmp_path.iterdir())
