"""Start SecantusDB in the place of MongoDB's official image, with a warning on each start.

The first start creates the user of MONGO_INITDB_ROOT_USERNAME before the port opens. The password
is in the file MONGO_INITDB_ROOT_PASSWORD_FILE. Without a user, access is open.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure

DATA = Path("/data/db")
DAEMON = Path(sys.executable).with_name("secantusd-py")
USUAL = ["--storage-path", str(DATA / "secantus"), "--sync-on-commit", "--cache-size", "256M"]
START_WITHIN_S = 60


def main() -> None:
    """Create the user on the first start, then become the server."""
    sys.stderr.write("THIS IS NOT MONGODB: SecantusDB stands in for it, for trying things out\n")
    user = os.environ.get("MONGO_INITDB_ROOT_USERNAME")
    made = DATA / "user-is-made"
    if user and not made.exists():
        make(user, Path(os.environ["MONGO_INITDB_ROOT_PASSWORD_FILE"]).read_text().strip())
        made.touch()
    listen = ["--host", "0.0.0.0"]  # noqa: S104 - of the container
    os.execv(DAEMON, [str(DAEMON), *listen, *USUAL, *(["--auth"] if user else [])])


def make(user: str, password: str) -> None:
    """Create the user through a server that listens inside this container only."""
    server = subprocess.Popen([DAEMON, "--host", "127.0.0.1", "--port", "27018", *USUAL])
    try:
        with MongoClient("mongodb://127.0.0.1:27018/?directConnection=true") as client:
            deadline = time.monotonic() + START_WITHIN_S
            while True:
                try:
                    client.admin.command("ping")
                    break
                except ConnectionFailure:
                    if server.poll() is not None or time.monotonic() > deadline:
                        raise
            client.admin.command("createUser", user, pwd=password, roles=["root"])
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
