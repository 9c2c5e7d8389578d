"""The running product, fuzzed by schemathesis from its own OpenAPI document."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from deployment import Up, eventually, without_pauses
from logged_site import LoggedSite

from services.api.access.keys import Key, format_key, new_key

HERE = Path(__file__).parent
MOST_GROWTH_MB = 60
KEEPER = "keeper"
FOR_ADMINISTRATORS = ("GET /metrics", 403)  # where keys are in use: the key is no administrator's
EXAMPLES = {  # of path parameters that generated ones seldom hit
    "/api/event-job/files/{path}": "kept-job/Fuzz/Track/kept.md",
    "/api/event-job/{job_id}/restart": "spare-job",
    "/api/event-job/jobs/{job_id}/restart": "spare-job",
}


class Outcome(NamedTuple):
    """What a run did: ``tally`` counts answers by operation and status."""

    report: dict[str, Any]
    tally: Counter[tuple[str, int]]
    said: str
    operations: frozenset[str]
    rss_mb: tuple[float, float]
    troubles: list[str]

    @property
    def cases(self) -> int:
        return self.report["test_cases"]["generated"]

    @property
    def unanswered(self) -> list[str]:
        """Operations that never got a good answer."""
        good = {name for name, status in self.tally if 200 <= status < 300}
        refused = {name for name, status in self.tally if (name, status) == FOR_ADMINISTRATORS}
        return sorted(self.operations - good - refused)

    @property
    def failures(self) -> int:
        found = self.report["test_cases"]
        return found["unique_failures"] + found["errored"] + len(self.report["errors"])


def fuzz(
    folder: Path, examples: int, seed: int | None = None, *, with_key: bool = False
) -> Outcome:
    """Fuzz a product of its own, with up to so many examples for each operation and phase.

    ``with_key``: keys are in use, and every request comes with one that may act for others.
    """
    settings, shown = _keys(folder) if with_key else ({}, {})
    options = ["--max-examples", str(examples)]
    options += [] if seed is None else ["--seed", str(seed)]
    for name, value in shown.items():
        options += ["--header", f"{name}: {value}"]
    with LoggedSite() as site, Up(folder, **without_pauses(site.port), **settings) as up:
        _keep(up, site.url, shown)
        before = rss_mb(up)
        said, report, tally = _run(up, folder, site.url, options)
        after = rss_mb(up)
        paths = up.get("/openapi.json").json["paths"]
        operations = {f"{m.upper()} {path}" for path, methods in paths.items() for m in methods}
        eventually("it is ready again", 60, up.is_ready)
        troubles = _differences(up)
    troubles += _troubles(up.log())
    if after - before > MOST_GROWTH_MB:
        troubles.append(f"the api grew from {before:.0f} to {after:.0f} MB")
    return Outcome(report, tally, said, frozenset(operations), (before, after), troubles)


def rss_mb(up: Up) -> float:
    """The memory of the api."""
    [pid] = up.children()["api"]
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def _keys(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Settings with a file of one key, and the header that shows it."""
    key_id, text, digest = new_key("gateway")
    key = Key(id=key_id, user="gateway", sha256=digest, act_for_others=True, rate="100000/s")
    file = folder / "keys.jsonl"
    file.touch(0o600)
    file.write_text(format_key(key) + "\n")
    return {"EVENTJOB_API_KEYS_FILE": str(file)}, {"Authorization": f"Bearer {text}"}


def _keep(up: Up, site: str, shown: dict[str, str]) -> None:
    """A job and a batch, done, that everybody may read and nobody change; and one to restart."""
    access = {"visibility": "public"}

    def job(name: str) -> dict[str, Any]:
        given = {"event": "Fuzz", "track": "Track", "session": name, "filename": f"{name}.md"}
        return {"parameters": given | {"url": f"{site}/talks/{name}"}}

    alone = job("kept") | {"job_id": "kept-job", "access_control": access}
    batch = {"batch_id": "kept", "access_control": access, "jobs": [job("kept-1"), job("kept-2")]}
    for path, body in (("/jobs", alone), ("/batches", batch)):
        answer = up.post(path, body, X_User_ID=KEEPER, **shown)
        assert answer.status == 201, answer
    assert up.post("/jobs", job("spare") | {"job_id": "spare-job"}, **shown).status == 201
    for path in ("/jobs/kept-job/download-archive", "/batches/kept/download-archive"):
        eventually(path, 30, lambda path=path: up.get(path).status == 200)


def _run(
    up: Up, folder: Path, site: str, options: list[str]
) -> tuple[str, dict[str, Any], Counter[tuple[str, int]]]:
    report, tally = folder / "report.json", folder / "tally.json"
    document = folder / "openapi.json"  # of a URL, schemathesis would leave out just that one
    document.write_text(json.dumps(_with_examples(up.get("/openapi.json").json)))
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "--config-file"),
        *(str(HERE / "schemathesis.toml"), "run", str(document), "--no-color"),
        *("--url", up.root),
        *("--report-json-path", str(report), *options),
    ]
    environ = os.environ | {
        "FUZZ_SITE": site,
        "FUZZ_TALLY": str(tally),
        "PYTHONPATH": str(HERE),
    }
    done = subprocess.run(
        command, env=environ, cwd=folder, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert report.exists(), said
    rows = json.loads(tally.read_text())
    counted = Counter({(name, status): count for name, status, count in rows})
    return said, json.loads(report.read_text()), counted


def _with_examples(document: dict[str, Any]) -> dict[str, Any]:
    for path, example in EXAMPLES.items():
        for operation in document["paths"][path].values():
            operation["parameters"][0]["example"] = example
    return document


def _differences(up: Up) -> list[str]:
    """Where what is shown is not what the log says."""
    command = [str(Path(sys.executable).with_name("eventjob")), "rebuild", "--check"]
    done = subprocess.run(command, env=up.environ, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [(done.stdout + done.stderr)[-4000:]]


def _troubles(log: str) -> list[str]:
    """Lines of the services' logs that nobody should have to see."""
    return [
        line[:1000]
        for line in log.splitlines()
        if "Traceback" in line or '"level":"error"' in line or '"child.ended"' in line
    ]
