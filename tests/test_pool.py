"""Leases: loading, sharing, evicting, waiting, failing, and giving memory back."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from models import hardware
from models.card import Card
from models.catalog import Catalog
from models.control import CancelToken, Control
from models.errors import AdapterFailed, BadInput, Cancelled, CorruptFile, ModelMissing, OutOfMemory
from models.pool import Pool, adapters
from models.settings import Settings

MIB = 1024 * 1024


class Toy:
    """A model that records its life."""

    def __init__(self, card: Card, folder: Path, options: Mapping[str, Any]) -> None:
        self.card_id, self.folder, self.options, self.closed = card.id, folder, dict(options), 0

    def close(self) -> None:
        self.closed += 1


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Workshop:
    """A pool of toys of given sizes, and all toys it ever made."""

    def __init__(self, root: Path, sizes: Mapping[str, int], *, budget: int, **more: Any) -> None:
        folder = root / "cards"
        folder.mkdir(parents=True, exist_ok=True)
        for name, size in sizes.items():
            card = {
                "id": name,
                "task": "text",
                "adapter": "toy",
                "title": {"zh": name, "en": name},
                "sources": [{"kind": "builtin"}],
                "licence": {"id": "MIT", "commercial_use": "yes"},
                "memory": {"resident": size, "working": 0},
                "defaults": {"width": 8, "device": "ignored"},
                **more,
            }
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(card))
        self.made: list[Toy] = []
        self.clock = Clock()
        # The catalog may use more than the pool, so that it is the pool that says no.
        self.catalog = Catalog(Settings(home=root, cache=root, memory_mb=1_000_000), folders=[folder])
        self.pool = Pool(self.catalog, budget_mb=budget, threads=3, factories={"toy": self.make}, clock=self.clock)

    def make(self, card: Card, folder: Path, *, options: Mapping[str, Any]) -> Toy:
        self.made.append(Toy(card, folder, options))
        return self.made[-1]

    def use(self, name: str) -> None:
        self.clock.now += 1
        with self.pool.lease(name):
            pass

    @property
    def ids(self) -> set[str]:
        return {item.card_id for item in self.pool.loaded()}


@pytest.fixture
def workshop(tmp_path: Path) -> Callable[..., Workshop]:
    return lambda sizes, *, budget=1000, **more: Workshop(tmp_path, sizes, budget=budget, **more)


def test_a_lease_loads_once_with_the_cards_options(workshop: Callable[..., Workshop]) -> None:
    shop = workshop({"aa": 10})
    with shop.pool.lease("aa") as first:
        assert shop.pool.loaded()[0].leased
    with shop.pool.lease("aa") as second:
        assert first is second
    assert len(shop.made) == 1
    assert first.options == {"width": 8, "threads": 3, "device": "cpu"}  # the pool's word goes before the card's
    assert first.folder == shop.catalog.folder(shop.catalog.get("aa"))
    assert not shop.pool.loaded()[0].leased


def test_a_thread_may_lease_again_what_it_holds(workshop: Callable[..., Workshop]) -> None:
    shop = workshop({"aa": 10})
    with shop.pool.lease("aa") as outer, shop.pool.lease("aa") as inner:
        assert outer is inner
    assert not shop.pool.loaded()[0].leased


def test_the_longest_idle_times_the_largest_goes_first(workshop: Callable[..., Workshop]) -> None:
    shop = workshop({"small-old": 100, "large-mid": 600, "small-new": 100, "needed": 300})
    for name in ("small-old", "large-mid", "small-new"):
        shop.use(name)
    shop.use("needed")  # 800 in use: small-old idles 3 s x 100, large-mid 2 s x 600
    assert shop.ids == {"small-old", "small-new", "needed"}
    assert next(toy for toy in shop.made if toy.card_id == "large-mid").closed == 1


def test_nothing_is_evicted_for_what_cannot_fit(workshop: Callable[..., Workshop]) -> None:
    shop = workshop({"aa": 400, "huge": 1200})
    shop.use("aa")
    with pytest.raises(OutOfMemory, match=r"huge needs 1200 MiB of memory; models may use 1000 MiB") as caught:
        shop.use("huge")
    assert "STUDIO_MEMORY_MB" in caught.value.hint
    assert shop.ids == {"aa"}


def test_what_a_thread_holds_itself_counts(workshop: Callable[..., Workshop]) -> None:
    shop = workshop({"aa": 700, "bb": 400})
    with shop.pool.lease("aa"), pytest.raises(OutOfMemory, match="700 MiB are held"), shop.pool.lease("bb"):
        pass
    shop.use("bb")
    assert shop.ids == {"bb"}


def test_working_memory_counts_while_leased_only(workshop: Callable[..., Workshop]) -> None:
    shop = workshop({"aa": 300, "bb": 300})
    shop.use("aa")
    with shop.pool.lease("bb", working_mb=500):
        assert shop.ids == {"bb"}
    shop.use("aa")
    assert shop.ids == {"aa", "bb"}
    with pytest.raises(OutOfMemory), shop.pool.lease("aa", working_mb=800):
        pass


def test_a_model_in_use_is_waited_for_not_evicted(workshop: Callable[..., Workshop]) -> None:
    shop = workshop({"aa": 700, "bb": 700})
    order: list[str] = []
    inside, leave = threading.Event(), threading.Event()

    def holder() -> None:
        with shop.pool.lease("aa"):
            inside.set()
            leave.wait(10)
            order.append("aa ends")

    thread = threading.Thread(target=holder)
    thread.start()
    inside.wait(10)
    threading.Timer(0.2, leave.set).start()
    with shop.pool.lease("bb"):
        order.append("bb begins")
    thread.join()
    assert order == ["aa ends", "bb begins"]
    assert shop.ids == {"bb"}


def test_one_holder_at_a_time(workshop: Callable[..., Workshop]) -> None:
    shop = workshop({"aa": 10})
    inside, most = 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with shop.pool.lease("aa"):
                with lock:
                    inside += 1
                    most = max(most, inside)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert len(shop.made) == 1


def test_cancel_ends_the_waiting(workshop: Callable[..., Workshop]) -> None:
    shop = workshop({"aa": 10})
    token = CancelToken()
    failures: list[BaseException] = []

    def waiter() -> None:
        try:
            with shop.pool.lease("aa", control=Control(cancel=token)):
                pass
        except Cancelled as error:
            failures.append(error)

    with shop.pool.lease("aa"):
        thread = threading.Thread(target=waiter)
        thread.start()
        token.cancel()
        thread.join(5)
        assert not thread.is_alive()
    assert len(failures) == 1


@pytest.mark.parametrize("sizes", [{"aa": 10, "bb": 10}, {"aa": 400, "bb": 400, "cc": 400, "dd": 400}])
def test_leases_in_a_circle_end_with_an_error_not_a_standstill(
    workshop: Callable[..., Workshop], sizes: dict[str, int]
) -> None:
    """Two threads that each hold what the other wants: a model, or memory."""
    shop = workshop(sizes)
    both = threading.Barrier(2)
    outcomes: list[str] = []

    def work(first: str, second: str) -> None:
        try:
            with shop.pool.lease(first):
                both.wait(10)
                with shop.pool.lease(second):
                    outcomes.append("done")
        except (AdapterFailed, OutOfMemory) as error:
            outcomes.append(type(error).__name__)

    pairs = [("aa", "bb"), ("bb", "aa")] if len(sizes) == 2 else [("aa", "cc"), ("bb", "dd")]
    threads = [threading.Thread(target=work, args=pair, daemon=True) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(outcomes) == 2
    assert "done" in outcomes


def test_a_failed_load_leaves_nothing_behind(tmp_path: Path, workshop: Callable[..., Workshop]) -> None:
    shop = workshop({"aa": 900})
    working = shop.pool._factories
    for raised, expected in ((ValueError("bad tensor"), AdapterFailed), (MemoryError(), OutOfMemory)):

        def fail(card: Card, folder: Path, *, options: Mapping[str, Any], error: Exception = raised) -> Any:
            raise error

        shop.pool._factories = {"toy": fail}
        with pytest.raises(expected), shop.pool.lease("aa"):
            pass
        assert shop.pool.loaded() == ()
    shop.pool._factories = working
    shop.use("aa")
    assert shop.ids == {"aa"}


def test_an_error_in_the_block_ends_the_lease(workshop: Callable[..., Workshop]) -> None:
    shop = workshop({"aa": 10})
    with pytest.raises(KeyError), shop.pool.lease("aa"):
        raise KeyError("in the step")
    assert not shop.pool.loaded()[0].leased


def test_close_unloads_now_or_when_the_lease_ends(workshop: Callable[..., Workshop]) -> None:
    shop = workshop({"aa": 10, "bb": 10})
    shop.use("bb")
    with shop.pool.lease("aa") as held:
        shop.pool.close()
        assert held.closed == 0
        assert shop.ids == {"aa"}
    assert [toy.closed for toy in shop.made] == [1, 1]
    assert shop.pool.loaded() == ()
    shop.pool.close()
    with pytest.raises(Cancelled), shop.pool.lease("aa"):
        pass


def test_evict_takes_what_is_idle_only(workshop: Callable[..., Workshop]) -> None:
    shop = workshop({"aa": 10})
    assert not shop.pool.evict("aa")
    with shop.pool.lease("aa"):
        assert not shop.pool.evict("aa")
    assert shop.pool.evict("aa")
    assert shop.ids == set()


def test_an_unknown_card_an_unknown_adapter_and_missing_files(workshop: Callable[..., Workshop]) -> None:
    shop = workshop({"aa": 10}, adapter="absent")
    with pytest.raises(BadInput, match="no model card 'zz'"), shop.pool.lease("zz"):
        pass
    with pytest.raises(ModelMissing, match="adapter 'absent'"), shop.pool.lease("aa"):
        pass


def test_files_are_verified_before_a_runtime_opens_them(workshop: Callable[..., Workshop]) -> None:
    shop = workshop(
        {"aa": 10},
        sources=[{"kind": "hub", "repo": "org/toy"}],
        files=[{"name": "m.gguf", "bytes": 3, "sha256": "0" * 64}],
    )
    with pytest.raises(ModelMissing) as missing, shop.pool.lease("aa"):
        pass
    assert missing.value.hint == "studio models pull aa"
    folder = shop.catalog.folder(shop.catalog.get("aa"))
    folder.mkdir(parents=True)
    (folder / "m.gguf").write_bytes(b"abc")
    with pytest.raises(CorruptFile, match=r"m\.gguf is damaged"), shop.pool.lease("aa"):
        pass
    assert shop.made == []


def test_a_gpu_card_goes_to_the_gpu_that_has_room(
    workshop: Callable[..., Workshop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "gpu_mb", lambda: 8000)
    shop = workshop({"aa": 500, "bb": 500}, memory={"resident": 500, "working": 10, "gpu": 5000})
    shop.use("aa")
    assert shop.made[0].options["device"] == "cuda"
    assert shop.pool.loaded()[0].gpu_mb == 5000
    assert shop.pool.loaded()[0].resident_mb == 0
    shop.use("bb")
    assert shop.ids == {"bb"}


def test_built_in_adapters_come_through_the_entry_points() -> None:
    assert {"xllamacpp", "kokoro", "fake-text", "diffusers"} <= set(adapters())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["aa", "bb", "cc", "dd"]), st.integers(0, 900)), max_size=25))
def test_the_budget_is_never_exceeded(tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[str, int]]) -> None:
    sizes = {"aa": 100, "bb": 300, "cc": 500, "dd": 900}
    shop = Workshop(tmp_path_factory.mktemp("pool"), sizes, budget=1000)
    for name, working in moves:
        shop.clock.now += 1
        fits = sizes[name] + working <= 1000
        try:
            with shop.pool.lease(name, working_mb=working):
                assert fits
                assert sum(item.resident_mb for item in shop.pool.loaded()) + working <= 1000
        except OutOfMemory:
            assert not fits
    alive = [toy for toy in shop.made if not toy.closed]
    assert {toy.card_id for toy in alive} == shop.ids
    assert len(alive) == len(shop.ids)


def test_unloading_gives_memory_back(workshop: Callable[..., Workshop]) -> None:
    """Many small blocks come from the C heap, which keeps them until it is trimmed; big ones hide that."""

    class Heavy(Toy):
        def __init__(self, card: Card, folder: Path, options: Mapping[str, Any]) -> None:
            super().__init__(card, folder, options)
            self.blocks = [bytearray(b"x") * 60_000 for _ in range(4000)]  # 229 MiB in blocks under malloc's mmap size

    shop = workshop({"aa": 300, "bb": 900})
    shop.pool._factories = {"toy": lambda card, folder, *, options: Heavy(card, folder, options)}
    gc.collect()
    process = psutil.Process()
    before = process.memory_info().rss
    shop.use("aa")
    loaded = process.memory_info().rss
    assert loaded - before > 200 * MIB
    shop.pool._factories = {"toy": shop.make}
    shop.use("bb")
    assert shop.ids == {"bb"}
    assert process.memory_info().rss - before < 40 * MIB
