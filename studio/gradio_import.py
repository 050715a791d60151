"""Import Gradio without its working on the source tree.

Design:
- While it is imported, Gradio looks up the source file of every component class to write interface stubs beside it:
  some 40 % of the import. For a class without a source file it skips that, so the look-up of its own classes is
  answered with "no file" for the length of the import; everything else is looked up as always.
"""

from __future__ import annotations

import inspect
from typing import Any


def import_gradio() -> Any:
    """The `gradio` module."""
    original = inspect.getfile

    def getfile(thing: Any) -> str:
        if inspect.isclass(thing) and thing.__module__.startswith("gradio."):
            raise OSError("no source is looked up while Gradio is imported")
        return original(thing)

    inspect.getfile = getfile  # type: ignore[assignment]  # for the length of the import
    try:
        import gradio
    finally:
        inspect.getfile = original
    return gradio
