"""A report as JUnit XML: a test case for each clause, as GitLab, Jenkins and others read it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from fcspec.report.failure import failure_of
from fcspec.report.model import ClauseResult, Report
from fcspec.report.verdict import Verdict
from fcspec.report.words import clean
from fcspec.spec import Spec

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(report: Report, spec: Spec) -> str:
    suite = ElementTree.Element("testsuite", name="fcspec", time=str(report.run.seconds), timestamp=report.run.started)
    for result in report.clauses:
        chapter, _, _ = result.clause.partition(".")
        case = _add(suite, "testcase", classname=chapter, name=result.clause, time=str(result.seconds))
        _describe(case, result, report, spec)
    for what in filter(None, (report.run.problem, report.run.draft)):
        _add(_add(suite, "testcase", classname="fcspec", name="run"), "error", message=what)
    counts = {
        "tests": "testcase",
        "failures": "testcase/failure",
        "errors": "testcase/error",
        "skipped": "testcase/skipped",
    }
    for key, path in counts.items():
        suite.set(key, str(len(suite.findall(path))))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _describe(case: ElementTree.Element, result: ClauseResult, report: Report, spec: Spec) -> None:
    text = _plain(str(failure_of(result, spec, report.target["address"])))
    if result.verdict is None:
        _add(case, "error", message="not judged")
    elif result.verdict is Verdict.ERROR:
        _add(case, "error", message=f"the suite itself failed: {result.reason}").text = text
    elif result.clause in report.stale:
        how = "it deviates in another way than declared" if result.is_wrong else "the declared deviation is stale"
        _add(case, "failure", message=how).text = text if result.is_wrong else None
    elif result in report.broken:
        _add(case, "failure", message=f"{result.verdict}: {result.reason}").text = text
    elif result.declared is not None:
        _add(case, "skipped", message=f"declared: {result.declared}")
    elif result.verdict is Verdict.UNSUPPORTED:
        _add(case, "skipped", message=f"unsupported: {result.reason}")
    elif result.level == "SHOULD" and result.is_wrong:
        _add(case, "skipped", message=f"SHOULD does not hold: {result.reason}")
    elif result.observed:
        _add(case, "system-out").text = _plain(result.observed)


def _add(parent: ElementTree.Element, tag: str, **attributes: str) -> ElementTree.Element:
    return ElementTree.SubElement(parent, tag, {key: _plain(value) for key, value in attributes.items()})


def _plain(text: str) -> str:
    return _NO_XML.sub("", clean(text))
