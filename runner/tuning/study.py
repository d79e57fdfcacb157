"""A study in a storage that any number of processes share: each takes a trial, runs it, and writes what came of it.

How it holds together:

- A trial is run on the study's fitting seeds, never on others; seeds for judging come after them.
- What a trial tries follows from the study's seed, its number and what is finished by then: two workers never draw
  the same point because they began alike. Trial 0 tries the parameters the judge compares with.
- A worker says that it lives, every `heartbeat_s`. Who is silent for twice as long has lost its trial: it counts as
  failed, and its point is queued again.
- Of two workers that take the last trial at once the one with the higher number steps back.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import time
import warnings
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from mmfsm.errors import ParamError
from runner.log import version_of_mmfsm
from runner.tuning.figures import Figures
from runner.tuning.goal import NOTHING_BPS, Goal
from runner.tuning.run import run, settings_of
from runner.tuning.setup import Setup
from runner.tuning.space import Space

WAIT_S = 0.5
LOCK_WAIT_S = 60
OPEN_TRIES = 5
FAILURES_MAX = 5
"""Trials that may raise, in one process, before it gives up."""


class StudyError(ValueError):
    """The study cannot be used: it was made otherwise, or its trials fail."""


class _Surplus(Exception):
    """The trial is one more than was asked for."""


def _is_address(_job: object, _attribute: object, value: str) -> None:
    try:
        make_url(value)
    except ArgumentError:
        takes = "an address such as sqlite:///logs/tune.db or postgresql://user:password@host/database"
        raise StudyError(f"the storage is {takes}") from None


@attrs.frozen(kw_only=True)
class Job:
    """All that a worker needs. `texts`: settings by name in capitals that hold for every trial; `judging_setup`: the
    verdict's conditions, where they are finer than the trials'."""

    storage: str = attrs.field(validator=_is_address)
    study: str
    setup: Setup
    judging_setup: Setup
    space: Space
    goal: Goal
    texts: Mapping[str, str] = attrs.field(factory=dict)
    trials: int = 200
    seed: int = 1
    fit_seeds: int = 4
    judge_seeds: int = 20
    heartbeat_s: int = 10

    @property
    def where(self) -> str:
        """The storage's address, without a password."""
        return make_url(self.storage).render_as_string(hide_password=True)

    def bare(self, error: Exception) -> str:
        """An error's kind and first line, without the storage's password."""
        line, password = next(iter(str(error).splitlines()), ""), make_url(self.storage).password
        return f"{type(error).__name__}: {line.replace(str(password), '***') if password else line}"

    @property
    def fitting(self) -> list[int]:
        """The seeds trials see."""
        return list(range(self.seed, self.seed + self.fit_seeds))

    @property
    def judging(self) -> list[int]:
        """The seeds of the verdict: none of them is a fitting seed."""
        first = self.seed + self.fit_seeds
        return list(range(first, first + self.judge_seeds))

    def plan(self) -> dict[str, Any]:
        """Return what must be the same for everyone who works on the study."""
        told = {name: str(value) for name, value in attrs.asdict(self.setup).items()}
        for name in ("tape", "funding"):  # the same recording may lie elsewhere on another machine
            path = getattr(self.setup, name)
            told[name] = "" if path is None else path.name
        space = {one.name: one.plain() for one in self.space.dimensions}
        plan = {
            "conditions": told, "space": space, "goal": self.goal.plain(), "settings": dict(sorted(self.texts.items())),
            "fitting seeds": self.fitting, "version": version_of_mmfsm(),
        }  # fmt: skip
        return dict(json.loads(json.dumps(plan)))


