"""The services of ``deploy/compose.yaml``: ready inside the context, gone after it."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from demo import DemoFailed
from demo.client import Client
from demo.screen import Screen
from demo.service import free_port, uninterrupted

ROOT = Path(__file__).parents[1]
SITE_PORT = 8301

_PATIENCE_S = 300
_ADDRESS = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"


class Deployment:
    """``docker compose`` for one project: the deployment, and the sample site beside it."""

    def __init__(self, project: str, settings: Mapping[str, str]) -> None:
        self.client = Client(free_port())
        self.site_url = f"http://site:{SITE_PORT}/"
        self.project = project
        self.environ = {
            **os.environ,
            **settings,
            "EVENTJOB_PUBLISH": f"127.0.0.1:{self.client.port}",
        }

    def compose(self, *arguments: str) -> str:
        """What the command printed.

        Raises:
            DemoFailed: it failed, or took more than five minutes.
        """
        command = [str(ROOT / "deploy/compose.sh"), "-f", str(ROOT / "demo/compose.yaml")]
        return _output([*command, "-p", self.project, *arguments], self.environ)

    def start(self) -> None:
        """All services, healthy, and free to fetch from the site, whose address is private.

        Raises:
            DemoFailed: not so.
        """
        self.compose("up", "-d", "site")
        site = self.compose("ps", "-q", "site").strip()
        address = _output(["docker", "inspect", "-f", _ADDRESS, site], os.environ).strip()
        self.environ["EVENTJOB_FETCH_ALLOW"] = f"{address}/32:{SITE_PORT}"
        self.compose("up", "-d", "--wait")


@contextmanager
def deployed(project: str, settings: Mapping[str, str]) -> Iterator[Deployment]:
    """Services that are ready.

    Containers, networks and volumes are this project's own, and go with it, however it ends.

    Raises:
        DemoFailed: Docker cannot do it; the end of what it said is in the text.
    """
    deployment = Deployment(project, settings)
    try:
        deployment.start()
        yield deployment
    finally:
        with uninterrupted():
            deployment.compose("down", "--volumes", "--timeout", "10")


@contextmanager
def containers(screen: Screen) -> Iterator[tuple[Client, str]]:
    """A client of the services, and the address at which they see the sample site.

    Raises:
        DemoFailed: as in `deployed`.
    """
    begun = time.monotonic()
    settings = {"EVENTJOB_FETCH_DELAY_S": "0.05", "EVENTJOB_MAX_ATTEMPTS": "2"}
    with deployed(f"eventjob-demo-{os.getpid()}", settings) as deployment:
        client = deployment.client
        took_s = time.monotonic() - begun
        screen.say(f"  service  {client.url}/docs (containers, healthy after {took_s:.1f} s)")
        for line in deployment.compose("ps", "--format", "{{.Service}} {{.Image}}").splitlines():
            screen.say("           {:10} {}".format(*line.split()))
        yield client, deployment.site_url
    screen.say("  containers, networks and volumes of this demo are removed")


def _output(command: list[str], environ: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            env=environ,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
            start_new_session=True,  # Ctrl-C is for the demo, which takes everything down
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DemoFailed(f"{command[0]} {command[-1]}: {error}") from error
    if done.returncode != 0:
        raise DemoFailed(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done.stdout
