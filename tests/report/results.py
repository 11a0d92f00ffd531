# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""Test results of every kind in one form, kept as JUnit XML files."""

import dataclasses
import re
import xml.etree.ElementTree as ElementTree

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclasses.dataclass
class TestResult:
    suite: str
    name: str
    outcome: str
    message: str = ""


def _printable(text):
    """XML 1.0 has no way to write most control characters, escaped or not."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd]", "?", text)


def write_junit(path, results):
    root = ElementTree.Element("testsuites")
    for result in results:
        case = ElementTree.SubElement(root, "testcase", classname=result.suite, name=_printable(result.name))
        if result.outcome != PASSED:
            kind = "failure" if result.outcome == FAILED else "skipped"
            ElementTree.SubElement(case, kind, message=_printable(result.message))
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def read_junit(path):
    """What write_junit writes and what GoogleTest writes with --gtest_output=xml: that may contain any byte of a message."""
    results = []
    text = _printable(path.read_bytes().decode(errors="replace"))
    for case in ElementTree.fromstring(text.encode()).iter("testcase"):
        failure, skipped = case.find("failure"), case.find("skipped")
        found = failure if failure is not None else skipped
        outcome = FAILED if failure is not None else SKIPPED if skipped is not None else PASSED
        if case.get("status") == "notrun":
            continue  # GoogleTest: disabled or filtered out
        message = (found.get("message") or found.text or "") if found is not None else ""
        results.append(TestResult(case.get("classname", ""), case.get("name", ""), outcome, message))
    return results
