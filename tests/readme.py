"""What README shows of each command: `python tests/readme.py` writes it anew, and takes seconds.

A block of README is the output of the command in the comment above it, or those lines of it that the comment names. Commands that
judge are replayed from the reports in tests/readme/, which `python tests/readme.py --judge` makes by real runs; with --live those
run that can't be replayed (LIVE). `--picture` makes docs/page.png with chromium.
"""

import argparse
import contextlib
import io
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

from fcspec import cli, reproducing, runner
from fcspec.options import Options
from fcspec.report import reading
from fcspec.report.model import ClauseResult, Report
from fcspec.report.shard import Shard
from fcspec.report.words import WIDTH
from fcspec.spec import load_spec

ROOT = Path(__file__).parents[1]
README, PICTURE, FOLDER = ROOT / "README.md", ROOT / "docs" / "page.png", Path(__file__).parent / "readme"
NAMES, CLAUSES = ("draft", "mended"), "restore.*"
LIVE = ("doctor", "explore", "deviations", "targets")
BLOCK = re.compile(
    r"^<!-- output of: (?P<command>fcspec .+?)(?:, lines (?P<lines>[\d, -]+))? -->\n\n````\n(?P<text>.*?)````\n",
    re.MULTILINE | re.DOTALL,
)
CUT = "...\n"
PLACE = "/home/you/project"
"""What stands for the folder in which a command ran."""


# ----------------------------------------------------------------------------------------------------------------------- README


def drawn(text: str, output: Callable[[str], str | None]) -> str:
    """README with every block anew.

    Args:
        output: of a command; None: its block stays as it is.
    """

    def block(found: re.Match[str]) -> str:
        text = output(found["command"])
        if text is None:
            return found[0]
        head = found[0][: found.start("text") - found.start()]
        return f"{head}$ {found['command']}\n{selected(text, found['lines'])}````\n"

    return BLOCK.sub(block, text)


def selected(text: str, lines: str | None) -> str:
    """Lines such as "1-3, 7", with a sign where some are left out; negative ones count from the end, None: all."""
    every = text.splitlines(keepends=True)
    if lines is None:
        return text
    parts, at = [], 0
    for part in lines.split(", "):
        begin, end = map(int, re.fullmatch(r"(-?\d+)-(-?\d+)", part).groups())
        first = begin - 1 if begin > 0 else len(every) + begin
        last = end if end > 0 else len(every) + end + 1
        parts += [CUT] * (first > at) + every[first:last]
        at = last
    return "".join(parts + [CUT] * (at < len(every)))


def normal(text: str) -> str:
    """Without what changes though the command shows the same: seconds, lines of files, what follows a version."""
    text = re.sub(r"\b\d+\.\d s\b", "N s", text)
    return re.sub(r"(\.(?:md|py)):\d+", r"\1:N", text)


# -------------------------------------------------------------------------------------------------------------------- commands


