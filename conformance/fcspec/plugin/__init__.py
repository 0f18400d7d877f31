"""pytest's items in, Case objects out."""

from fcspec.plugin.items import clause, unsupported

__all__ = ["clause", "unsupported"]
