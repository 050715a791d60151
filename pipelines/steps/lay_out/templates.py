"""Poster templates: finding them, reading their header, choosing one.

Design:
- A template is one `.typ` file whose leading comment block, between two `// ---` lines, is YAML: its metadata. No
  Python is touched to add one. Bundled ones lie in `assets/templates`, a person's own in `<home>/templates`.
- This module imports no Typst: recipes plan with it.
- A template's digest covers the shared library too, so that posters are set again when a designer edits either.
- A header that is wrong is an error that names the file and the field; a template that is left out in silence
  would only be missed in the finished kit.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import BadInput
from models.settings import ASSETS, Settings
from pipelines.steps.vocabulary import Language

Ratio = Literal["portrait", "square", "landscape"]
PictureKind = Literal["photo", "cutout", "none"]
BACKDROPS = Literal["gradient", "mesh", "light_leak", "bokeh", "waves", "paper", "studio_floor"]
Mood = Literal["light", "dark", "vivid"]

BUNDLED = ASSETS / "templates"
_HEADER = re.compile(r"\A(?:\s*//[^\n]*\n)*?\s*// ---\n((?:\s*//[^\n]*\n)+?)\s*// ---\n")
_PACKAGE = re.compile(r"""["']@[\w-]+/""")


class Backdrop(BaseModel):
    """The background a template wants painted when it has no photograph, or behind a cut-out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    style: BACKDROPS
    mood: Mood = "light"


class Header(BaseModel):
    """Metadata of a template, as its author writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{1,40}$")
    title: dict[Language, str]
    tags: tuple[str, ...] = ()  # words of a tone or a trade it suits, in any language
    ratios: tuple[Ratio, ...] = Field(("portrait", "square", "landscape"), min_length=1)
    pictures: tuple[PictureKind, ...] = Field(("photo", "cutout", "none"), min_length=1)  # wanted most first
    backdrop: Backdrop | None = None
    palette: Mood = "light"
    weight: float = Field(1.0, ge=0, le=10)  # how readily it is chosen


class Template(Header):
    """A template that can be used. `sha256` covers its source and the shared library."""

    path: Path
    sha256: str


def _read(path: Path, library: bytes) -> Template:
    import yaml

    source = path.read_bytes()
    where = f"Template {path.name}"
    try:
        text = source.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise BadInput(f"{where} is not UTF-8 text.", hint="Save it as UTF-8.") from None
    found = _HEADER.match(text)
    if found is None:
        raise BadInput(f"{where} has no metadata header.", hint="Start it as docs/templates.md shows.")
    if _PACKAGE.search(text):
        raise BadInput(f"{where} imports a package.", hint="Templates use only lib/; nothing is downloaded.")
    block = "\n".join(line.strip()[2:].removeprefix(" ") for line in found.group(1).splitlines())
    try:
        values = yaml.safe_load(block)
        header = Header.model_validate(values)
    except yaml.YAMLError as error:
        raise BadInput(f"{where}: the header is not YAML ({' '.join(str(error).split())[:160]}).") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "header"
        raise BadInput(f"{where}: {field}: {first['msg']}.", hint="docs/templates.md lists every field.") from None
    return Template(path=path, sha256=hashlib.sha256(source + b"\0" + library).hexdigest(), **header.model_dump())


def library_files(folder: Path) -> list[Path]:
    return sorted((folder / "lib").glob("*.typ")) if (folder / "lib").is_dir() else []


@lru_cache(maxsize=8)
def _load(stamp: tuple[tuple[str, int, int], ...], folders: tuple[Path, ...]) -> tuple[Template, ...]:
    library = b"\0".join(file.read_bytes() for file in library_files(BUNDLED))
    found: dict[str, Template] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.typ")):
            template = _read(path, library)
            if template.name in found and found[template.name].path.parent == folder:
                raise BadInput(f"Two templates in {folder.name} are named {template.name!r}.", hint="Rename one.")
            found[template.name] = template  # a person's own takes the place of a bundled one
    return tuple(found[name] for name in sorted(found))


def templates(*, home: Path | None = None) -> list[Template]:
    """All templates by name; a person's own replace bundled ones of the same name.

    Raises `BadInput` naming the file and field when a header is wrong.
    """
    own = (home or Settings.from_env().home) / "templates"
    folders = tuple(folder for folder in (BUNDLED, own) if folder.is_dir())
    files = [f for folder in folders for f in sorted(folder.glob("*.typ"))] + library_files(BUNDLED)
    stamp = tuple((str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in files)
    return list(_load(stamp, folders))


def template_named(name: str, *, home: Path | None = None) -> Template:
    """The template a brief asks for by name."""
    known = templates(home=home)
    for template in known:
        if template.name == name:
            return template
    raise BadInput(f"There is no poster template {name!r}.", hint="Known: " + ", ".join(t.name for t in known))


def choose_template(
    *,
    tone: str,
    channel_ratio: Ratio,
    index: int,
    has_photo: bool,
    cutout_quality: Literal["good", "poor", "none"] = "none",
    taken: frozenset[str] | set[str] = frozenset(),
    language: Language = "zh",
    seed: int = 0,
    home: Path | None = None,
) -> Template:
    """The template for one poster.

    A template scores by its weight, by how many of its tags the tone contains and by how well it uses the pictures
    there are. One whose name is in `taken` (posters of the same kit so far) comes only when no other suits, so a
    kit shows different styles; `index` (of the audience) and `seed` shuffle what scores alike.
    """
    there: set[str] = {"none"}
    if has_photo:
        there.add("photo")
    if cutout_quality == "good":
        there.add("cutout")
    mood = tone.casefold()

    def score(template: Template) -> float:
        suits = sum(1.0 for tag in template.tags if tag.casefold() in mood)
        wanted = next((place for place, kind in enumerate(template.pictures) if kind in there), 3)
        dice = hashlib.sha256(f"{seed}/{index}/{channel_ratio}/{language}/{template.name}".encode()).digest()
        chance = int.from_bytes(dice[:4], "big") / 2**32
        fresh = 0.0 if template.name in taken else 10.0
        return fresh + template.weight * (1.0 + min(suits, 3.0)) - 1.2 * wanted + 1.6 * chance

    usable = [t for t in templates(home=home) if channel_ratio in t.ratios and there & set(t.pictures)]
    if not usable:
        raise BadInput(f"No poster template works for {channel_ratio} posters with these pictures.")
    return max(usable, key=lambda t: (score(t), t.name))
