"""Mistakes that showed a kind of cost which no line of Python tells: what runs inside one operation of a list or a dict."""

from mutants import mutant
from mutants._changes import Replace

MUTANTS = [
    mutant(
        "modules that were met are looked for in a list",
        ("call.linear",),
        Replace("_Swap.walk", "{id(self.module)}", "[id(self.module)]"),
        Replace("_Swap.walk", "found.add(id(child))", "found.append(id(child))"),
    ),
    mutant(
        "a name that was given before is looked for in a list",
        ("call.linear",),
        Replace("_Swap.take", "name in self.names", "name in [*self.names]"),
    ),
]
