"""The part of XPath that `xml.etree` knows, over a column of XML texts. Each distinct text is read once.

No document type is fetched, no external entity resolved; the parser (Expat) bounds what inner entities may grow to.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa

from ..planner.records import dataclass
from .arrow import array_from, call
from .strings import Mask
from .values import texts_from

LAST = re.compile(r"(?P<elements>.*?)/?(?:@(?P<attribute>[^/\[\]@]+)|(?P<text>text\(\)))", re.S)


class BadPath(ValueError):
    """What is wrong with a path."""


@dataclass(frozen=True, slots=True)
class Path:
    """`elements` as `findall` takes it below a root above the document's root ("" for that root itself)."""

    elements: str
    attribute: str = ""
    own_text: bool = False  # text(): only what stands before the first child


def parse(path: str) -> Path:
    found = LAST.fullmatch(path)
    elements = found["elements"] if found else path
    if elements.endswith("/"):  # //@a: of any element
        elements += "/*" if elements == "/" else "*"
    if not elements:
        raise BadPath(
            "the path names no element"
            if found is None or path.startswith(("@", "text"))
            else "the document has no such part"
        )
    below = "." + elements if elements.startswith("/") else "./" + elements
    probe = ElementTree.Element("probe")
    try:
        probe.findall(below)
    except SyntaxError as why:
        raise BadPath(f"cannot read the path: {why.msg}") from None
    except (KeyError, TypeError, StopIteration):
        raise BadPath("cannot read the path") from None
    return Path(below, found["attribute"] or "" if found else "", bool(found and found["text"]))


def first(xml: pa.Array[Any], path: Path) -> tuple[pa.Array[Any], Mask]:
    """The text of each document's first hit, null where there is none; and which texts are no XML."""
    coded: Any = call("dictionary_encode", xml)
    made: list[str | None] = []
    bad: list[bool] = []
    for text in coded.dictionary.to_pylist():
        try:
            made.append(_hit(text, path))
            bad.append(False)
        except (ElementTree.ParseError, ValueError):
            made.append(None)
            bad.append(True)
    codes = np.asarray(call("fill_null", coded.indices, len(made)))
    return texts_from([*made, None]).take(array_from(codes)), np.array([*bad, False], np.bool_)[codes]


def _hit(text: str, path: Path) -> str | None:
    top = ElementTree.Element("")
    top.append(ElementTree.fromstring(text))
    for element in top.findall(path.elements):
        if path.attribute:
            if (value := element.get(path.attribute)) is not None:
                return value
        elif not path.own_text:
            return "".join(element.itertext())
        elif element.text:
            return element.text
    return None
