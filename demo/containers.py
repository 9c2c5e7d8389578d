"""Run the services of ``deploy/compose.yaml`` for as long as a context lasts."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from demo import DemoFailed
from demo.client import Client
from demo.screen import Screen
from demo.service import find_free_port, ignore_interrupts

ROOT = Path(__file__).parents[1]
SITE_PORT = 8301  # as in demo/compose.yaml

_LIMIT_S = 300  # building the images may take minutes
_ADDRESS = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"


class Deployment:
    """``docker compose`` for one project: the deployment, and the sample site beside it."""

    def __init__(self, project: str, settings: Mapping[str, str]) -> None:
        self.client = Client(find_free_port())
        self.site_url = f"http://site:{SITE_PORT}/"
        self.project = project
        self.environ = {
            **os.environ,
            **settings,
            "EVENTJOB_PUBLISH": f"127.0.0.1:{self.client.port}",
        }

    def compose(self, *arguments: str) -> str:
        """Return the output of ``docker compose``; raise `DemoFailed` after five minutes, too."""
        command = [str(ROOT / "deploy/compose.sh"), "-f", str(ROOT / "demo/compose.yaml")]
        return _run([*command, "-p", self.project, *arguments], self.environ)

    def start(self) -> None:
        """Start all services, wait until they are healthy, and let them fetch the private site."""
        self.compose("up", "-d", "site")
        site = self.compose("ps", "-q", "site").strip()
        address = _run(["docker", "inspect", "-f", _ADDRESS, site], os.environ).strip()
        self.environ["EVENTJOB_FETCH_ALLOW"] = f"{address}/32:{SITE_PORT}"
        self.compose("up", "-d", "--wait")


@contextmanager
def run_deployment(project: str, settings: Mapping[str, str]) -> Iterator[Deployment]:
    """Run the services; at the end remove this project's containers, networks and volumes.

    Raises:
        DemoFailed: Docker failed; the text has the end of its output.
    """
    deployment = Deployment(project, settings)
    try:
        deployment.start()
        yield deployment
    finally:
        with ignore_interrupts():
            deployment.compose("down", "--volumes", "--timeout", "10")


@contextmanager
def run_containers(screen: Screen) -> Iterator[tuple[Client, str]]:
    """Yield a client of the services, and the URL at which they see the sample site."""
    started_s = time.monotonic()
    settings = {"EVENTJOB_FETCH_DELAY_S": "0.05", "EVENTJOB_MAX_ATTEMPTS": "2"}
    with run_deployment(f"eventjob-demo-{os.getpid()}", settings) as deployment:
        client = deployment.client
        took_s = time.monotonic() - started_s
        screen.say(f"  service  {client.url}/docs (containers, healthy after {took_s:.1f} s)")
        for line in deployment.compose("ps", "--format", "{{.Service}} {{.Image}}").splitlines():
            screen.say("           {:10} {}".format(*line.split()))
        yield client, deployment.site_url
    screen.say("  containers, networks and volumes of this demo are removed")


def _run(command: list[str], environ: Mapping[str, str]) -> str:
    try:
        result = subprocess.run(  # noqa: S603 - our own command
            command,
            env=environ,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
            start_new_session=True,  # Ctrl-C is for the demo, which stops everything in order
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DemoFailed(f"{command[0]} {command[-1]}: {error}") from error
    if result.returncode != 0:
        raise DemoFailed(f"{' '.join(command)} failed:\n{result.stderr[-2000:]}")
    return result.stdout
