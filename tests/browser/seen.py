"""What a reader of the page sees."""


def clauses(shown):
    """The clauses that are seen."""
    return [one.get_attribute("id") for one in shown.locator("tr.clause:visible").all()]


def details(shown):
    return [one.get_attribute("id").removeprefix("detail:") for one in shown.locator("tr.detail:visible").all()]
