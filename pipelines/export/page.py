"""The kit's `index.html`: one self-contained page a client can be sent.

Design:
- Everything the page shows is inside it as data: previews, never the works. Links to the works are relative and
  work when the page stands in its kit.
- The template is data (`assets/kit/index.html.j2`); every text is escaped by Jinja2's autoescape.
"""

from __future__ import annotations

import base64
import json
import mimetypes
from typing import TYPE_CHECKING, Any

from models.settings import ASSETS

if TYPE_CHECKING:
    from pipelines.export.kit import KitSource

WORDS: dict[str, dict[str, str]] = {
    "zh": {
        "kit": "活动素材包",
        "audiences": "人群",
        "posters": "海报",
        "videos": "视频",
        "voices": "配音",
        "copy": "文案",
        "script": "配音稿",
        "download": "下载",
        "facts": "卖点",
        "review": "需要人工复核",
        "ok": "已核对",
        "files": "全部文件",
        "file": "文件",
        "kind": "类型",
        "size": "大小",
        "made_by": "制作",
        "licence": "许可",
        "models": "所用模型",
        "notice": "本页素材由人工智能生成，并带有机器可读的 AIGC 标识。",
        "close": "关闭",
        "captions": "字幕",
        "voice_only": "人声",
        "with_music": "配乐成品",
        "commercial_yes": "可商用",
        "commercial_no": "不可商用",
        "commercial_conditional": "有条件商用",
        "commercial_unknown": "许可不明",
        "cover": "封面",
    },
    "en": {
        "kit": "Campaign kit",
        "audiences": "Audiences",
        "posters": "Posters",
        "videos": "Video",
        "voices": "Voice-over",
        "copy": "Copy",
        "script": "Voice-over script",
        "download": "Download",
        "facts": "Selling points",
        "review": "Needs a person's eye",
        "ok": "Checked",
        "files": "All files",
        "file": "File",
        "kind": "Kind",
        "size": "Size",
        "made_by": "Made by",
        "licence": "Licence",
        "models": "Models used",
        "notice": "The works on this page are AI-generated and carry a machine-readable AIGC label.",
        "close": "Close",
        "captions": "Captions",
        "voice_only": "Voice",
        "with_music": "With music",
        "commercial_yes": "Commercial use",
        "commercial_no": "No commercial use",
        "commercial_conditional": "Conditional use",
        "commercial_unknown": "Licence unknown",
        "cover": "Cover",
    },
}


def render_page(source: KitSource, kit: dict[str, Any]) -> str:
    """The whole page as HTML text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    meta = source.plan.meta
    language = meta.get("language", "en")
    environment = Environment(
        loader=FileSystemLoader(ASSETS / "kit"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["filesize"] = _file_size
    environment.filters["duration"] = lambda seconds: f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
    files = {item["path"]: item for item in kit["files"]}

    def data_uri(ref: str) -> str:
        artifact = source.output(ref)
        kind = mimetypes.types_map.get(
            artifact.suffix, "image/webp" if artifact.suffix == ".webp" else "application/octet-stream"
        )
        return f"data:{kind};base64,{base64.b64encode(source.path(artifact).read_bytes()).decode()}"

    def document(ref: str) -> Any:
        return json.loads(source.path(source.output(ref)).read_text("utf-8"))

    return environment.get_template("index.html.j2").render(
        kit=kit,
        meta=meta,
        words=WORDS[language],
        language=language,
        files=files,
        data_uri=data_uri,
        document=document,
        palette=document(meta["palette"]) if meta.get("palette") else None,
    )


def _file_size(size: int) -> str:
    if size < 1024:
        return f"{size} B"
    if size < 1024**2:
        return f"{size / 1024:.0f} KB"
    return f"{size / 1024**2:.1f} MB"
