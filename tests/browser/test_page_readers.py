"""The page in a real browser: what its readers do."""

import pytest
from reports import SCRIPT, SPEC
from seen import clauses, details

ALL = {clause.slug for clause in SPEC.clauses}


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


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("name", ["two.html#tie.later", "results.html#call.once"])
def test_a_clause_that_a_link_opens_is_below_the_header(visit, name, width):
    shown = visit(name, viewport={"width": width, "height": 500})
    slug = name.partition("#")[2]

    shown.wait_for_function(f"document.activeElement.textContent === '{slug}'")
    shown.wait_for_timeout(200)  # the page follows the link once more when it has been loaded

    places = "#matrix > thead th:first-child", f"tr[id='{slug}']"
    header, row = (shown.locator(one).bounding_box() for one in places)
    assert row["y"] >= header["y"] + header["height"] - 2
    assert row["y"] + row["height"] <= 500


def test_an_arrow_key_brings_a_cell_out_from_below_the_headers(visit):
    shown = visit("results.html#tie.conflict", viewport={"width": 400, "height": 500})
    shown.wait_for_function("document.activeElement.textContent === 'tie.conflict'")

    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft", *["ArrowUp"] * 12):
        shown.keyboard.press(key)

    cell = shown.evaluate("(({x, y}) => ({x, y}))(document.activeElement.getBoundingClientRect())")
    corner = shown.locator("#matrix > thead th").first.bounding_box()
    assert cell["x"] >= corner["x"] + corner["width"] - 2
    assert cell["y"] >= corner["y"] + corner["height"] - 2


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
