"""Importing the app of a folder, and saying what is wrong with it in the user's own lines.

It runs no start-up hooks: importing only declares. The rule: whatever a user's module raises becomes one
`DeclarationError` whose `trace` shows only frames of the user's files.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from arkitekt_next.cli.project import Project, require_source
from arkitekt_next.errors import ArkitektError, DeclarationError

if TYPE_CHECKING:
    from arkitekt_next.ports import Definition
    from arkitekt_next.sdk.app import App

APP = "ARKITEKT_APP"


@dataclass(frozen=True, slots=True)
class LoadedApp:
    """An imported app and what it declares."""

    project: Project
    app: App

    @property
    def definitions(self) -> dict[str, Definition]:
        """Give what it would publish, by name without the app, in the order of declaration."""
        return {name: found.blueprint.definition for name, found in self.app.registrations.functions.items()}


def load_app(project: Project) -> LoadedApp:
    """Import the app; raise `DeclarationError` when that fails, `NotFound` when there is nothing to import."""
    require_source(project)
    module = import_module(project)
    return LoadedApp(project, pick_app(module, project))


def import_module(project: Project) -> ModuleType:
    """Import the module of a project, with its folder first on the path."""
    for root in reversed(project.roots):
        if str(root) not in sys.path:
            sys.path.insert(0, str(root))
    os.environ.setdefault(APP, project.identifier)
    try:
        return importlib.import_module(project.module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise broken(error, project) from error


def broken(error: BaseException, project: Project) -> DeclarationError:
    """Describe why an app can't be imported: a sentence, where, and the trace in the user's files."""
    trace = trace_of(error, project.folder)
    if isinstance(error, ArkitektError):
        return DeclarationError(error.message, trace=trace, **error.fields)
    text = str(error.msg) if isinstance(error, SyntaxError) else str(error)
    problem = f"{type(error).__name__}: {text}" if text else type(error).__name__
    where, remedy = _where(error, project) or f"{project.module}.py", _remedy(error)
    message = f"{where}: the app can't be imported: {problem}"
    return DeclarationError(
        f"{message}. {remedy}" if remedy else message, where=where, problem=problem, remedy=remedy, trace=trace
    )


def _remedy(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"Install {error.name.partition('.')[0]} into the environment of {sys.executable}"
    if isinstance(error, SystemExit):
        return "A module of an app must not leave the program when it is imported"
    return ""


def _where(error: BaseException, project: Project) -> str | None:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_relative(error.filename, project.folder)}:{error.lineno}"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if is_own(frame.filename, project.folder)]
    return f"{_relative(own[-1].filename, project.folder)}:{own[-1].lineno}" if own else None


def _relative(name: str, folder: Path) -> str:
    try:
        return str(Path(name).resolve().relative_to(folder))
    except ValueError:
        return name


def is_own(filename: str, folder: Path) -> bool:
    """Say whether a file is the user's: inside the folder, and not in an environment that lies there."""
    if filename.startswith("<"):
        return False
    try:
        inside = Path(filename).resolve().relative_to(folder)
    except (ValueError, OSError):
        return False
    return not any(part in ("site-packages", "dist-packages") or part.startswith(".") for part in inside.parts)


def trace_of(error: BaseException, folder: Path) -> str:
    """Write a traceback with only the user's frames, the chain of causes included."""
    described = traceback.TracebackException.from_exception(error)
    _trim(described, folder, set())
    return "".join(described.format()).rstrip()


def _trim(described: traceback.TracebackException, folder: Path, seen: set[int]) -> None:
    if id(described) in seen:
        return
    seen.add(id(described))
    own = [frame for frame in described.stack if is_own(frame.filename, folder)]
    described.stack = traceback.StackSummary.from_list(own)
    for other in (described.__cause__, described.__context__):
        if other is not None:
            _trim(other, folder, seen)


def pick_app(module: ModuleType, project: Project) -> App:
    """Give the app of a module: the one `App` in it, the one called `app`, or the one global functions belong to."""
    from arkitekt_next.sdk.app import App
    from arkitekt_next.sdk.current import default_app

    named = {name: value for name, value in vars(module).items() if isinstance(value, App)}
    found = {id(value): value for value in named.values()}
    if not found:
        return default_app()
    if len(found) == 1:
        return next(iter(found.values()))
    if "app" in named:
        return named["app"]
    raise DeclarationError(
        where=f"{project.module}.py",
        problem=f"it holds several apps: {', '.join(sorted(named))}",
        remedy="Call the one to run `app`",
    )


@contextmanager
def collecting_problems() -> Iterator[list[DeclarationError]]:
    """Note what `register` refuses instead of raising it, so that one import shows everything that is wrong."""
    from arkitekt_next.sdk.app import App

    problems: list[DeclarationError] = []
    plain = App.register

    def register(self: App, function: Any = None, /, **options: Any) -> Any:
        if function is None:
            return lambda decorated: register(self, decorated, **options)
        try:
            return plain(self, **options)(function) if options else plain(self, function)
        except DeclarationError as refused:
            problems.append(refused)
            return function

    App.register = register  # type: ignore[method-assign]
    try:
        yield problems
    finally:
        App.register = plain  # type: ignore[method-assign]
