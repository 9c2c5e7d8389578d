"""API keys in the compose deployment, made by the commands of docs/deploy.md."""

import pytest
from backing import DOCKER, Deployed

pytestmark = [
    pytest.mark.containers,
    pytest.mark.skipif(not DOCKER, reason="NO DOCKER ENGINE ANSWERS: no compose deployment"),
]

FILE = "/keys/keys.jsonl"


@pytest.fixture
def key(deployment):
    """A key of ann's, asked for; afterwards none is."""
    made = ("exec", "-T", "api", "eventjob", "key", "new", "--user", "ann", "--file", FILE)
    printed = deployment.compose(*made)
    deployment.environ["EVENTJOB_API_KEYS_FILE"] = FILE
    deployment.compose("up", "-d", "--wait")
    yield next(word for word in printed.split() if word.startswith("ej_"))
    del deployment.environ["EVENTJOB_API_KEYS_FILE"]
    deployment.compose("up", "-d", "--wait")


def test_who_has_no_key_is_nobody(deployment, key):
    up = Deployed(deployment.client.port)
    parameters = {"event": "E", "session": "S", "filename": "f.md", "track": "T"}
    job = {"parameters": {**parameters, "url": deployment.site_url}}
    assert up.post("/jobs", job, X_User_ID="ann").status == 401
    assert up.get("/jobs", Authorization="Bearer ej_wrong").status == 401
    authorized = {"Authorization": f"Bearer {key}"}
    answer = up.post("/jobs", job, **authorized)
    assert answer.status == 201
    job_id = answer.json["job"]["job_id"]
    assert up.get(f"/jobs/{job_id}", **authorized).json["job"]["user_id"] == "ann"
    assert up.get(f"/jobs/{job_id}", X_User_ID="ann").status == 401
