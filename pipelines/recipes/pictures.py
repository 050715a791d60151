"""Pictures that people give: checked before anything is planned.

Design:
- The check decodes the whole file once, in a fraction of a second, so that a truncated photograph is refused
  with its field named instead of failing minutes later in a step.
- Limits are those that the steps can keep: formats with an open decoder, a side of 64 to 10,000 px, 60 MP.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from pipelines.recipes.fields import BadBrief, bad_brief

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF")
MIN_SIDE, MAX_SIDE = 64, 10_000  # px
MAX_PIXELS = 60_000_000
MAX_BYTES = 60 * 1024 * 1024


def check_picture(path: Path, *, field: str) -> tuple[int, int]:
    """Size (width, height) in px of a usable picture. Raises `BadBrief` naming `field`."""
    from PIL import Image, UnidentifiedImageError

    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            mib = MAX_BYTES // 2**20
            raise bad_brief(field, f"文件超过 {mib} MiB", f"is larger than {mib} MiB")
        with warnings.catch_warnings(), Image.open(path, formats=FORMATS) as image:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            width, height = image.size
            _check_size(width, height, field)
            image.load()
    except BadBrief:
        raise
    except UnidentifiedImageError:
        names = ", ".join(FORMATS)
        raise bad_brief(field, f"不是图片（支持 {names}）", f"is not a picture ({names})") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise bad_brief(field, "像素太多", "has too many pixels") from None
    except PermissionError:
        raise bad_brief(field, "没有读取权限", "may not be read (permission denied)") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise bad_brief(field, f"图片已损坏：{error}", f"is damaged: {error}") from None
    return width, height


def _check_size(width: int, height: int, field: str) -> None:
    said = f"{width}×{height}"
    if min(width, height) < MIN_SIDE:
        raise bad_brief(
            field, f"太小（{said}），每边至少 {MIN_SIDE} 像素", f"is too small ({said}); each side needs {MIN_SIDE} px"
        )
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise bad_brief(
            field, f"太大（{said}），每边最多 {MAX_SIDE} 像素", f"is too large ({said}); a side may have {MAX_SIDE} px"
        )
    if max(width, height) > 12 * min(width, height):
        raise bad_brief(field, f"太窄（{said}）", f"is too narrow ({said})")