class NumberedSampler(BaseSampler):
    """Tree-structured Parzen estimators, seeded anew for each trial by its number. Trial 0 is `first`."""

    def __init__(self, seed: int, first: Mapping[str, Any]) -> None:
        self._seed, self._first = seed, first
        self._inner: BaseSampler = TPESampler(seed=seed)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Begin with a trial."""
        self._inner = TPESampler(seed=zlib.crc32(f"{self._seed} {trial.number}".encode()), constant_liar=True)
        self._inner.before_trial(study, trial)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """As the inner one says."""
        return self._inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """As the inner one says."""
        return self._inner.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """As the inner one says, but for the first trial."""
        if trial.number == 0 and param_name in self._first:
            return self._first[param_name]
        return self._inner.sample_independent(study, trial, param_name, param_distribution)


def open_study(job: Job) -> optuna.Study:
    """Open or make the job's study.

    Raises:
        StudyError: the storage cannot be opened, or the study was made for something else; says for what.
    """
    return _opened(job)[1]


def _opened(job: Job) -> tuple[RDBStorage, optuna.Study]:
    database = _database(job)
    if database is not None:
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    for again in reversed(range(OPEN_TRIES)):
        try:
            storage, study = _open(job)
            break
        except ImportError as error:
            driver = "expected the database's driver, for PostgreSQL: pip install 'psycopg[binary]'"
            raise StudyError(f"{job.where}: {driver} ({job.bare(error)})") from error
        except Exception as error:  # every database has exceptions of its own; two may make one table at once
            if not again:
                raise StudyError(f"{job.where}: the storage cannot be opened: {job.bare(error)}") from error
            time.sleep(WAIT_S)
    plan, made = job.plan(), study.user_attrs.get("plan")
    if made is None:
        study.set_user_attr("plan", plan)
    elif made != plan:
        differ = ", ".join(name for name in plan if plan[name] != made.get(name))
        raise StudyError(
            f"study {job.study!r} in {job.where} was made with other {differ}: go on with what it was made with, or "
            "give the new one a name of its own (--study)"
        )
    return storage, study


def _database(job: Job) -> str | None:
    # The storage's file, where it is one.
    return make_url(job.storage).database if job.storage.startswith("sqlite:") else None


def _open(job: Job) -> tuple[RDBStorage, optuna.Study]:
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # heartbeats are, by name, since 2021
    database = _database(job)
    storage = RDBStorage(
        job.storage,
        engine_kwargs={"creator": lambda: _connect(database)} if database else None,
        heartbeat_interval=job.heartbeat_s,
        heartbeat_stale_trial_callback=_queue_again,
    )
    sampler = NumberedSampler(job.seed, job.space.drawn(job.texts))
    study = optuna.create_study(
        storage=storage, study_name=job.study, direction="maximize", sampler=sampler, load_if_exists=True
    )
    return storage, study


def _connect(database: str) -> sqlite3.Connection:
    # A trial is some thirty commits: each waits for the disk (14 ms were measured) or, with a log beside the file, does
    # not. A killed process loses nothing either way; a power cut may cost the last trials, never the file.
    connection = sqlite3.connect(database, timeout=LOCK_WAIT_S, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def _queue_again(study: optuna.Study, trial: FrozenTrial) -> None:
    study.enqueue_trial(trial.params)


def work(job: Job, told: Callable[[optuna.Study], None] = lambda _study: None, parent: int | None = None) -> None:
    """Run trials until the study has as many as asked for. Any number of processes may do so at once.

    Args:
        job: what to do.
        told: called after each trial of this process.
        parent: the process that started this one; when it has gone, this one ends after its trial.

    Raises:
        StudyError: see `open_study`; or trials raise one after the other.
    """
    storage, study = _opened(job)
    failures = 0
    while parent is None or os.getppid() == parent:
        optuna.storages.fail_stale_trials(study)
        done, running = (study.get_trials(False, (state,)) for state in (TrialState.COMPLETE, TrialState.RUNNING))
        if len(done) >= job.trials:
            return
        if len(done) + len(running) >= job.trials:
            _bury(study, running, timedelta(seconds=2 * job.heartbeat_s))
            time.sleep(WAIT_S)
            continue
        try:
            study.optimize(lambda trial: _run_trial(job, study, storage, trial), n_trials=1, catch=(_Surplus,))
        except optuna.exceptions.UpdateFinishedTrialError:
            continue  # this process was silent for too long, and another one has taken the point
        except Exception as error:  # whatever a run may raise: the trial has failed, and the next one is tried
            failures += 1
            if failures >= FAILURES_MAX:
                raise StudyError(f"{failures} trials failed; the last with {type(error).__name__}: {error}") from error
        told(study)


def _bury(study: optuna.Study, running: list[FrozenTrial], grace: timedelta) -> None:
    """Fail trials that were taken by a process which died before it drew a parameter: it never said it lived."""
    for trial in running:
        if not trial.params and trial.datetime_start is not None and datetime.now() - trial.datetime_start > grace:
            study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)


def _run_trial(job: Job, study: optuna.Study, storage: RDBStorage, trial: optuna.Trial) -> float:
    before = study.get_trials(False, (TrialState.COMPLETE, TrialState.RUNNING))
    if sum(one.number < trial.number for one in before) >= job.trials:
        raise _Surplus
    storage.record_heartbeat(trial._trial_id)  # before anything is drawn: `_bury` relies on it
    trial.set_user_attr("worker", f"{socket.gethostname()} {os.getpid()}")
    drawn = {one.name: one.suggest(trial) for one in job.space.dimensions}
    texts = {**job.texts, **job.space.texts(drawn)}
    trial.set_user_attr("settings", texts)
    try:
        settings_of(texts)
    except ParamError as error:  # each is within its bounds; together they are not usable
        trial.set_user_attr("refused", str(error))
        runs: list[Figures] = []
    else:
        runs = [run(job.setup, texts, seed) for seed in job.fitting]
    trial.set_user_attr("runs", [one.plain() for one in runs])
    for name, miss in job.goal.misses(runs).items():
        trial.set_constraint(name, miss)
    return job.goal.value(runs) if runs else NOTHING_BPS


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that were run to their end, by number."""
    return study.get_trials(False, (TrialState.COMPLETE,))


def runs_of(trial: FrozenTrial) -> list[Figures]:
    """Return a trial's runs."""
    return [Figures.of(one) for one in trial.user_attrs["runs"]]


def is_within(trial: FrozenTrial) -> bool:
    """Whether a trial keeps every bound."""
    return all(miss <= 0 for miss in trial.constraints.values())


def best_of(trials: list[FrozenTrial]) -> FrozenTrial | None:
    """Return the best trial within the bounds; of equals the first. None: no trial is within them."""
    within = [trial for trial in trials if is_within(trial)]
    return max(within, key=lambda trial: (trial.value or 0.0, -trial.number), default=None)