def run(command: str) -> str:
    """What the command prints, in a folder with the files of tests/readme. stderr is not shown."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n") for _ in range(2))
    streams = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
    with in_folder() as folder, streams[0], streams[1], mock.patch.dict(os.environ), contextlib.suppress(SystemExit):
        os.environ["COLUMNS"] = str(WIDTH)  # as in a terminal: wrapped
        cli.main(shlex.split(command)[1:])
    out.seek(0)
    return out.read().replace(folder, PLACE)


def replayed(command: str) -> str:
    """The same, with the recorded reports in place of runs."""
    with (
        mock.patch.object(runner, "run", recorded),
        mock.patch.object(reproducing, "with_reproducers", lambda report, options: report),
    ):
        return run(command)


def judged(command: str) -> str:
    """The same; reports of runs are recorded."""
    judge, reproduce = runner.run, reproducing.with_reproducers

    def record(options: Options, *more: object) -> Report:
        report = smaller(reproduce(judge(options, *more), options))
        text = as_text(report)
        text = text.replace(str(Path.cwd()), PLACE).replace(str(ROOT), "/fcspec")
        path_of(options).write_text(text, encoding="utf-8")
        return report

    with mock.patch.object(runner, "run", record):
        return run(command)


def recorded(options: Options, *more: object) -> Report:
    return reading.report(str(path_of(options)), load_spec())


def path_of(options: Options) -> Path:
    words = [Path(options.address.place).stem, *options.clauses, "brief" if options.brief else ""]
    return FOLDER / f"{'-'.join(filter(None, (re.sub(r'[^a-z]+', '', word) for word in words)))}.json"


def as_text(report: Report) -> str:
    """JSON, a line for each clause, without what says nothing."""
    data = report.as_dict()
    clauses = [
        {**one, "cases": [{key: value for key, value in case.items() if value is not None} for case in one["cases"]]}
        for one in data.pop("clauses")
    ]
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in clauses)
    return f'{json.dumps(data, ensure_ascii=False)[:-1]}, "clauses": [\n{lines}\n]}}\n'


def smaller(report: Report) -> Report:
    """Without what no view shows: the cases of clauses that hold, the texts of all but one case of the others."""
    return replace(report, clauses=tuple(map(_smaller, report.clauses)))


def _smaller(result: ClauseResult) -> ClauseResult:
    shown = result.plainest
    if result.holds:
        return replace(result, cases=())
    cases = tuple(
        one if one == shown else replace(one, message=None, output=None, reason=None, stimulus=None)
        for one in result.cases
    )
    return replace(result, cases=cases)


@contextlib.contextmanager
def in_folder() -> Iterator[str]:
    """A folder with the implementations, draft.json and mended.json, and draft.json in two shards."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        for path in FOLDER.glob("*.py"):
            shutil.copy(path, folder)
        for name in NAMES:
            path = FOLDER / f"{name}-restore.json"
            if path.is_file():
                shutil.copy(path, Path(folder, f"{name}.json"))
        for index in (1, 2):
            _write_shard(Path(folder), index)
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(before)


def _write_shard(folder: Path, index: int) -> None:
    whole = folder / "draft.json"
    if whole.is_file():
        report = reading.report(str(whole), load_spec())
        part = Shard(index, 2, report.run.profiles, (CLAUSES,))
        part_run = replace(report.run, shard=part, seconds=report.run.seconds / 2)
        shard = replace(report, clauses=report.clauses[index - 1 :: 2], run=part_run)
        (folder / f"{index}.json").write_text(json.dumps(shard.as_dict()), encoding="utf-8")


# --------------------------------------------------------------------------------------------------------------------- picture


def picture() -> None:
    """A part of the page of all results, as it looks with a law open."""
    from playwright import sync_api

    browser_file = shutil.which("chromium") or sys.exit("no chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=browser_file, args=flags)
        shown = browser.new_page(viewport={"width": 1000, "height": 720}, color_scheme="light")
        shown.goto((ROOT / "results" / "index.html").as_uri())
        shown.get_by_label("Chapter").select_option("restore")
        shown.locator("tr[id='restore.shared-submodule'] > th").click()
        shown.locator("#clauses").evaluate("e => e.scrollIntoView()")
        shown.screenshot(path=PICTURE)
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", action="store_true", help="make the reports in tests/readme anew")
    parser.add_argument("--live", action="store_true", help=f"also run {', '.join(LIVE)}")
    parser.add_argument("--picture", action="store_true", help="make docs/page.png anew, and nothing else")
    chosen = parser.parse_args()
    if chosen.picture:
        picture()
        return
    for name in NAMES if chosen.judge else ():
        judged(f"fcspec check {name}.py:functional_call --clause '{CLAUSES}'")
    README.write_text(drawn(README.read_text(encoding="utf-8"), sources(chosen.judge, chosen.live)), encoding="utf-8")


def sources(judge: bool = False, live: bool = False) -> Callable[[str], str | None]:
    """Where the output of a command comes from.

    Args:
        judge: reports are recorded, not replayed.
        live: those of LIVE run.
    """

    def output(command: str) -> str | None:
        if command.split()[1] in LIVE:
            return run(command) if live else None
        return judged(command) if judge else replayed(command)

    return output


if __name__ == "__main__":
    main()
