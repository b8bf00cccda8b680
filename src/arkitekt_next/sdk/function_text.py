"""The text of one function, as a hash that tells one version of it from another.

It is taken when the function is declared: what is saved later is not what runs here. A function typed at a prompt has
no text to look at; what it was compiled to stands in, which is the same for the same text and the same Python.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
import textwrap
import tokenize
from collections.abc import Callable
from types import CodeType
from typing import Any

_SHARED = frozenset({"<string>", "<stdin>"})
"""What every text that is executed is called by default. Python 3.13 takes any of them for that of `python -c`."""


def hash_function(function: Callable[..., Any]) -> str | None:
    """Identify a function by its own text, decorators included; None for what is not written in Python.

    The same text gives the same hash at any depth of indentation and with any line ends.
    """
    code = getattr(function, "__code__", None)
    try:
        if isinstance(code, CodeType) and code.co_filename in _SHARED:
            raise OSError("of many texts by this name, only one is remembered")
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError, IndexError, SyntaxError, tokenize.TokenError):
        return _digest(f"{sys.implementation.cache_tag}\n{_compiled(code)}") if isinstance(code, CodeType) else None
    return _digest("\n".join(text.splitlines()))


def _compiled(code: CodeType) -> str:
    """Write a code object without what depends on where it stands."""
    told = (code.co_code.hex(), code.co_names, code.co_varnames, code.co_freevars, code.co_argcount)
    return "\n".join([repr(told), *(_constant(value) for value in code.co_consts)])


def _constant(value: Any) -> str:
    if isinstance(value, CodeType):
        return _compiled(value)
    if isinstance(value, frozenset):
        return repr(sorted(map(_constant, value)))
    return repr(value)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
