"""Writes the copy of one audience, part by part.

Design:
- Small jobs: the model writes one short line at a time around the brief's own words, several candidates each; the
  bank's lines for this audience stand beside them; checks and a score choose. Facts, price and offer are put in by
  code, word for word, and never pass through the model.
- A line that is not fit is asked for again with the complaint, up to three times, with a new seed. If the best of
  all still breaks a rule, it is used and flagged: there is always a result, and it says what is wrong with it.
- Order of facts, headline form and price line turn with the number of audiences before this one, and lines too like
  theirs are dropped, so that audiences differ by construction and not by luck.
- The same request and the same model give the same copy: every choice comes from a generator seeded by the request.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from models.control import Control
from models.text.base import TextModel
from models.text.candidates import generate_many
from pipelines.steps.vocabulary import Language
from pipelines.steps.write_copy import assemble, bank, jobs
from pipelines.steps.write_copy.checks import (
    Rules,
    check_copy,
    check_field,
    fields_of,
    grams,
    likeness,
    without_own_words,
)
from pipelines.steps.write_copy.document import AudienceCopy
from pipelines.steps.write_copy.score import Candidate, score

RETRIES = 3
_FIRST, _AGAIN = 5, 3  # candidates asked for at first and after a complaint
_ALIKE = 0.55  # a line with more than this in common with another audience's is not used
_GOOD_ENOUGH = 0.75  # score under which a written line is asked for again

Tell = Callable[[str, str], None]


@dataclass
class Desk:
    """What is on the writer's desk while one audience is written.

    Attributes:
        used: Lines of this copy so far; new ones must differ from them.
        taken: Texts of the audiences before.
        attempts: The most often any line was asked for.
        by_model: Parts whose line the model wrote, in order; the others are the bank's.
    """

    model: TextModel
    rules: Rules
    audience: bank.Audience
    category: bank.Category
    tone: str
    seed: int
    turn: int
    taken: tuple[str, ...]
    control: Control
    random: random.Random
    used: list[str] = field(default_factory=list)
    attempts: int = 1
    by_model: list[str] = field(default_factory=list)
    asked: int = 0

    @property
    def language(self) -> Language:
        return self.rules.language


def write(
    model: TextModel,
    rules: Rules,
    *,
    tone: str,
    seed: int,
    earlier: Sequence[AudienceCopy],
    control: Control,
    tell: Tell,
) -> tuple[AudienceCopy, tuple[str, ...]]:
    """The copy of one audience, and which parts the model wrote. `tell(field, text)` hears each field as it lands."""
    desk = _desk(model, rules, tone=tone, seed=seed, earlier=earlier, control=control)
    product, language = rules.product, rules.language

    # 1. Lines, most visible first.
    headline = _headline(desk, tell)
    control.progress(0.2, "headline")
    subhead = _subhead(desk, tell)
    control.progress(0.35, "subhead")
    shown = _some(desk, bank.lines_for_others("hooks", desk.audience, language), 2)
    hook = _line(desk, "hook", jobs.hook(language, rules.audience, shown), desk.audience.hooks)
    control.progress(0.5, "body")

    # 2. The body: scene, each fact with what it means, price and offer, a closing line.
    order = _turned(product.facts, desk.turn)
    benefits: dict[str, str] = {}
    for index, fact in enumerate(order[: assemble.EXPLAINED]):
        benefits[fact] = _benefit(desk, fact)
        control.progress(0.5 + 0.1 * (index + 1), "body")
    close = _line(desk, "close", None, desk.category.close)
    prices = assemble.price_lines(product, language, desk.category.price)
    spare = _turned([text for text in desk.category.close if text != close], desk.turn)
    body = assemble.body(rules, hook, order, benefits, (close, *spare), _pick(prices, desk.turn))
    tell("body", body)

    # 3. The script, as long as its time allows.
    shown = _some(desk, bank.lines_for_others("openers", desk.audience, language), 3)
    opener = _line(desk, "opener", jobs.opener(language, rules.audience, shown), desk.audience.openers)
    introduce = _line(desk, "introduce", None, _filled(desk, desk.category.introduce))
    script = assemble.script(rules, opener, introduce, order, _pick(prices, desk.turn + 1))
    tell("script", "\n".join(script))
    hashtags = assemble.hashtags(rules, desk.audience, desk.category)
    tell("hashtags", " ".join(hashtags))
    control.progress(1.0, "done")

    # 4. Judged as a whole; what is still wrong is said.
    copy = AudienceCopy(
        audience=rules.audience,
        language=language,
        headline=headline,
        subhead=subhead,
        body=body,
        hashtags=hashtags,
        script=script,
        attempts=desk.attempts,
    )
    issues = check_copy(copy, rules, earlier=earlier)
    if issues:
        flags = tuple({(issue.field, issue.code): issue.flag() for issue in issues}.values())
        copy = copy.model_copy(update={"state": "needs_review", "flags": flags})
    return copy, tuple(desk.by_model)


def _desk(
    model: TextModel, rules: Rules, *, tone: str, seed: int, earlier: Sequence[AudienceCopy], control: Control
) -> Desk:
    return Desk(
        model=model,
        rules=rules,
        audience=bank.find_audience(rules.audience, rules.language),
        category=bank.find_category(rules.product, rules.language),
        tone=tone,
        seed=seed,
        turn=len(earlier),
        taken=tuple(text for copy in earlier for text in fields_of(copy).values()),
        control=control,
        random=random.Random(f"{seed}/{rules.audience}/{rules.product.name}"),
    )


def _benefit(desk: Desk, fact: str) -> str:
    """What a fact means to this audience: from the bank, or from the model for facts the bank does not know."""
    known = bank.meanings(fact, desk.language)
    if known:
        return _line(desk, "benefit", None, known)
    return _line(desk, "benefit", jobs.benefit(desk.language, fact), ())


def _headline(desk: Desk, tell: Tell) -> str:
    forms = bank.headline_forms(desk.language)
    form = forms[_pick(tuple(forms), desk.turn + desk.seed)]
    # Shown: one line in the form asked for, and two about things of this kind at other people's moments.
    others = bank.find_audience("", desk.language).heads
    joint = "，" if desk.language == "zh" else ", "
    kin = tuple(f"{head}{joint}{tail}" for head, tail in zip(others, _some(desk, desk.category.tails, 2), strict=False))
    heads = _some(desk, desk.audience.heads, 4)
    job = jobs.headline(desk.language, form.ask, (*_some(desk, form.models, 1), *kin), heads)
    pairs = tuple(f"{head}{joint}{tail}" for head in desk.audience.heads for tail in desk.category.tails)
    text = _line(desk, "headline", job, _some(desk, pairs, 8))
    tell("headline", text)
    return text


def _subhead(desk: Desk, tell: Tell) -> str:
    language, product = desk.language, desk.rules.product
    # English product names often carry the brand already; Chinese ones read well behind it.
    name = f"{desk.rules.brand.name}{product.name}" if language == "zh" else product.name
    lead = f"{name}，" if language == "zh" else f"{name}: "
    shown = _some(desk, bank.lines_for_others("wish", desk.audience, language), 4)
    text = _line(desk, "subhead", jobs.subhead(language, desk.rules.audience, shown), desk.audience.wish, lead=lead)
    tell("subhead", text)
    return text


@dataclass(frozen=True)
class _Judged:
    """A candidate with its verdict: fewer things wrong come first, then the higher score."""

    text: str
    wrong: int
    value: float
    by_model: bool

    @property
    def sound(self) -> bool:
        return self.wrong == 0 and (self.value >= _GOOD_ENOUGH or not self.by_model)


def _line(desk: Desk, part: str, job: jobs.Job | None, options: Sequence[str], *, lead: str = "") -> str:
    """The best line for a part: candidates of the model (none without a job) beside the bank's `options`.

    `lead` stands before all of them.
    """
    pool = [_judge_bank(desk, part, option, lead) for option in options]
    complaint = ""
    for attempt in range(1, RETRIES + 2) if job is not None else ():
        assert job is not None
        desk.attempts = max(desk.attempts, attempt)
        written = _ask(desk, job, _FIRST if attempt == 1 else _AGAIN, complaint)
        judged = [_judge_written(desk, part, job, candidate, lead) for candidate in written]
        pool += judged
        # A sound line at hand, also one of the bank: nothing failed.
        if any(item.sound for item in pool):
            break
        complaint = _complaint(desk, part, judged)
    if not pool:
        return ""
    best = min(pool, key=lambda item: (item.wrong, -item.value, item.text))
    if part == "benefit" and not best.sound:
        return ""  # the fact stands well enough alone
    desk.used.append(best.text)
    if best.by_model:
        desk.by_model.append(part)
    return best.text


def _ask(desk: Desk, job: jobs.Job, count: int, complaint: str) -> list[Candidate]:
    messages = jobs.brief_messages(desk.rules, desk.audience, category=desk.category.id, tone=desk.tone)
    seed = (desk.seed * 7919 + desk.asked * 101 + 1) % 2**32
    desk.asked += 1
    request = jobs.request_for(job, messages, seed=seed, complaint=complaint)
    results = generate_many(desk.model, request, count, control=Control(cancel=desk.control.cancel))
    found = {jobs.answer(result): result.mean_logprob for result in results}
    return [Candidate(text, logprob if logprob is not None else -1.5) for text, logprob in found.items() if text]


def _judge_bank(desk: Desk, part: str, text: str, lead: str) -> _Judged:
    # Equal lines of the bank take turns; the generator is the request's own.
    value = score(part, Candidate(text), rules=desk.rules) - 0.05 * desk.random.random()
    return _judge(desk, part, lead + text, value)


def _judge_written(desk: Desk, part: str, job: jobs.Job, candidate: Candidate, lead: str) -> _Judged:
    value = score(part, candidate, rules=desk.rules, near=job.examples)
    judged = _judge(desk, part, lead + candidate.text, value, by_model=True)
    # Code names the product where it belongs; but for headlines, a line that names it again says nothing.
    named = part != "headline" and without_own_words(candidate.text, desk.rules) != candidate.text
    again = any(candidate.text.rstrip("。.") in example for example in job.examples)
    halves = re.split("[，,]", candidate.text, maxsplit=1)
    # Two moments and no message: the second half only names another moment of theirs.
    idle = part == "headline" and any(head.strip() in halves[-1] for head in desk.audience.heads)
    # The likeliest lines are proverbs; one that has nothing of these people's day in it could be said to anybody.
    strange = part in {"hook", "opener"} and desk.audience.known and not _about(desk, candidate.text)
    return replace(judged, wrong=judged.wrong + named + again + idle + strange)


def _about(desk: Desk, text: str) -> bool:
    """Whether a line shares a word (en: of four letters or more; zh: two characters) with what we know of them."""
    them = desk.audience
    known = " ".join((desk.rules.audience, them.life, *them.heads, *them.openers, *them.hooks)).casefold()
    if desk.language == "zh":
        return any(gram in known for gram in grams(text, desk.rules, 2))
    return any(word in known for word in re.findall(r"[a-z]{4,}", text.casefold()))


def _judge(desk: Desk, part: str, text: str, value: float, *, by_model: bool = False) -> _Judged:
    taken = max((likeness(text, other, desk.rules) for other in desk.taken), default=0.0)
    alike = max((likeness(text, other, desk.rules) for other in desk.used), default=0.0)
    wrong = len(check_field(part, text, desk.rules)) + (taken > _ALIKE) + (alike > _ALIKE)
    return _Judged(text, wrong, value - 0.5 * taken - 0.5 * alike, by_model)


def _complaint(desk: Desk, part: str, judged: Sequence[_Judged]) -> str:
    reasons: list[str] = []
    for item in judged:
        for issue in check_field(part, item.text, desk.rules):
            reason = issue.zh if desk.language == "zh" else issue.en
            if reason not in reasons:
                reasons.append(reason)
    if desk.language == "zh":
        return "上次不行：" + ("".join(reasons[:2]) or "太套话，或太长，或与别处重复。") + "换个说法。"
    return "Not good: " + (" ".join(reasons[:2]) or "too common, too long, or said before.") + " Say it another way."


def _filled(desk: Desk, options: Sequence[str]) -> tuple[str, ...]:
    return tuple(bank.fill(text, brand=desk.rules.brand.name, product=desk.rules.product.name) for text in options)


def _some(desk: Desk, options: Sequence[str], count: int) -> tuple[str, ...]:
    return tuple(desk.random.sample(list(options), min(count, len(options))))


def _pick(options: Sequence[str], turn: int) -> str:
    return options[turn % len(options)] if options else ""


def _turned(options: Sequence[str], turn: int) -> tuple[str, ...]:
    if not options:
        return ()
    start = turn % len(options)
    return (*options[start:], *options[:start])
