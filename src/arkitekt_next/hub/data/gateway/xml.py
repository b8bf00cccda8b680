"""XML as S3 speaks it: small documents in, small documents out. The rule: no document type, so no entities, is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from .answers import S3Error

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_DEPTH = 8
_ELEMENTS = 50_000
Node = tuple[str, "str | Iterable[Node]"]


def parse(text: bytes, root: str) -> Element:
    """Read a document whose outermost element is `root`; namespaces are left out. Raises `S3Error`."""
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    depth = count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > _DEPTH or count > _ELEMENTS:
            raise _malformed(f"at most {_ELEMENTS} elements, {_DEPTH} deep")
        builder.start(name.rpartition("}")[2], {})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name.rpartition("}")[2])

    def refuse(*_: object) -> int:
        raise _malformed("no document type and no entities")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(text, True)
        found = builder.close()
    except (expat.ExpatError, ValueError, AssertionError) as error:
        raise _malformed(f"well-formed XML: {error}") from None
    if found.tag != root:
        raise _malformed(f"<{root}>, got <{found.tag[:64]}>")
    return found


def write(root: str, nodes: Iterable[Node]) -> bytes:
    """Write a document."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{element(root, nodes)}'.encode()


def element(root: str, nodes: Iterable[Node]) -> str:
    """Write the outermost element alone."""
    return f'<{root} xmlns="{NAMESPACE}">{"".join(_written(nodes))}</{root}>'


def _written(nodes: Iterable[Node]) -> Iterator[str]:
    for name, inside in nodes:
        text = escape(inside) if isinstance(inside, str) else "".join(_written(inside))
        yield f"<{name}>{text}</{name}>"


def _malformed(expected: str) -> S3Error:
    return S3Error("MalformedXML", f"expected {expected}")
