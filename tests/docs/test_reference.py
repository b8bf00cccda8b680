"""The reference mentions everything there is. The lists come from the code, the pages from a script."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from arkitekt_next.cli.commands import PROGRAM, cli
from arkitekt_next.errors import CODES
from arkitekt_next.hub.core.config import PREFIX, HubSettings
from arkitekt_next.wire.messages import FROM_CLIENT, FROM_HUB
from tests.docs.pages import DOCS

REFERENCE = DOCS / "reference"


@pytest.fixture(scope="module")
def reference() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in sorted(REFERENCE.glob("*.md")))


def mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


def every_command(group: click.Group, path: str) -> Iterator[str]:
    """Give the full names of all commands that are shown."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if command.hidden:
            continue
        yield f"{path} {name}"
        if isinstance(command, click.Group):
            yield from every_command(command, f"{path} {name}")


def test_every_setting_is_in_the_reference(reference: str) -> None:
    wanted = [name for field in HubSettings.model_fields for name in (field, f"{PREFIX}{field.upper()}")]
    assert [name for name in wanted if not mentions(reference, name)] == []


def test_every_error_code_is_in_the_reference(reference: str) -> None:
    assert [code for code in sorted(CODES) if not mentions(reference, code)] == []


def test_every_command_is_in_the_reference(reference: str) -> None:
    commands = list(every_command(cli, PROGRAM))
    assert f"{PROGRAM} run dev" in commands
    assert [name for name in commands if not mentions(reference, name)] == []


@pytest.mark.requirement("wire.pinned")
def test_every_message_is_in_the_protocol_page() -> None:
    text = (REFERENCE / "protocol.md").read_text(encoding="utf-8")
    kinds = {message.model_fields["kind"].default for message in (*FROM_CLIENT, *FROM_HUB)}
    assert [kind for kind in sorted(kinds) if not mentions(text, kind)] == []
