"""The store contract, on the hub's gateway and on an S3 server of others' making: the same tests, by settings alone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from arkitekt_next.embedded import serve
from arkitekt_next.testing.objects_contract import ObjectsContract, Place
from tests.support.data import BUCKET, give, new_item
from tests.support.raw import sign_in


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(log_level="error") as running:
        sign_in(running.url, running.folder, "web")
        yield running


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    Place(url, BUCKET, "", "us-east-1", "key", "secret").boto3().create_bucket(Bucket=BUCKET)
    yield url
    server.stop()


@pytest.mark.requirement("data.store")
class TestGateway(ObjectsContract):
    @pytest.fixture
    def place(self, server: Any) -> Place:
        return give(server, new_item(server)).place


@pytest.fixture(scope="module")
def postgres_server(postgres_session: Any) -> Iterator[Any]:
    url = postgres_session.new_database()
    with serve(database_url=url, log_level="error") as running:
        sign_in(running.url, running.folder, "web")
        yield running
    postgres_session.drop_database(url)


@pytest.mark.requirement("data.store", "keep.databases")
class TestGatewayOnPostgres(ObjectsContract):
    @pytest.fixture
    def place(self, postgres_server: Any) -> Place:
        return give(postgres_server, new_item(postgres_server)).place


@pytest.mark.requirement("data.store")
class TestMoto(ObjectsContract):
    @pytest.fixture
    def place(self, moto: str) -> Place:
        return Place(moto, BUCKET, f"team/{uuid.uuid4()}/{uuid.uuid4()}/", "us-east-1", "key", "secret")
