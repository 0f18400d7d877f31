"""What forward sees at the names of a group."""

from fcspec.cases.support.comparing import identical


def seen_in_forward(functional_call, group, values, **flags):
    """What forward sees at each name of the group. tie_weights=True unless the flags say otherwise."""
    found = []
    group.in_forward(lambda module: found.extend(group.current()))
    functional_call(group.module, values, group.x, **{"tie_weights": True, **flags})
    return found


def same_objects(objects, *expected):
    """Whether these are the expected objects themselves, one by one."""
    return identical(objects, expected)
