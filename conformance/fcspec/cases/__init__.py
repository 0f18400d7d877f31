"""The cases: one file per chapter of SPEC.md. They know the fixture, the specimens and the snapshot, and nothing of reports."""
