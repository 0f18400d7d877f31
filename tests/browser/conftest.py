"""A browser for tests of the page. They are skipped where there is none: tox run -e browser, with Debian's chromium."""

import shutil

import pytest
import results_page
from fcspec.report import page
from reports import SPEC, mine, other

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
"""As root, without a screen, and without a request to anybody."""

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    if BROWSER is None:
        pytest.skip("no chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    (folder / "two.html").write_text(page.document([mine(), other()], SPEC), encoding="utf-8")
    (folder / "one.html").write_text(page.document([mine()], SPEC), encoding="utf-8")
    (folder / "results.html").write_bytes((results_page.FOLDER / "index.html").read_bytes())
    return folder


@pytest.fixture
def visit(browser, files):
    """Opens a page; the test fails where the console shows an error, or a script of a target runs."""
    contexts, errors = [], []

    def open_page(name="two.html", **options):
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **options})
        contexts.append(context)
        shown = context.new_page()
        shown.on("console", lambda message: errors.append(message.text))
        shown.on("pageerror", lambda error: errors.append(str(error)))
        shown.on("dialog", lambda dialog: (errors.append(dialog.message), dialog.dismiss()))
        shown.goto(f"file://{files}/{name}")
        return shown

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
