"""An import that fails."""

raise RuntimeError("this module wants a GPU")
