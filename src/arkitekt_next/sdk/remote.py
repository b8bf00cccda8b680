"""A function somewhere on the hub, callable like one here.

`f(x)` blocks and gives the value; `await f.acall(x)` is the async form. A stream is read with `iterate` or
`aiterate`; calling it plainly is refused, because collecting it could fill memory without end. The rule for
keywords: one that names an argument of the action is that argument; else, if it names a call option (`timeout`,
`retries`, `reference` …), it is the option; `with_options` always means options.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import WrongContext
from arkitekt_next.ports.acting import ActingCodec

from .calls import OPTION_NAMES, CallOptions
from .client import Client, Codec, dump_now
from .handle import TaskHandle
from .run import refuse_blocking

if TYPE_CHECKING:
    from arkitekt_next.ports.model import Definition

    from .app import App


class RemoteFunction:
    """An action, found on the hub: call it, stream it, or submit it as a task."""

    def __init__(
        self,
        app: App,
        action: str,
        definition: Definition,
        codec: Codec,
        options: CallOptions,
        *,
        agents_online: int | None = None,
    ) -> None:
        self.action = action
        self.definition = definition
        self.codec: Codec = ActingCodec(codec, lambda: app.link.items) if codec.needs_await else codec
        self.options = options
        self.agents_online = agents_online
        self.signature_hash = definition.signature_hash
        self.constant = options.written(action, self.signature_hash)
        self._app = app
        self._client: Client = app.client
        self._is_stream = str(definition.kind) == "generator"
        self._option_names = OPTION_NAMES - {port.key for port in definition.args}
        self.__name__ = definition.name
        self.__qualname__ = action
        self.__module__ = action.rpartition(".")[0]

    @property
    def __signature__(self) -> inspect.Signature:
        signature = getattr(self.codec, "signature", None)
        if signature is None:
            signature = inspect.signature(getattr(self.codec, "function"))  # noqa: B009  # only a Blueprint has one
        assert isinstance(signature, inspect.Signature)
        return signature

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        doc = getattr(self.codec, "doc", None)
        return str(doc if doc is not None else inspect.getdoc(getattr(self.codec, "function", None)) or "")

    def __repr__(self) -> str:
        return f"<RemoteFunction {self.action}{self.__signature__}>"

    # -- forms -----------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call and block until the value is there."""
        refuse_blocking(f"{self.action}(...)", "await f.acall(...)")
        self._refuse_stream("call")
        options, kwargs = self._split(kwargs)
        return self._client.call(self, options, args, kwargs)

    async def acall(self, *args: Any, **kwargs: Any) -> Any:
        """Call and await the value; cancelling the await cancels the task."""
        self._refuse_stream("acall")
        options, kwargs = self._split(kwargs)
        return await self._client.acall(self, options, args, kwargs)

    def iterate(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Give the values of a stream as they come; leaving early cancels the task.

        It starts with the first `next`.
        """
        refuse_blocking(f"{self.action}.iterate(...)", "async for value in f.aiterate(...)")
        self._require_stream("iterate")
        options, kwargs = self._split(kwargs)
        self._app.link.ensure_open()
        return self._client.iterate(self, options, dump_now(self.codec, args, kwargs))

    async def aiterate(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """Give the values of a stream as they come; leaving early cancels the task."""
        self._require_stream("aiterate")
        options, kwargs = self._split(kwargs)
        await self._app.link.aensure_open()
        async for value in self._client.aiterate(self, options, await self._adump(args, kwargs)):
            yield value

    def submit(self, *args: Any, **kwargs: Any) -> TaskHandle:
        """Start a task and come back as soon as the hub has recorded it."""
        refuse_blocking(f"{self.action}.submit(...)", "await f.asubmit(...)")
        options, kwargs = self._split(kwargs)
        self._app.link.ensure_open()
        call = self._client.submit(self, options, dump_now(self.codec, args, kwargs))
        return TaskHandle(self._client, self, call, options)

    async def asubmit(self, *args: Any, **kwargs: Any) -> TaskHandle:
        """Start a task and come back as soon as the hub has recorded it."""
        options, kwargs = self._split(kwargs)
        await self._app.link.aensure_open()
        call = await self._client.asubmit(self, options, await self._adump(args, kwargs))
        return TaskHandle(self._client, self, call, options)

    def with_options(self, **options: Any) -> RemoteFunction:
        """Give the same function with call options set: timeout, queue_timeout, retries, reference, wait_for_agent,
        discreet, labels, routing, agent, window.
        """
        return RemoteFunction(
            self._app,
            self.action,
            self.definition,
            self.codec,
            self.options.updated(**options),
            agents_online=self.agents_online,
        )

    # -- steps -----------------------------------------------------------------------------------------------

    @property
    def is_stream(self) -> bool:
        """Whether it is read with `iterate` instead of called."""
        return self._is_stream

    def renewed(self) -> RemoteFunction | None:
        """Look the action up again; None when it is the same as before."""
        return self._renewal(self._app.find(self.action).definition)

    async def arenewed(self) -> RemoteFunction | None:
        """Look the action up again; None when it is the same as before."""
        return self._renewal((await self._app.afind(self.action)).definition)

    def _renewal(self, definition: Definition) -> RemoteFunction | None:
        if definition.signature_hash == self.signature_hash:
            return None
        return self._app.remote(self.action, definition, self.options)

    def _split(self, kwargs: dict[str, Any]) -> tuple[CallOptions, dict[str, Any]]:
        if not kwargs or self._option_names.isdisjoint(kwargs):
            return self.options, kwargs
        chosen = {name: kwargs.pop(name) for name in self._option_names if name in kwargs}
        return self.options.updated(**chosen), kwargs

    async def _adump(self, args: Any, kwargs: Any) -> dict[str, Any]:
        codec = self.codec
        return await codec.adump_args(args, kwargs) if codec.needs_await else codec.dump_args(args, kwargs)

    def _refuse_stream(self, form: str) -> None:
        if self._is_stream:
            reader = "f.aiterate(...)" if form == "acall" else "f.iterate(...)"
            raise WrongContext(
                problem=f"{self.action} is a stream, which can't be called for one value",
                remedy=f"Read it with {reader}",
            )

    def _require_stream(self, form: str) -> None:
        if not self._is_stream:
            caller = "await f.acall(...)" if form == "aiterate" else "f(...)"
            raise WrongContext(
                problem=f"{self.action} gives one value, it is no stream", remedy=f"Call it with {caller}"
            )
