"""An S3 server of the tests' own: moto, in this process, on a free port."""

import urllib.request
from datetime import timedelta
from typing import Self

from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

REGION = "us-east-1"  # whose buckets need no further word


class S3Server:
    """``with S3Server() as server``: it answers, and has the bucket ``artifacts``."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)

    def __enter__(self) -> Self:
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        self.make("artifacts")
        return self

    def __exit__(self, *_: object) -> None:
        urllib.request.urlopen(
            urllib.request.Request(f"{self.url}/moto-api/reset", b"", method="POST")
        ).close()
        self._server.stop()

    def go_away(self) -> None:
        """Hang up; what is stored is kept."""
        self._server.stop()

    def come_back(self) -> None:
        """Answer again, at the same address."""
        port = int(self.url.rpartition(":")[2])
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
        self._server.start()

    def settings(self) -> dict[str, str]:
        """The variables that lead to it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "nothing",
        }

    def make(self, bucket: str) -> None:
        request = urllib.request.Request(f"{self.url}/{bucket}", b"", method="PUT")
        urllib.request.urlopen(request).close()

    def names(self, bucket: str = "artifacts") -> list[str]:
        return list(self._keys(bucket))

    def age(self, by: timedelta, bucket: str = "artifacts") -> None:
        """Let every object have been stored so much earlier."""
        for key in self._keys(bucket).values():
            key.last_modified -= by

    def _keys(self, bucket: str):
        (backend,) = (account["aws"] for account in s3_backends.values())
        return backend.buckets[bucket].keys
