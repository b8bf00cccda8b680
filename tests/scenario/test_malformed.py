"""Nothing a client sends harms the hub or its neighbours: ≥ 20,000 malformed frames and requests beside a healthy pair.

Asserted throughout: no HTTP 500, no `internal` error, nothing logged as an error, every broken connection is told why,
and a caller and an agent that behave are served as if nothing happened.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
import websockets
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from arkitekt_next.embedded import serve
from tests.support.malformed import NUMBERS, Mangler, messages
from tests.support.malformed_http import Line, Requests
from tests.support.raw import RawClient, client, definition, sign_in
from tests.support.rest import another_team, rest, worker

pytestmark = pytest.mark.requirement("bar.malformed")

SEED = int(os.environ.get("FUZZ_SEED", "20261121"))
OPEN_FRAMES = int(os.environ.get("FUZZ_OPEN_FRAMES", "14400"))
BROKEN_FRAMES = int(os.environ.get("FUZZ_BROKEN_FRAMES", "1600"))
FRAMED = int(os.environ.get("FUZZ_FRAMED", "3680"))
UNFRAMED = int(os.environ.get("FUZZ_UNFRAMED", "160"))
DRAWN = int(os.environ.get("FUZZ_DRAWN", "15"))
BATCH = 80
DEADLINE_S = 30.0
REASONED = {1000, 1007, 1009, 4400, 4401, 4409}
CHECKS: Any = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.negative_data_rejection,
]

COUNTS: Counter[str] = Counter()


class Errors(logging.Handler):
    """Keeps whatever the hub, its server or its loop log as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture(scope="module")
def errors() -> Iterator[Errors]:
    handler = Errors()
    loggers = [logging.getLogger(name) for name in ("arkitekt_next", "uvicorn.error", "asyncio")]
    for logger in loggers:
        logger.addHandler(handler)
    yield handler
    for logger in loggers:
        logger.removeHandler(handler)


@pytest.fixture(scope="module")
def server(errors: Errors) -> Iterator[Any]:
    database = os.environ.get("FUZZ_DATABASE_URL")
    with serve(grace_s=0.5, cancel_deadline_s=0.5, max_live_tasks=50_000, database_url=database) as running:
        yield running


