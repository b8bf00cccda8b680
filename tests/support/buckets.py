"""An S3 server of others' making, on loopback, and hubs that keep their data in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from arkitekt_next.testing.objects_contract import Place

KEY_ID, SECRET = "the-hubs-key", "the-hubs-own-secret"
BUCKET = "lab-data"


class S3Server:
    """moto in a thread, with one bucket. What it holds outlives `stop`."""

    def __init__(self) -> None:
        self._port = 0
        self.url = ""
        self.start()
        self.client.create_bucket(Bucket=BUCKET)

    def start(self) -> None:
        """Answer, again at the same address."""
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self._port, verbose=False)
        self._server.start()
        host, self._port = self._server.get_host_and_port()
        self.url = f"http://{host}:{self._port}"

    def stop(self) -> None:
        """Answer no more."""
        self._server.stop()

    @property
    def client(self) -> Any:
        """A client of boto3 with the hub's own keys."""
        return Place(self.url, BUCKET, "", "us-east-1", KEY_ID, SECRET).boto3()

    def everything(self) -> set[str]:
        """Give the keys of all that lies in the bucket."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return {found["Key"] for page in pages for found in page.get("Contents", ())}

    def uploads(self, prefix: str) -> int:
        """Count the uploads below a prefix that were begun and not ended."""
        return len(self.client.list_multipart_uploads(Bucket=BUCKET, Prefix=prefix).get("Uploads", ()))

    def settings(self, **other: Any) -> dict[str, Any]:
        """Give the settings of a hub that keeps its data here."""
        keys = {"data_key_id": KEY_ID, "data_secret_key": SECRET}
        return {"data_bucket": BUCKET, "data_endpoint": self.url, **keys, "log_level": "error", **other}


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run one."""
    server = S3Server()
    try:
        yield server
    finally:
        server.stop()
