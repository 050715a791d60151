"""Typst, confined: one compiler a process, one small root folder a poster.

Design:
- The root holds the template, the library, the poster's JSON and its pictures, nothing else; Typst cannot read
  outside it, and packages cannot be imported, so nothing is downloaded.
- The same source is read for its geometry (`layout`), set without type (`bare`) and set whole, each time with its
  own JSON file: a text is never part of a source.
- Output is the same bytes for the same input: the PDF's date is fixed.
"""

from __future__ import annotations

import json
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from models.errors import StepFailed
from pipelines.steps.lay_out.fonts import typst_fonts
from pipelines.steps.lay_out.templates import BUNDLED, library_files

Format = Literal["png", "pdf", "svg"]


@lru_cache(maxsize=1)
def _compiler() -> Any:
    import typst

    return typst.Compiler(font_paths=typst_fonts(), ignore_system_fonts=True)


class Typesetter:
    """Sets one poster in a folder of its own."""

    def __init__(self, root: Path, template: Path) -> None:
        self.root = root
        self._pass = 0
        (root / "lib").mkdir(parents=True)
        for file in library_files(BUNDLED):
            shutil.copyfile(file, root / "lib" / file.name)
        shutil.copyfile(template, root / "poster.typ")
        self.name = template.name

    def _run(self, data: dict[str, Any], **options: Any) -> Any:
        import typst

        self._pass += 1
        name = f"data-{self._pass}.json"
        (self.root / name).write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        try:
            return _compiler().compile(
                input=str(self.root / "poster.typ"),
                root=str(self.root),
                sys_inputs={"data": f"/{name}"},
                **options,
            )
        except typst.TypstError as error:
            raise StepFailed(
                f"Template {self.name} could not be set: {_one_line(error)}",
                hint="Correct the template; docs/templates.md says how to try it.",
            ) from error

    def layout(self, data: dict[str, Any]) -> dict[str, Any]:
        """Where everything stands: {"marks": [...], "slots": [...]}, in px."""
        import typst

        self._pass += 1
        name = f"data-{self._pass}.json"
        (self.root / name).write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        try:
            compiler = typst.Compiler(
                input=str(self.root / "poster.typ"),
                root=str(self.root),
                font_paths=typst_fonts(),
                ignore_system_fonts=True,
                sys_inputs={"data": f"/{name}"},
            )
            found = json.loads(compiler.query("<studio>", field="value"))
        except RuntimeError as error:  # what a query raises, and the base of TypstError
            raise StepFailed(
                f"Template {self.name} could not be set: {_one_line(error)}",
                hint="Correct the template; docs/templates.md says how to try it.",
            ) from error
        if len(found) != 1:
            raise StepFailed(f"Template {self.name} does not end in one #poster(...).", hint="See docs/templates.md.")
        return dict(found[0])

    def render(self, data: dict[str, Any], form: Format, *, scale: float = 1.0) -> bytes:
        """The whole poster. `scale` is px of a PNG per px of the poster."""
        options: dict[str, Any] = {"format": form}
        if form == "png":
            options["ppi"] = 72.0 * scale
        if form == "pdf":
            options["timestamp"] = 0
        result = self._run(data, **options)
        if not isinstance(result, bytes):
            raise StepFailed(
                f"Template {self.name} makes more than one page.", hint="Place everything in #poster(...)."
            )
        return result


def _one_line(error: Exception) -> str:
    text = str(getattr(error, "message", "") or error)
    return " ".join(text.split())[:240]
