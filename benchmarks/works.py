"""What works cost on the embedded models: a poster, a second of speech, a token, a second of film."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from models.settings import ASSETS


def poster() -> tuple[float, float]:
    """Wall and CPU seconds of one 1080x1440 poster, the compiler warm, its photograph ready."""
    from PIL import Image

    from pipelines.steps.lay_out import LayOutRequest, lay_out, template_named
    from pipelines.steps.vocabulary import Brand, Label, Palette, Product
    from pipelines.steps.write_copy.document import AudienceCopy
    from tests.support.context import MemoryContext

    with tempfile.TemporaryDirectory(prefix="bench-poster-") as folder:
        context = MemoryContext(Path(folder))
        large = Path(folder) / "photo.png"
        Image.open(ASSETS / "briefs/photos/coffee.png").resize((2400, 1600)).save(large)
        template = template_named("hero")
        palette = Palette(
            background="#0b1e3b",
            surface="#12294d",
            ink="#fffaf2",
            muted="#c7cfdd",
            accent="#ffb347",
            on_accent="#1a1207",
            dark=True,
        )
        copy = AudienceCopy(
            audience="上班族",
            language="zh",
            headline="30秒，唤醒清晨",
            subhead="冷水即溶，一杯清醒",
            body="",
            hashtags=(),
            script=(),
        )
        request = LayOutRequest(
            template=template.name,
            template_sha256=template.sha256,
            width=1080,
            height=1440,
            language="zh",
            audience_copy=context.put_json(copy),
            brand=Brand(name="星野"),
            product=Product(name="冷萃咖啡", facts=("0糖0脂", "30秒速溶"), price="¥9.9", offer="首单立减5元"),
            call_to_action="立即尝鲜",
            palette=context.put_json(palette),
            photo=context.put_file(large, "image"),
            label=Label(text="AI生成"),
        )
        best = (float("inf"), float("inf"))
        for _ in range(3):
            wall, cpu = time.perf_counter(), time.process_time()
            lay_out(request, context)
            best = min(best, (time.perf_counter() - wall, time.process_time() - cpu))
    return best


def speech() -> tuple[float, float]:
    """CPU seconds, and seconds of speech they made."""
    from models.catalog import Catalog
    from models.pool import Pool
    from models.settings import Settings
    from models.speech.base import SpeechRequest

    settings = Settings.from_env()
    pool = Pool(Catalog(settings), settings)
    try:
        with pool.lease("kokoro-82m") as model:
            model.synthesize(SpeechRequest(text="先热一下身。"))
            cpu = time.process_time()
            said = model.synthesize(
                SpeechRequest(text="早上九点会议还没开始。星野冷萃咖啡，三十秒就好。低温慢萃十二小时，现在只要九块九。")
            )
            return time.process_time() - cpu, float(said.seconds)
    finally:
        pool.close()


def text(*, tokens: int = 96) -> tuple[float, float]:
    """CPU seconds of the same tokens through our adapter and through the bare library, one after the other."""
    import json

    import xllamacpp

    from models.catalog import Catalog
    from models.pool import Pool
    from models.settings import Settings
    from models.text.base import Message, TextRequest

    settings = Settings.from_env()
    catalog = Catalog(settings)
    request = TextRequest(
        messages=(Message(role="user", content="Count upwards from one in English words, without stopping."),),
        max_tokens=tokens,
        temperature=0,
    )
    pool = Pool(catalog, settings)
    with pool.lease("qwen2.5-coder-0.5b") as model:
        model.generate(request.model_copy(update={"max_tokens": 4}))
        cpu = time.process_time()
        written = model.generate(request)
        ours = (time.process_time() - cpu) / written.completion_tokens
    pool.close()
    params = xllamacpp.CommonParams()
    params.model.path = str(catalog.folder(catalog.get("qwen2.5-coder-0.5b")) / "model.gguf")
    params.n_ctx, params.cpuparams.n_threads, params.cpuparams_batch.n_threads = 4096, 2, 2
    params.warmup = False
    server = xllamacpp.Server(params)
    body = {"messages": [{"role": "user", "content": request.messages[0].content}], "temperature": 0}
    server.handle_chat_completions({**body, "max_tokens": 4})
    cpu = time.process_time()
    answer = server.handle_chat_completions({**body, "max_tokens": tokens})
    answer = json.loads(answer) if isinstance(answer, str) else answer
    bare = (time.process_time() - cpu) / answer["usage"]["completion_tokens"]
    return ours, bare


def video(*, seconds: float = 15.0) -> tuple[float, float, float]:
    """CPU seconds, seconds of film, and MiB at the peak."""
    from benchmarks.video import measure_apart

    cost = measure_apart(seconds=seconds, sentences=6)
    return cost["cpu_per_second"] * seconds, seconds, cost["memory_mb"]
