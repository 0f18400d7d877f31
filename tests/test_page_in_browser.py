"""The page in a real browser. Skipped where there is none: tox run -e browser, with Debian's chromium."""

import re
import shutil
import time

import pytest
from fcspec.report import page
from fcspec.spec import load_spec
from reports import SCRIPT, SPEC, mine, other
from test_compare import big

sync_api = pytest.importorskip("playwright.sync_api")
ALL = {clause.slug for clause in SPEC.clauses}
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="no chromium: apt-get install chromium"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    (folder / "two.html").write_text(page.document([mine(), other()], SPEC), encoding="utf-8")
    (folder / "one.html").write_text(page.document([mine()], SPEC), encoding="utf-8")
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


def clauses(shown):
    """The clauses that are seen."""
    return [one.get_attribute("id") for one in shown.locator("tr.clause:visible").all()]


def details(shown):
    return [one.get_attribute("id").removeprefix("detail:") for one in shown.locator("tr.detail:visible").all()]


def test_every_clause_is_shown_first_and_no_detail(visit):
    shown = visit()

    assert clauses(shown) == [clause.slug for clause in SPEC.clauses]
    assert details(shown) == []


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda form: form.get_by_label("SHOULD").uncheck(), ALL - {"tie.conflict"}),
        (lambda form: form.get_by_label("Chapter").select_option("tie"), {"tie.large-group", "tie.conflict", "tie.later"}),
        (lambda form: form.get_by_label("Profile").select_option("transforms"), {"tie.later"}),
        (lambda form: form.get_by_label("Verdict").select_option("crash"), {"tie.large-group"}),
        (lambda form: form.get_by_label("Verdict").select_option("not judged"), {"tie.conflict"}),
        (lambda form: form.get_by_label("Text").fill("LARGE"), {"tie.large-group"}),
        (lambda form: form.get_by_label("Text").fill("alert('x')"), {"call.once", "call.free", "tie.conflict"}),
        (lambda form: form.get_by_label("Where they differ").check(), {"call.once", "call.free", "tie.large-group"}),
    ],
)  # fmt: skip
def test_filters(visit, change, left):
    shown = visit()
    form = shown.locator("form")

    change(form)

    assert set(clauses(shown)) == left
    assert shown.get_by_role("status").inner_text() == f"{len(left)} of 6 clauses"
    form.get_by_role("button", name="Show all").click()
    shown.wait_for_function("document.querySelector('#count').textContent === '6 of 6 clauses'")


def test_a_chapter_without_a_match_is_hidden(visit):
    shown = visit()

    shown.get_by_label("Chapter").select_option("tie")

    assert shown.locator("tr.chapter:visible").all_inner_texts()[0].startswith("tie")
    assert shown.locator("tr.chapter:visible").count() == 1


def test_chapters_fold(visit):
    shown = visit()
    button = shown.get_by_role("button", name="call", exact=True)

    button.click()

    assert button.get_attribute("aria-expanded") == "false"
    assert clauses(shown) == ["tie.large-group", "tie.conflict", "tie.later"]
    shown.get_by_role("button", name="Fold chapters").click()
    assert clauses(shown) == []
    shown.get_by_role("button", name="Unfold chapters").click()
    assert len(clauses(shown)) == 6


def test_what_a_filter_finds_in_a_folded_chapter_is_shown(visit):
    shown = visit()
    shown.get_by_role("button", name="Fold chapters").click()

    shown.get_by_label("Text").fill("large-group")

    assert clauses(shown) == ["tie.large-group"]


def test_a_click_on_a_cell_shows_what_is_true_of_its_implementation(visit):
    shown = visit()
    cells = shown.locator("tr[id='call.free'] > td")

    cells.nth(0).click()

    detail = shown.locator("tr[id='detail:call.free']")
    assert "The text of an error is free." in detail.inner_text()
    assert 'documentation, "as before"' in detail.inner_text()
    assert "accepted <script>alert('x')</script> \"quoted\" & red" in detail.inner_text()
    assert "refused" not in detail.inner_text()
    cells.nth(1).click()
    assert "refused" in detail.inner_text()
    assert "accepted" not in detail.inner_text()
    cells.nth(1).click()
    assert details(shown) == []


def test_a_script_is_copied(visit):
    shown = visit(permissions=["clipboard-read", "clipboard-write"])
    shown.locator("tr[id='tie.large-group'] > td").first.click()
    section = shown.locator("tr[id='detail:tie.large-group'] section").first

    section.get_by_role("button", name="Copy").click()

    section.get_by_role("button", name="Copied").wait_for()
    assert shown.evaluate("navigator.clipboard.readText()") == SCRIPT


def test_a_script_is_selected_where_copying_is_not_allowed(visit):
    shown = visit()
    shown.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    shown.locator("tr[id='tie.large-group'] > td").first.click()

    shown.get_by_role("button", name="Copy").first.click()

    shown.get_by_role("button", name="Press Ctrl+C").wait_for()
    assert shown.evaluate("getSelection().toString()").strip() == SCRIPT.strip()


