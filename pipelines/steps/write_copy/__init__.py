"""Copy for one audience (`write_copy`), the deck people read (`deck`), the report on a whole set (`check_copy`)."""

from pipelines.steps.write_copy.steps import check_copy, deck, write_copy

__all__ = ["check_copy", "deck", "write_copy"]
