"""An app: a program with an identifier, the functions it hosts, and its way to a hub.

It holds together what the other modules do: `registration` (what), `hosting` (running it), `link` and `client`
(reaching the hub). The rule: making an app and registering functions touches neither network nor disk, and imports
nothing heavy.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar, overload

from arkitekt_next.errors import WrongContext

from .identity import check_identifier, default_identifier, default_version
from .registration import MARK, Hook, Registration, Registrations, make_registration, provided_type

if TYPE_CHECKING:
    from arkitekt_next.ports.model import Definition, Group, Widget
    from arkitekt_next.ports.registry import TypeRegistry
    from arkitekt_next.ports.rules import Rule
    from arkitekt_next.wire.messages import Release

    from .calls import CallOptions
    from .client import Client
    from .handle import TaskHandle
    from .hosting import Host, TaskEvent
    from .link import Link
    from .login import Access
    from .remote import RemoteFunction
    from .serving import Serving
    from .transport import Dial

F = TypeVar("F", bound=Callable[..., Any])
Mode = Literal["dev", "prod"]


class Decorator(Protocol):
    """What a decorator with options gives: it returns the very function it is put above."""

    def __call__(self, function: F, /) -> F: ...


class App:
    """A program that provides and calls functions.

    `identifier` defaults to `[tool.arkitekt_next] identifier` of the nearest pyproject.toml, else to the folder's
    name. `url` and `token` override discovery (see `login`). `labels`, `capacity` (tasks at once) and `grace_s`
    (how long a broken connection keeps its tasks) describe the agent; `visibility` says who sees what it provides:
    you alone (`private`) or your `team`, by default what the mode it runs in says. `drain_s` is how long stopping
    waits for running tasks. `captures_logging` puts what functions log with `logging`
    into the log of their task. `dial` and `access` replace the websocket and the sign-in, for tests.
    """

    def __init__(
        self,
        identifier: str | None = None,
        *,
        url: str | None = None,
        token: str | None = None,
        version: str | None = None,
        registry: TypeRegistry | None = None,
        labels: Iterable[str] = (),
        capacity: int = 256,
        grace_s: float | None = None,
        visibility: Literal["private", "team"] | None = None,
        drain_s: float = 10.0,
        captures_logging: bool = False,
        registrations: Registrations | None = None,
        dial: Dial | None = None,
        access: Callable[[], Access] | None = None,
    ) -> None:
        if identifier is not None:
            check_identifier(identifier)
        self._identifier = identifier
        self.url = url
        self.version = version
        self.registry = registry
        self.labels = (labels,) if isinstance(labels, str) else tuple(labels)
        self.capacity = capacity
        self.grace_s = grace_s
        self.visibility = visibility
        self.drain_s = drain_s
        self.captures_logging = captures_logging
        self.registrations = registrations if registrations is not None else Registrations()
        self._token = token
        self._dial = dial
        self._access = access
        self._link: Link | None = None
        self._client: Client | None = None
        self._making = threading.Lock()
        self._known: dict[str, RemoteFunction] = {}
        self.host: Host | None = None
        self.watchers: list[Callable[[TaskEvent], None]] = []

    def __repr__(self) -> str:
        return f"<App {self._identifier or '(unnamed)'} with {len(self.registrations.functions)} functions>"

    @property
    def identifier(self) -> str:
        """The app's name on the hub, the part before the dot of its actions."""
        if self._identifier is None:
            self._identifier = default_identifier(Path.cwd())
        return self._identifier

    @property
    def has_token(self) -> bool:
        """Whether it was given a token, and so needs no sign-in."""
        return self._token is not None or self._access is not None

    @property
    def link(self) -> Link:
        """The way to the hub; making it does not connect."""
        link = self._link
        if link is None or link.connection.is_closed:
            from .link import Link

            with self._making:
                if self._link is None or self._link.connection.is_closed:
                    self._client = None
                    self._known = {}
                    self._link = Link(
                        self.identifier,
                        self.release(),
                        url=self.url,
                        token=self._token,
                        dial=self._dial,
                        access=self._access,
                    )
                link = self._link
        return link

    @property
    def client(self) -> Client:
        """The calling side."""
        if self._client is None or self._link is None or self._link.connection.is_closed:
            from .client import Client

            self._client = Client(self)
        return self._client

    def release(self) -> Release:
        """Say which version of the program this is, and with which sources, locked dependencies and Python it runs."""
        import platform

        from arkitekt_next.wire.messages import Release

        from .sources import hash_program

        version = self.version or default_version(Path.cwd())
        source_hash, lock_hash = hash_program()
        return Release(version=version, source_hash=source_hash, lock_hash=lock_hash, python=platform.python_version())

    # -- registering -----------------------------------------------------------------------------------------

    @overload
    def register(self, function: F, /) -> F: ...
    @overload
    def register(
        self,
        /,
        *,
        name: str | None = None,
        label: str | None = None,
        description: str | None = None,
        effects: str = "unknown",
        retries: int = 0,
        timeout: float | None = None,
        pure: bool = False,
        concurrency: int | None = None,
        locks: Iterable[str] = (),
        executor: Literal["thread", "process", "loop"] | None = None,
        collections: Iterable[str] = (),
        widgets: Mapping[str, Widget] | None = None,
        groups: Iterable[Group | str] = (),
        validators: Mapping[str, Rule | list[Rule]] | None = None,
        tests_for: Iterable[str] = (),
        version: str | None = None,
        registry: TypeRegistry | None = None,
    ) -> Decorator: ...
    def register(self, function: Any = None, /, **options: Any) -> Any:
        """Host a function: `@register`, `@register()` or `@register(name=…)`.

        The function itself comes back, unchanged.

        `effects` says what running it again would do (none, repeatable, unknown, irreversible) and so what a crash
        may repeat. `executor`: a plain function runs in a thread ("thread"), in a process of its own that can be
        killed ("process"), or on the app's event loop ("loop"), where async functions always run. `concurrency`
        limits how many run at once; `locks` names locks it shares with other functions. `timeout` is in seconds.
        `pure`: the result follows from the arguments alone, so the hub may answer the same call of the same program
        from memory.
        Raises `DeclarationError` for whatever can't be hosted, with file and line.
        """
        if function is None:
            return lambda decorated: self._register(decorated, options)
        return self._register(function, options)

    def _register(self, function: F, options: dict[str, Any]) -> F:
        from arkitekt_next.ports.inspect import define

        options = dict(options)
        running = {key: options.pop(key, default) for key, default in _RUNNING.items()}
        blueprint = define(
            function,
            registry=options.pop("registry", None) or self.registry,
            timeout_s=options.pop("timeout", None),
            rules=options.pop("validators", None),
            inject=self._is_injected,
            **options,
        )
        registration = make_registration(function, blueprint, **running)
        self.registrations.add(registration)
        try:
            setattr(function, MARK, (self, registration))
        except AttributeError:  # a bound method: it is found by its action's name
            pass
        return function

    def _is_injected(self, hint: Any) -> bool:
        from .context import Task

        return hint is Task or self.registrations.provider_of(hint) is not None

    def _hook(self, hooks: list[Hook], function: Any, timeout: float | None, stops_app: bool = True) -> Any:
        if function is None:
            return functools.partial(self._hook, hooks, timeout=timeout, stops_app=stops_app)
        self.registrations.add_hook(
            hooks, Hook(function, self.registrations.injections_of(function), timeout, None, stops_app)
        )
        return function

    @overload
    def startup(self, function: F, /) -> F: ...
    @overload
    def startup(self, /, *, timeout: float | None = None) -> Decorator: ...
    def startup(self, function: Any = None, /, *, timeout: float | None = None) -> Any:
        """Run a function when the app starts, before it is provided.

        `timeout` defaults to two minutes. A failure stops the start.
        """
        return self._hook(self.registrations.startups, function, timeout)

    @overload
    def shutdown(self, function: F, /) -> F: ...
    @overload
    def shutdown(self, /, *, timeout: float | None = None) -> Decorator: ...
    def shutdown(self, function: Any = None, /, *, timeout: float | None = None) -> Any:
        """Run a function when the app has drained, last declared first; `timeout` defaults to ten seconds."""
        return self._hook(self.registrations.shutdowns, function, timeout)

    @overload
    def background(self, function: F, /) -> F: ...
    @overload
    def background(self, /, *, stops_app: bool = True) -> Decorator: ...
    def background(self, function: Any = None, /, *, stops_app: bool = True) -> Any:
        """Run an async function beside the app until it stops.

        When it fails the app stops with its error, unless `stops_app=False`.
        """
        return self._hook(self.registrations.backgrounds, function, None, stops_app)

    @overload
    def context(self, function: F, /) -> F: ...
    @overload
    def context(self, /, *, timeout: float | None = None) -> Decorator: ...
    def context(self, function: Any = None, /, *, timeout: float | None = None) -> Any:
        """Provide an object by its type: every function with a parameter of the return type of this one is given the
        object.

        Declare it before the functions that use it. A generator is left again when the app stops.
        """
        if function is None:
            return functools.partial(self.context, timeout=timeout)
        hook = Hook(function, self.registrations.injections_of(function), timeout, provided_type(function))
        self.registrations.add_hook(self.registrations.contexts, hook)
        return function

    # -- finding and calling ---------------------------------------------------------------------------------

    def find(
        self,
        action: str | None = None,
        *,
        hash: str | None = None,
        args: Iterable[Any] | None = None,
        returns: Iterable[Any] | None = None,
        agent: str | None = None,
    ) -> RemoteFunction:
        """Look a function up: by `app.name`, by definition hash, or by what it takes and gives; `agent` pins calls to
        one agent.

        Raises `NotFound`, or `Ambiguous` with the candidates.
        """
        from .run import refuse_blocking

        refuse_blocking("find()", "await afind()")
        return self._found(self.client.ask(self._lookup(action, hash, args, returns)), agent)

    async def afind(
        self,
        action: str | None = None,
        *,
        hash: str | None = None,
        args: Iterable[Any] | None = None,
        returns: Iterable[Any] | None = None,
        agent: str | None = None,
    ) -> RemoteFunction:
        """Look a function up without blocking; see `find`."""
        return self._found(await self.client.aask(self._lookup(action, hash, args, returns)), agent)

    def _lookup(self, action: Any, hash: Any, args: Any, returns: Any) -> dict[str, Any]:
        from .demand import write_lookup

        return write_lookup(action, hash, args, returns, self.registry)

    def _found(self, answer: Any, agent: str | None) -> RemoteFunction:
        from arkitekt_next.ports.model import Definition

        from .calls import CallOptions

        definition = Definition.from_json(answer.definition)
        found = self.remote(answer.action, definition, CallOptions(agent=agent), answer.agents_online)
        found.signature_hash = answer.signature_hash
        if agent is None:
            self._known[answer.action] = found
        return found

    def remote(
        self, action: str, definition: Definition, options: CallOptions, agents_online: int | None = None
    ) -> RemoteFunction:
        """Make a definition callable."""
        from arkitekt_next.ports.published import PortCodec

        from .remote import RemoteFunction

        codec: Any = PortCodec(definition, self.registry)
        return RemoteFunction(self, action, definition, codec, options, agents_online=agents_online)

    def target(self, action: Any) -> RemoteFunction | None:
        """Give what a call means by `action` if that is known without asking: a name called before, or a function
        registered here.
        """
        if isinstance(action, str):
            return self._known.get(action)
        mark = getattr(action, MARK, None)
        if mark is None:
            from .remote import RemoteFunction

            if isinstance(action, RemoteFunction):
                return action
            raise WrongContext(
                problem=f"{action!r} is neither an action's name nor a registered function", remedy="Use 'app.function'"
            )
        return self._registered(*mark)

    def _registered(self, owner: App, registration: Registration) -> RemoteFunction:
        from .calls import CallOptions
        from .remote import RemoteFunction

        name = f"{owner.identifier if owner._identifier or owner is not self else self.identifier}.{registration.name}"
        known = self._known.get(name)
        if known is None or known.codec is not registration.blueprint:
            known = RemoteFunction(self, name, registration.blueprint.definition, registration.blueprint, CallOptions())
            self._known[name] = known
        return known

    def call(self, action: str | Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call an action and block until the value is there; keywords may be call options (see `remote`)."""
        from .run import refuse_blocking

        refuse_blocking("call()", "await acall()")
        return (self.target(action) or self.find(str(action)))(*args, **kwargs)

    async def acall(self, action: str | Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call an action and await the value."""
        return await (self.target(action) or await self.afind(str(action))).acall(*args, **kwargs)

    def iterate(self, action: str | Callable[..., Any], /, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Read a stream, value by value."""
        from .run import refuse_blocking

        refuse_blocking("iterate()", "async for value in aiterate()")
        return (self.target(action) or self.find(str(action))).iterate(*args, **kwargs)

    async def aiterate(self, action: str | Callable[..., Any], /, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """Read a stream, value by value, without blocking."""
        target = self.target(action) or await self.afind(str(action))
        async for value in target.aiterate(*args, **kwargs):
            yield value

    def submit(self, action: str | Callable[..., Any], /, *args: Any, **kwargs: Any) -> TaskHandle:
        """Start a task; come back once the hub has recorded it."""
        from .run import refuse_blocking

        refuse_blocking("submit()", "await asubmit()")
        return (self.target(action) or self.find(str(action))).submit(*args, **kwargs)

    async def asubmit(self, action: str | Callable[..., Any], /, *args: Any, **kwargs: Any) -> TaskHandle:
        """Start a task; come back once the hub has recorded it."""
        return await (self.target(action) or await self.afind(str(action))).asubmit(*args, **kwargs)

    # -- running ---------------------------------------------------------------------------------------------

    def run(self, *, mode: Mode = "prod") -> None:
        """Provide the functions and block until SIGINT or SIGTERM (or a background failure, which is raised)."""
        from .serving import run_app

        run_app(self, mode=mode)

    async def arun(self, *, mode: Mode = "prod") -> None:
        """Provide the functions on the running loop until this is cancelled."""
        from .serving import arun_app

        await arun_app(self, mode=mode)

    def run_detached(self, *, mode: Mode = "prod") -> Serving:
        """Provide the functions beside this thread; give a handle with `stop`, once they are provided."""
        from .serving import run_app_detached

        return run_app_detached(self, mode=mode)

    def status(self) -> dict[str, Any]:
        """Say how the app is connected, what it provides, and what runs, abandoned threads included."""
        link, host = self._link, self.host
        said: dict[str, Any] = {
            "app": self.identifier,
            "is_connected": link is not None and link.connection.is_open,
            "url": link.connection.url if link is not None else "",
            "problem": link.connection.problem if link is not None else "",
            "calls": link.caller.open_calls if link is not None else 0,
        }
        if host is not None:
            said.update(host.status())
        return said

    # -- with ------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Disconnect; calls that have not ended fail here, and go on at the hub."""
        link, self._link = self._link, None
        if link is not None:
            link.close()

    async def aclose(self) -> None:
        """Disconnect; calls that have not ended fail here, and go on at the hub."""
        link, self._link = self._link, None
        if link is not None:
            await link.aclose()

    def __enter__(self) -> Self:
        from .current import enter

        self.link.open_in_background()
        enter(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from .current import leave

        leave(self)
        if self.host is None:  # what it hosts goes on until that is stopped
            self.close()

    async def __aenter__(self) -> Self:
        from .current import enter

        await self.link.aensure_open()
        enter(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import asyncio

        from .current import leave

        leave(self)
        if self.host is None:
            await asyncio.shield(self.aclose())


_RUNNING: dict[str, Any] = {"executor": None, "concurrency": None, "locks": ()}
