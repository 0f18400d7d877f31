"""pytest's items in, Case objects out."""

from fcspec.plugin.items import Needs, clause, needs, unsupported

__all__ = ["Needs", "clause", "needs", "unsupported"]
