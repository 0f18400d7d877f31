"""What forward sees at the names of a group."""


def seen_in_forward(functional_call, group, values, **flags):
    """What forward sees at each name of the group; no flags: tied."""
    found = []
    group.inside(lambda module: found.extend(group.now()))
    functional_call(group.module, values, group.x, **{"tie_weights": True, **flags})
    return found


def are(objects, *expected):
    return [one is other for one, other in zip(objects, expected, strict=True)] == [True] * len(expected)