def test_the_keyboard_reaches_everything(visit):
    shown = visit()
    shown.get_by_role("button", name="Show all").focus()
    shown.keyboard.press("Tab")  # the region that scrolls
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.textContent") == "call"

    shown.keyboard.press("Enter")
    assert clauses(shown)[0] == "tie.large-group"
    shown.keyboard.press("Enter")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "Enter"):
        shown.keyboard.press(key)

    assert details(shown) == ["call.once"]
    assert shown.evaluate("document.activeElement.cellIndex") == 2
    shown.keyboard.press("Home")
    shown.keyboard.press("Enter")
    assert "fail: mine" in shown.locator("tr[id='detail:call.once']").inner_text()
    assert shown.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    shown.keyboard.press("Escape")
    assert details(shown) == []
    assert shown.evaluate("document.activeElement.textContent") == "call.once"


def test_tab_enters_the_table_once(visit):
    shown = visit()

    assert shown.locator("#matrix [tabindex='0']:not(pre)").count() == 1


@pytest.mark.parametrize("name", ["one.html", "two.html"])
def test_a_deep_link_opens_its_clause(visit, name):
    shown = visit(f"{name}#tie.large-group")

    assert details(shown) == ["tie.large-group"]
    shown.wait_for_function("document.activeElement.textContent === 'tie.large-group'")
    assert shown.locator("tr[id='tie.large-group']").evaluate("e => e.getBoundingClientRect().top < innerHeight")


def test_a_deep_link_opens_a_folded_chapter_and_lifts_filters(visit):
    shown = visit()
    shown.get_by_label("Chapter").select_option("tie")
    shown.get_by_role("button", name="Fold chapters").click()

    shown.evaluate("location.hash = '#call.once'")

    shown.wait_for_function("document.querySelector('#count').textContent === '6 of 6 clauses'")
    assert details(shown) == ["call.once"]


def test_an_open_clause_is_in_the_address(visit):
    shown = visit()

    shown.locator("tr[id='call.once'] > td").first.click()

    assert shown.url.endswith("#call.once")


def test_without_javascript_everything_is_unfolded(visit):
    shown = visit(java_script_enabled=False)

    assert len(details(shown)) == 6
    assert shown.locator("form").is_hidden()
    assert shown.get_by_text("signal 11").is_visible()


def test_the_header_stays_when_the_table_is_scrolled(visit):
    shown = visit("two.html#tie.later", viewport={"width": 500, "height": 300})

    header = shown.locator("#matrix thead th").nth(1).bounding_box()
    region = shown.locator(".tall").bounding_box()

    assert shown.locator(".tall").evaluate("e => e.scrollTop") > 0
    assert abs(header["y"] - region["y"]) < 3


@pytest.mark.parametrize("width", [360, 400, 1400])
def test_the_page_itself_never_scrolls_sideways(visit, width):
    shown = visit("two.html#call.once", viewport={"width": width, "height": 800})

    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_details_fit_a_phone(visit):
    shown = visit("one.html", viewport={"width": 360, "height": 800}, java_script_enabled=False)

    assert shown.locator(".tall").bounding_box()["width"] > 300
    for law in shown.locator(".law").all():
        box = law.bounding_box()
        assert box["x"] + box["width"] <= 360


def _luminance(color):
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_schemes_have_contrast(visit, scheme):
    shown = visit(color_scheme=scheme)

    page_is = _luminance(shown.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert (page_is > 0.5) is (scheme == "light")
    for selector in ("#matrix .fail", "#matrix .crash", "#matrix .pass", "small", "td.bad"):
        text = _luminance(shown.locator(selector).first.evaluate("e => getComputedStyle(e).color"))
        bright, dark = max(text, page_is), min(text, page_is)
        assert (bright + 0.05) / (dark + 0.05) > 4.5, selector


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["one.html", "two.html"])
@pytest.mark.parametrize("width", [400, 1400])
def test_axe_finds_nothing(visit, name, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    shown = visit(name, color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True)
    for row in shown.locator("tr.clause > th").all():
        row.click()

    found = axe.Axe().run(shown).response["violations"]

    assert [(one["id"], one["nodes"][0]["html"][:100]) for one in found] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_print_has_no_filters_and_cuts_no_table(visit, scheme):
    shown = visit("two.html#call.once", viewport={"width": 720, "height": 1000}, color_scheme=scheme)

    shown.emulate_media(media="print")

    assert shown.locator("form").is_hidden()
    assert shown.locator(".tall").evaluate("e => e.scrollHeight <= e.clientHeight + 1")
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert _luminance(shown.evaluate("getComputedStyle(document.body).backgroundColor")) > 0.9
    assert details(shown) == ["call.once"]


def test_twenty_implementations_open_in_under_a_second(visit, files):
    spec = load_spec()
    (files / "big.html").write_text(page.document([big(number, spec) for number in range(20)], spec), encoding="utf-8")
    visit()  # the browser has started

    started = time.perf_counter()
    shown = visit("big.html")
    shown.locator("tr[id='tie.large-group']").wait_for(state="attached")
    seconds = shown.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000

    assert seconds < 1, f"{time.perf_counter() - started:.2f} s in all"
