"""The page in a real browser: without JavaScript, on a phone, on paper, light and dark; for everybody, and fast."""

import re

import pytest
from fcspec.report import page
from fcspec.spec import load_spec
from seen import details
from test_compare import big


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


@pytest.mark.parametrize("name", ["two.html#call.once", "results.html#tie.conflict"])
@pytest.mark.parametrize("width", [360, 400, 1400])
def test_the_page_itself_never_scrolls_sideways(visit, width, name):
    shown = visit(name, viewport={"width": width, "height": 800})

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

    seconds = min(_seconds(visit("big.html")) for _ in range(5))

    assert seconds < 1


def test_the_page_of_results_opens_in_under_a_second(visit):
    visit()

    assert min(_seconds(visit("results.html")) for _ in range(5)) < 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_plots_are_seen(visit, scheme):
    shown = visit("results.html", color_scheme=scheme)

    ground = _luminance(shown.evaluate("getComputedStyle(document.body).backgroundColor"))
    for selector in (".plot text", ".plot .must", ".plot .should", ".plot .mark"):
        ink = _luminance(shown.locator(selector).first.evaluate("e => getComputedStyle(e).fill"))
        bright, dark = max(ink, ground), min(ink, ground)
        assert (bright + 0.05) / (dark + 0.05) > 4.5, selector


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_page_of_results(visit, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    shown = visit("results.html#tie.conflict", color_scheme=scheme, bypass_csp=True)
    shown.get_by_label("Chapter").select_option("tie")

    found = axe.Axe().run(shown).response["violations"]

    assert [(one["id"], one["nodes"][0]["html"][:100]) for one in found] == []


def _seconds(shown):
    return shown.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000
