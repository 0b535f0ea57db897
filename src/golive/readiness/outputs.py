"""A run's results for machines: JSON, JUnit and SARIF."""

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import orjson

from golive import __version__


def as_json(project: str, documents: Sequence[Mapping[str, Any]], problems: Sequence[str], code: int) -> bytes:
    """The whole run."""
    return orjson.dumps(
        {"project": project, "exit": code, "problems": list(problems), "items": list(documents)},
        option=orjson.OPT_INDENT_2,
    )


def as_junit(project: str, documents: Sequence[Mapping[str, Any]]) -> bytes:
    """One test case an item: fail is a failure, unknown an error, so that neither is ever green."""
    suite = Element("testsuite", name=f"golive check {project}", tests=str(len(documents)))
    counts = {"fail": 0, "unknown": 0}
    for document in documents:
        case = SubElement(suite, "testcase", classname=f"readiness.{document['place']}", name=document["item"])
        verdict = document["verdict"]
        if verdict == "pass":
            continue
        counts[verdict] += 1
        bad = SubElement(case, "failure" if verdict == "fail" else "error", message=_clean(document["reason"]))
        told = [*document["findings"], *document["doubts"]]
        bad.text = _clean("\n".join(f"{one['subject']}: {one['text']}" for one in told))
    suite.set("failures", str(counts["fail"]))
    suite.set("errors", str(counts["unknown"]))
    indent(suite)
    made: bytes = tostring(suite, encoding="utf-8", xml_declaration=True)
    return made


def _clean(text: str) -> str:
    """XML has no control characters."""
    return "".join(character for character in text if character >= " " or character in "\n\t")


def as_sarif(documents: Sequence[Mapping[str, Any]]) -> bytes:
    """Findings as SARIF 2.1.0; those in files with file and line. Unknown items are notes of level "warning"."""
    rules = [{"id": document["item"], "shortDescription": {"text": document["title"]}} for document in documents]
    results = []
    for document in documents:
        for finding in document["findings"]:
            if finding["subject"] not in document["waived"]:
                results.append(_result(document["item"], "error", finding))
        results += [_result(document["item"], "warning", doubt) for doubt in document["doubts"]]
    driver = {"name": "golive check", "version": __version__, "rules": rules}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return orjson.dumps(log, option=orjson.OPT_INDENT_2)


def _result(item: str, level: str, one: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"ruleId": item, "level": level, "message": {"text": f"{one['subject']}: {one['text']}"}}
    file, _, line = str(one.get("place", "")).rpartition(":")
    if file and line.isdigit():
        region = {"startLine": max(1, int(line))}
        made["locations"] = [{"physicalLocation": {"artifactLocation": {"uri": file}, "region": region}}]
    return made
