"""Reading JUnit XML as pytest and its kin write it. The files come from a stranger's code: entities are refused."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from xml.etree import ElementTree
from xml.parsers import expat


class Result(StrEnum):
    """How a test ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Case:
    """One test: its name as people call it, the file it stands in where known, how it ended and in how long."""

    name: str
    file: str
    result: Result
    seconds: float
    message: str = ""


class ReportError(ValueError):
    """The file is not JUnit XML; the message says why."""


def cases(content: bytes) -> list[Case]:
    """All tests of a report. Raises ReportError."""
    root = _parsed(content)
    if root.tag not in ("testsuites", "testsuite"):
        raise ReportError(f"the root element is <{root.tag}>, not <testsuites> or <testsuite>")
    return [_case(element) for element in root.iter("testcase")]


def _parsed(content: bytes) -> ElementTree.Element:
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise ReportError("it declares entities or a document type")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = lambda name, attributes: builder.start(name, attributes)
    parser.EndElementHandler = lambda name: builder.end(name)
    parser.CharacterDataHandler = lambda data: builder.data(data)
    try:
        parser.Parse(content, True)
        return builder.close()
    except (expat.ExpatError, AssertionError) as error:
        raise ReportError(f"it is not XML: {error}") from None


def _case(element: ElementTree.Element) -> Case:
    result, message = Result.PASSED, ""
    for child in element:
        if child.tag in ("failure", "error"):
            result, message = Result.FAILED, child.get("message") or _last_line(child.text or "")
            break
        if child.tag == "skipped":
            result, message = Result.SKIPPED, child.get("message", "")
    place, name = element.get("classname", ""), element.get("name", "")
    file = element.get("file", "") or (f"{place.replace('.', '/')}.py" if place else "")
    return Case(f"{place}::{name}" if place else name, file, result, _seconds(element.get("time", "0")), message[:2000])


def _last_line(text: str) -> str:
    return next(iter(reversed(text.strip().splitlines())), "")


def _seconds(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return 0.0


def by_file(found: Iterable[Case]) -> dict[str, float]:
    """The seconds that each file's tests took together."""
    seconds: dict[str, float] = {}
    for case in found:
        seconds[case.file] = seconds.get(case.file, 0.0) + case.seconds
    return seconds