class Healthy:
    """A caller and an agent in a thread of their own, calling and streaming for as long as the fuzzing lasts."""

    def __init__(self, server: Any) -> None:
        self.calls = 0
        self.held = ""
        self.slowest_s = 0.0
        self._server = server
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="healthy", daemon=True)

    def __enter__(self) -> Healthy:
        self._thread.start()
        assert self._ready.wait(DEADLINE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            asyncio.run(self._call_forever())
        except BaseException as error:
            self._failure = error
        self._ready.set()

    async def _call_forever(self) -> None:
        loop = asyncio.get_running_loop()
        async with worker(self._server, "healthy") as w, client(self._server, "healthy-caller") as caller:
            self.held = await caller.submit("healthy.hold", {"a": 41})
            self._ready.set()
            while not self._stop.is_set():
                began = loop.time()
                task = await caller.submit("healthy.add", {"a": self.calls, "b": 1})
                outcome = await caller.expect("outcome", DEADLINE_S, task=task)
                assert outcome["returns"] == [self.calls + 1]
                self.slowest_s = max(self.slowest_s, loop.time() - began)
                self.calls += 1
                if self.calls % 20 == 0:
                    await self._stream(caller)
                caller.seen.clear()
                w.agent.seen.clear()
            w.let_go(self.held)
            outcome = await caller.expect("outcome", DEADLINE_S, task=self.held)
            assert (outcome["status"], outcome["returns"]) == ("completed", [41])

    async def _stream(self, caller: RawClient) -> None:
        task = await caller.submit("healthy.count", {"a": 9})
        await caller.expect("outcome", DEADLINE_S, task=task)
        values = [v for m in caller.of("values", task=task) for v in m["values"]]
        assert values == [[n] for n in range(9)]


@pytest.fixture(scope="module")
def healthy(server: Any) -> Iterator[Healthy]:
    with Healthy(server) as pair:
        yield pair


class Target:
    """A connection that is fired at; opened again when the hub has closed it."""

    def __init__(self, server: Any, token: str, app: str, *, says_hello: bool, provides: bool = False) -> None:
        self._url = server.url.replace("http", "ws") + "/ws"
        self._token, self._app = token, app
        self._says_hello, self._provides = says_hello, provides
        self._socket: Any = None
        self._pings = 0
        self.answers: Counter[str] = Counter()
        self.codes: Counter[int] = Counter()

    async def _open(self) -> Any:
        if self._socket is None:
            self._socket = await websockets.connect(
                self._url,
                additional_headers={"authorization": f"Bearer {self._token}"},
                subprotocols=["arkitekt.v1"],
                compression=None,
                max_size=None,
            )
            if self._says_hello:
                hello = {"kind": "hello", "session": uuid.uuid4().hex, "app": self._app}
                provide = {
                    "kind": "provide",
                    "request": "p",
                    "offers": [{"definition": definition("add")}],
                    "capacity": 2,
                }
                await self._socket.send(json.dumps([hello, provide] if self._provides else [hello]))
        return self._socket

    async def fire(self, frames: list[str | bytes]) -> bool:
        """Send frames and wait until they are dealt with: a pong, or a close. True when the connection lives."""
        socket = await self._open()
        self._pings += 1
        number = self._pings
        try:
            for frame in frames:
                await socket.send(frame)
            await socket.send(json.dumps([{"kind": "ping", "number": number}]))
            while not self._hear(await asyncio.wait_for(socket.recv(), DEADLINE_S), number):
                pass
        except websockets.ConnectionClosed as closed:
            await self._drain(socket)
            self.codes[closed.rcvd.code if closed.rcvd is not None else 1006] += 1
            self._socket = None
            return False
        return True

    async def _drain(self, socket: Any) -> None:
        try:
            while True:
                self._hear(await asyncio.wait_for(socket.recv(), DEADLINE_S), -1)
        except websockets.ConnectionClosed:
            return

    def _hear(self, frame: str, number: int) -> bool:
        is_over = False
        for message in json.loads(frame):
            kind = message["kind"]
            error = message.get("error")
            code = error.get("code", "-") if isinstance(error, dict) and kind != "outcome" else "-"
            assert code != "internal", message
            self.answers[f"{kind}:{code}" if code != "-" else kind] += 1
            is_over = is_over or (kind == "pong" and message["number"] == number)
        return is_over

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()


def sound(server: Any, app: str, healthy: Healthy) -> Mangler:
    """What is mangled: every kind of message, about tasks of the healthy pair, of nobody, and of the fuzzer's own."""
    return Mangler(messages(app, [healthy.held, "nobody"], ["nobody"]))


def in_batches(total: int, size: int) -> Any:
    """Let hypothesis draw the numbers of `total` frames, in batches."""
    loose = settings(max_examples=total // size, deadline=None, database=None, suppress_health_check=list(HealthCheck))

    def decorate(test: Any) -> Any:
        return seed(SEED)(loose(given(st.lists(NUMBERS, min_size=size, max_size=size))(test)))

    return decorate


def test_arrays_of_bad_messages_are_answered_and_the_connection_lives(
    server: Any, healthy: Healthy, errors: Errors
) -> None:
    runner = asyncio.Runner()
    before = healthy.calls
    app = "fuzzed"
    stranger = runner.run(another_team(server, app))
    token = sign_in(server.url, server.folder, app)
    targets = [
        Target(server, token, app, says_hello=True),
        Target(server, token, app, says_hello=True, provides=True),
        Target(server, stranger, app, says_hello=True, provides=True),
    ]
    mangler = sound(server, app, healthy)
    turn = 0

    @in_batches(OPEN_FRAMES, BATCH)
    def fire(numbers: list[int]) -> None:
        nonlocal turn
        target = targets[turn % len(targets)]
        turn += 1
        frames = [mangler.open_frame(number) for number in numbers]
        assert runner.run(target.fire([*frames])), f"closed: {target.codes}"
        COUNTS["frames, connection stays open"] += len(frames)

    fire()
    for target in targets:
        runner.run(target.close())
    runner.close()
    answers = sum((target.answers for target in targets), Counter())
    print(f"\nseed {SEED}: {COUNTS['frames, connection stays open']} frames; answers {dict(answers.most_common(12))}")
    assert answers["unsupported:protocol"] > 1000
    assert errors.lines == []
    assert healthy.calls > before


def test_broken_frames_close_their_own_connection_with_a_reason(server: Any, healthy: Healthy, errors: Errors) -> None:
    runner = asyncio.Runner()
    before = healthy.calls
    app = "broken"
    token = sign_in(server.url, server.folder, app)
    targets = [
        Target(server, token, app, says_hello=False),
        Target(server, token, app, says_hello=True),
        Target(server, token, app, says_hello=True, provides=True),
    ]
    mangler = sound(server, app, healthy)

    @in_batches(BROKEN_FRAMES, 20)
    def fire(numbers: list[int]) -> None:
        for number in numbers:
            frame = mangler.broken_frame(number)
            runner.run(targets[number % 3].fire([frame]))
            COUNTS["frames, connection closed or not"] += 1

    fire()
    for target in targets:
        runner.run(target.close())
    runner.close()
    codes = sum((target.codes for target in targets), Counter())
    told = sum((target.answers for target in targets), Counter())
    print(f"\nseed {SEED}: {COUNTS['frames, connection closed or not']} broken frames; close codes {dict(codes)}")
    assert set(codes) <= REASONED
    assert told["goodbye:protocol"] + told["goodbye:too_large"] >= codes[4400] > 100
    assert errors.lines == []
    assert healthy.calls > before


def test_a_frame_that_is_too_long_is_refused_with_its_own_code(server: Any, healthy: Healthy, errors: Errors) -> None:
    token = sign_in(server.url, server.folder, "long")

    async def run() -> None:
        far = {1009, 1006}  # the system may cut off a peer that is still sending
        for size, codes in ((262_000, {0}), (262_145, {1009}), (300_000, {1009}), (500_000, {1009}), (2_000_000, far)):
            target = Target(server, token, "long", says_hello=True)
            await target.fire([json.dumps([{"kind": "log", "message": "x" * size}])])
            assert set(target.codes or {0: 1}) <= codes, size
            await target.close()
            COUNTS["frames, too long"] += 1
        for letters, codes in ((130_000, {0}), (131_100, {1009})):  # two bytes each
            target = Target(server, token, "long", says_hello=True)
            await target.fire([json.dumps([{"kind": "log", "message": "ü" * letters}], ensure_ascii=False)])
            assert set(target.codes or {0: 1}) <= codes, letters
            await target.close()
            COUNTS["frames, too long"] += 1

    asyncio.run(run())
    assert errors.lines == []


def test_a_session_that_leaves_or_lies_in_its_first_frame_gets_nothing_more(
    server: Any, healthy: Healthy, errors: Errors
) -> None:
    app = "liar"
    token = sign_in(server.url, server.folder, app)
    provide = {"kind": "provide", "request": "p", "offers": [{"definition": definition("add")}]}
    submit = {"kind": "submit", "reference": "s", "action": "healthy.add", "args": {"a": 1}}
    hello = {"kind": "hello", "session": "s", "app": app}

    async def run() -> None:
        for frame, codes in [
            ([{"kind": "goodbye"}, provide, submit], {1000}),
            ([{**hello, "app": "somebody-else"}, provide, submit], {4401}),
            ([{**hello, "protocol": [7, 9]}, provide, submit], {4400}),
            ([hello, {"kind": "goodbye"}, provide, submit], {1000}),
            ([provide, hello], {4400}),
            ([{"kind": "nonsense"}, submit], {4400}),
            ([], {4400}),
        ]:
            target = Target(server, token, app, says_hello=False)
            assert not await target.fire([json.dumps(frame)])
            assert set(target.codes) == codes, frame
            assert not {"provided", "accepted", "outcome"} & set(target.answers), frame
            COUNTS["frames, lies"] += 1

    asyncio.run(run())
    assert errors.lines == []


# -- requests ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def known(server: Any, healthy: Healthy) -> dict[str, str]:
    """Ids that exist, so that requests come further than 404; the task has ended, its agent is gone."""

    async def make() -> dict[str, str]:
        async with rest(server) as web, worker(server, "known") as w:
            action = (await web.get("/api/actions/known.add")).json()
            body = {"action": "known.count", "args": {"a": 30}}
            task = (await web.post("/api/tasks?wait=20", json=body)).json()["task"]
            return {
                "task": task,
                "agent": w.id,
                "identifier": "known",
                "name": "known.add",
                "definition_hash": action["definition_hash"],
            }

    return asyncio.run(make())


def refused_well(status: int, body: Any) -> bool:
    """No answer at all, a success, a page, or a refusal in the one shape, to which OAuth's may add its own words."""
    if status < 400:
        return True
    if status >= 500:
        return False
    oauth = {"error", "error_description"}
    if body is None or set(body) == oauth:
        return True
    return set(body) - oauth == {"code", "message", "fields"} and body["code"] != "internal"


def test_raw_requests_with_anything_in_them_are_answered(
    server: Any, healthy: Healthy, errors: Errors, known: dict[str, str]
) -> None:
    before = healthy.calls
    authority = server.url.removeprefix("http://")
    routes = [("GET", "/ws"), ("GET", "/nowhere")]
    for route in server.app.routes:
        path = route.path.replace("{verb}", "cancel")
        for name, value in known.items():
            path = path.replace("{" + name + "}", value)
        if not path.endswith(("/stream", "/ws")):
            routes += [(method, path) for method in route.methods]
    submit = {"action": "known.add", "args": {"a": 1, "b": 2}, "reference": "r", "labels": ["x"], "timeout_s": 5}
    submit |= {"routing": "sticky", "retries": 0, "wait_for_agent": False, "parent": known["task"], "agent": "a"}
    bodies: list[Any] = [submit, {"args": {"a": 1}}, {"deadline_s": 1, "reason": "r"}, {"client_nonce": "ab" * 16}]
    made = Requests(authority, sign_in(server.url, server.folder, "web"), routes, bodies)
    line = Line(authority)
    statuses: Counter[int] = Counter()

    @in_batches(FRAMED, BATCH)
    def ask(numbers: list[int]) -> None:
        for number in numbers:
            method, request = made.framed(number)
            status, body = line.ask(method, request)
            assert refused_well(status, body), (request[:2000], status, body)
            statuses[status] += 1
            COUNTS["requests, raw"] += 1

    @in_batches(UNFRAMED, 20)
    def throw(numbers: list[int]) -> None:
        for number in numbers:
            request = made.unframed(number)
            assert line.throw(request) < 500, request[:2000]
            COUNTS["requests, hardly HTTP"] += 1

    ask()
    throw()
    line.close()
    print(f"\nseed {SEED}: {COUNTS['requests, raw']} raw requests {dict(statuses)}, {UNFRAMED} that are hardly HTTP")
    assert {200, 400, 401, 404, 405, 422} <= set(statuses)
    assert errors.lines == []
    assert healthy.calls > before


def test_requests_drawn_from_the_openapi_document_are_answered_as_it_says(
    server: Any, healthy: Healthy, errors: Errors, known: dict[str, str]
) -> None:
    before = healthy.calls
    headers = {"authorization": f"Bearer {sign_in(server.url, server.folder, 'web')}"}
    session = requests.Session()
    document = session.get(f"{server.url}/api/openapi.json", timeout=DEADLINE_S).json()
    statuses: Counter[int] = Counter()

    loose = settings(max_examples=DRAWN, deadline=None, database=None, suppress_health_check=list(HealthCheck))

    def fuzz(operation: Any, mode: GenerationMode) -> None:
        @seed(SEED)
        @loose
        @given(case=operation.as_strategy(generation_mode=mode), is_known=st.booleans())
        def call(case: Any, is_known: bool) -> None:
            if mode is GenerationMode.POSITIVE and is_known:
                case.path_parameters = {name: known.get(name, value) for name, value in case.path_parameters.items()}
            if mode is GenerationMode.POSITIVE and isinstance(case.query, dict) and "wait" in case.query:
                case.query = {**case.query, "wait": 0.01}
            response = case.call(base_url=server.url, session=session, headers=headers, timeout=DEADLINE_S)
            statuses[response.status_code] += 1
            COUNTS["requests, from the OpenAPI document"] += 1
            case.validate_response(response, checks=CHECKS)

        call()

    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = found.ok()
        if any([*operation.path_parameters, *operation.query, *operation.headers, *operation.body]):
            fuzz(operation, GenerationMode.POSITIVE)
            fuzz(operation, GenerationMode.NEGATIVE)
    print(f"\nseed {SEED}: {COUNTS['requests, from the OpenAPI document']} drawn requests, answers {dict(statuses)}")
    assert all(status < 500 for status in statuses)
    assert errors.lines == []
    assert healthy.calls > before


def test_after_all_that_the_hub_is_well_and_enough_was_thrown_at_it(
    server: Any, healthy: Healthy, errors: Errors
) -> None:
    async def look() -> None:
        async with rest(server) as web:
            health = (await web.get("/health")).json()
            assert health["status"] == "ok"
            lines = (await web.get("/metrics")).text.splitlines()
            assert not [line for line in lines if line.startswith("arkitekt_requests_refused") and "internal" in line]
            held = (await web.get(f"/api/tasks/{healthy.held}")).json()
            assert (held["status"], held["yields"]) == ("running", 0)
        async with worker(server, "afterwards") as w, client(server, "caller-afterwards") as caller:
            task = await caller.submit(f"{w.app}.add", {"a": 20, "b": 22})
            assert (await caller.expect("outcome", task=task))["returns"] == [42]

    asyncio.run(look())
    total = sum(COUNTS.values())
    print(f"\nseed {SEED}: {total} malformed in all: {dict(COUNTS)}")
    print(f"healthy meanwhile: {healthy.calls} calls, none failed, the slowest took {healthy.slowest_s:.2f} s")
    assert errors.lines == []
    assert total >= int(os.environ.get("FUZZ_AT_LEAST", "20000"))
