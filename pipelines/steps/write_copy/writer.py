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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from models.control import Control
from models.text.base import TextModel
from models.text.candidates import generate_many
from pipelines.steps.vocabulary import Language
from pipelines.steps.write_copy import assemble, bank, jobs
from pipelines.steps.write_copy.checks import Issue, Rules, check_copy, check_field, fields_of, likeness
from pipelines.steps.write_copy.document import AudienceCopy
from pipelines.steps.write_copy.score import Candidate, score

RETRIES = 3
_FIRST, _AGAIN = 5, 3  # candidates asked for at first and after a complaint
_ALIKE = 0.55  # a line with more than this in common with another audience's is not used
_GOOD_ENOUGH = 0.6  # score under which a written line is asked for again

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
    hook = _line(desk, "hook", jobs.hook(language, _some(desk, desk.audience.hooks, 2)), desk.audience.hooks)
    control.progress(0.5, "body")

    # 2. The body: scene, each fact with what it means, price and offer, a closing line.
    order = _turned(product.facts, desk.turn)
    benefits: dict[str, str] = {}
    for index, fact in enumerate(order[: assemble.EXPLAINED]):
        benefits[fact] = _line(desk, "benefit", jobs.benefit(language, fact), (), lead=f"{fact}，")
        control.progress(0.5 + 0.1 * (index + 1), "body")
    close = _line(desk, "close", None, desk.category.close)
    prices = assemble.price_lines(product, language, desk.category.price)
    body = assemble.body(rules, hook, order, benefits, close, _pick(prices, desk.turn))
    tell("body", body)

    # 3. The script, as long as its time allows.
    opener = _line(desk, "opener", jobs.opener(language, _some(desk, desk.audience.openers, 2)), desk.audience.openers)
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


def _headline(desk: Desk, tell: Tell) -> str:
    forms = bank.headline_forms(desk.language)
    form = forms[_pick(tuple(forms), desk.turn + desk.seed)]
    job = jobs.headline(desk.language, form.ask, form.models, desk.audience.heads)
    joint = "，" if desk.language == "zh" else ", "
    pairs = tuple(f"{head}{joint}{tail}" for head in desk.audience.heads for tail in desk.category.tails)
    text = _line(desk, "headline", job, _some(desk, pairs, 8))
    tell("headline", text)
    return text


def _subhead(desk: Desk, tell: Tell) -> str:
    language, product = desk.language, desk.rules.product
    # English product names often carry the brand already; Chinese ones read well behind it.
    name = f"{desk.rules.brand.name}{product.name}" if language == "zh" else product.name
    lead = f"{name}，" if language == "zh" else f"{name}: "
    options = tuple(lead + wish for wish in desk.audience.wish)
    text = _line(desk, "subhead", jobs.subhead(language, name, desk.audience.wish), options, lead=lead, keep_lead=True)
    tell("subhead", text)
    return text


def _line(
    desk: Desk,
    part: str,
    job: jobs.Job | None,
    options: Sequence[str],
    *,
    lead: str = "",
    keep_lead: bool = False,
) -> str:
    """The best line for a part: candidates of the model (none without a job) beside the bank's `options`."""
    pool: list[tuple[float, int, str, bool]] = []  # score, issues, text, written by the model
    for option in options:
        pool.append(_judge(desk, part, Candidate(option), own=False))
    complaint = ""
    for attempt in range(1, RETRIES + 2) if job is not None else ():
        assert job is not None
        desk.attempts = max(desk.attempts, attempt)
        written = _ask(desk, job, _FIRST if attempt == 1 else _AGAIN, complaint)
        judged = [
            _judge(
                desk,
                part,
                Candidate((lead + item.text) if keep_lead else item.text, item.logprob),
                own=True,
                bare=item.text,
            )
            for item in written
        ]
        pool += judged
        if any(issues == 0 and value >= _GOOD_ENOUGH for value, issues, _, _ in judged):
            break
        # A sound line of the bank is at hand: one complaint is enough.
        if attempt == 2 and any(issues == 0 and value >= _GOOD_ENOUGH for value, issues, _, _ in pool):
            break
        complaint = _complaint(desk, part, judged)
    if not pool:
        return ""
    value, issues, text, own = min(pool, key=lambda item: (item[1], -item[0], item[2]))
    if part == "benefit" and (issues or value < _GOOD_ENOUGH):
        return ""  # the fact stands well enough alone
    if text:
        desk.used.append(text)
        if own:
            desk.by_model.append(part)
    return text


def _ask(desk: Desk, job: jobs.Job, count: int, complaint: str) -> list[Candidate]:
    messages = jobs.brief_messages(desk.rules, desk.audience, category=desk.category.id, tone=desk.tone)
    seed = (desk.seed * 7919 + desk.asked * 101 + 1) % 2**32
    desk.asked += 1
    request = jobs.request_for(job, messages, seed=seed, complaint=complaint)
    results = generate_many(desk.model, request, count, control=Control(cancel=desk.control.cancel))
    found = {jobs.answer(result): result.mean_logprob for result in results}
    return [Candidate(text, logprob if logprob is not None else -1.5) for text, logprob in found.items() if text]


def _judge(desk: Desk, part: str, candidate: Candidate, *, own: bool, bare: str = "") -> tuple[float, int, str, bool]:
    """(score, number of issues, text, written by the model) of a candidate."""
    near = tuple(desk.used)
    issues: list[Issue] = check_field(part, candidate.text, desk.rules)
    taken = max((likeness(candidate.text, text, desk.rules) for text in desk.taken), default=0.0)
    alike = max((likeness(candidate.text, text, desk.rules) for text in near), default=0.0)
    wrong = len(issues) + (taken > _ALIKE) + (alike > _ALIKE)
    value = score(part, Candidate(bare or candidate.text, candidate.logprob), rules=desk.rules, near=near)
    # Equal lines of the bank take turns; the generator is the request's own.
    value -= 0.5 * taken + (0.0 if own else 0.05 * desk.random.random())
    return value, wrong, candidate.text, own


def _complaint(desk: Desk, part: str, judged: list[tuple[float, int, str, bool]]) -> str:
    reasons: list[str] = []
    for _, _, text, _ in judged:
        for issue in check_field(part, text, desk.rules):
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
