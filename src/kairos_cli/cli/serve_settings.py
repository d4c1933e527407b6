"""What `kairos serve` is to do, from its flags, a scenario's table [serve], and a plan."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from kairos_cli.cli.admin_options import admin_token
from kairos_cli.cli.answer import note
from kairos_cli.cli.pool_check import table_of_pool
from kairos_cli.cli.serve_backends import Ways, backends_of, by_type, pool_of_backends
from kairos_cli.cli.serve_tls import pem, tls_context
from kairos_cli.domain.latency_profile import ModelProfile
from kairos_cli.domain.serving import Serving
from kairos_cli.errors import InputError, Problem, Source
from kairos_cli.loading.plan_file import SavedPlan, load_plan
from kairos_cli.loading.scenario import load_scenario
from kairos_cli.loading.serve_table import read_serve_table
from kairos_cli.loading.toml_file import TomlFile
from kairos_cli.policies import NAMES
from kairos_cli.router.answer_limits import AnswerLimits
from kairos_cli.router.batch_source import BatchSource, batch_source
from kairos_cli.router.event_loop import check_grpc_installed
from kairos_cli.router.http_router import Router
from kairos_cli.router.http_site import Limits
from kairos_cli.router.journal import Journal
from kairos_cli.router.rules import Rules
from kairos_cli.router.settings import Address, GrpcAddress, Settings

_USUAL = {
    "policy": "shadow", "late": "serve", "host": "127.0.0.1", "admin_host": "127.0.0.1",
    "longest_wait_s": 60.0, "answer_timeout_s": 60.0, "grace_s": 30.0, "max_body_mb": 64, "max_connections": 1024,
    "max_waiting": 10_000,
}  # fmt: skip
#: The flags that are not called as their keys are.
_FLAGS = {"longest_wait_s": "--longest-wait", "answer_timeout_s": "--answer-timeout", "grace_s": "--grace"}
_LARGEST = 1_000_000
_PORT = 8000


def prepared(
    scenario: Path | None, profiles: Path | None, slow: float, flags: Mapping[str, Any]
) -> Callable[[], Coroutine[Any, Any, bool]]:
    """Return what runs the router; raises InputError for anything that cannot be served."""
    file = TomlFile(scenario) if scenario else None
    given = _given(file, flags)
    plan = load_plan(given["plan"]) if "plan" in given else None
    question = _question(file, plan, profiles)
    if plan is not None and question is plan.scenario and given["policy"] == plan.policy:
        question = replace(question, serving=plan.serving)
    question = replace(question, model=question.model.slowed(slow), qos=question.qos.slowed(slow))
    _check_serving(question.serving, given)
    backends, ways = backends_of(given)
    if ways.grpc:
        check_grpc_installed("kairos serve --grpc-port")
    pool = pool_of_backends(backends)
    table, counts = table_of_pool(question, pool, "--backend")
    settings = _settings(given, question.model, backends, ways, _option(given["policy"], table, counts))
    if plan is not None and plan.pool.by_type != pool.by_type:
        note(f"note: the plan's pool is {plan.pool}, the backends are {pool}")

    async def run() -> bool:
        from kairos_cli.planner.capacity import shadow_prices

        router = Router(settings, table, shadow_prices, Journal(lambda line: click.echo(line, err=True)))
        try:
            return await router.run()
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            flag = "--port" if error.errno else "--grpc-port"  # gRPC tells no number
            raise InputError.of(f"cannot listen: {reason}", flag, "choose another port or address") from None

    return run


def _check_serving(serving: Serving, given: Mapping[str, Any]) -> None:
    """Raise InputError where queries cannot be merged or split as was planned."""
    if "batch_from" in given and not serving.one_at_a_time:
        message = f"{serving} needs the batch to be the first dimension of all tensors"
        raise InputError.of(message, "--batch-from", "leave it out")


def _given(file: TomlFile | None, flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of flags, or else of the table, or else the usual ones."""
    of_flags = dict(flags)
    if "backends" in of_flags:
        of_flags["backends"] = by_type(of_flags["backends"])
    given = {**_USUAL, **(read_serve_table(file) if file else {}), **of_flags}

    def source(key: str) -> Source | None:
        if key in of_flags or file is None:
            return Source(_FLAGS.get(key, f"--{key.replace('_', '-')}"))
        return file.source("serve", key)

    problems = [Problem(message, source(key)) for key, message in _wrong(given)]
    if problems:
        raise InputError(problems)
    return given


def _wrong(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each key whose value cannot be used, and what is wrong with it."""
    for key in ("longest_wait_s", "answer_timeout_s", "grace_s", "max_body_mb", "max_connections", "max_waiting"):
        if not 0 < given[key] < _LARGEST:
            yield key, f"must be > 0 and < {_LARGEST:,}, got {given[key]:g}"
    for key, choices in (("policy", tuple(NAMES)), ("late", ("serve", "reject"))):
        if given[key] not in choices:
            yield key, f"must be one of {', '.join(choices)}, got {given[key]!r}"
    for key in ("port", "grpc_port", "admin_port"):
        if not 0 <= given.get(key, 0) <= 65535:
            yield key, f"must be a port, got {given[key]}"


def _question(file: TomlFile | None, plan: SavedPlan | None, profiles: Path | None) -> Any:
    """Return the scenario: that of the file if it states one, else that of the plan."""
    if plan is not None and (file is None or "model" not in file.data):
        return plan.scenario
    if file is None:
        raise InputError.of("neither a plan nor a scenario is given", None, "--plan plan.json")
    return load_scenario(file, {}, profiles, pool_given=True)


def _option(policy: str, table: Any, counts: Any) -> Sequence[float]:
    """Return the most promising option of a policy for the pool."""
    from kairos_cli.simulate.tuning import options

    return options(policy, table, counts)[0]


def _settings(
    given: dict[str, Any], model: ModelProfile, backends: list[tuple[str, str]], ways: Ways, option: Sequence[float]
) -> Settings:
    cert, key = given.get("tls_cert"), given.get("tls_key")
    tls = tls_context(cert, key)
    admin = Address(given["admin_host"], given["admin_port"], tls) if "admin_port" in given else None
    return Settings(
        model,
        Address(given["host"], given.get("port", _PORT), tls) if ways.http else None,
        backends,
        _source(given.get("batch_from")),
        given["policy"],
        option,
        Rules(given["late"], given["longest_wait_s"] * 1000, given["max_waiting"]),
        Limits(given["max_body_mb"] * 2**20, connections=given["max_connections"]),
        AnswerLimits(given["answer_timeout_s"]),
        admin,
        _token(given.get("admin_token_file"), admin is not None),
        given["grace_s"],
        grpc=GrpcAddress(given["host"], given["grpc_port"], pem(cert, key)) if ways.grpc else None,
        batch_header=_batch_header(given.get("batch_from")) if ways.grpc else None,
    )


def _source(text: str | None) -> BatchSource:
    try:
        return batch_source(text)
    except ValueError as error:
        hint = "write it as header:X-Items, or json:parameters.items"
        raise InputError.of(str(error), "--batch-from", hint) from None


def _batch_header(text: str | None) -> str | None:
    """Return the metadata that tell the batch size over gRPC; none if the shape does."""
    if text is None:
        return None
    kind, _, name = text.partition(":")
    if kind != "header":
        raise InputError.of("there is no JSON over gRPC", "--batch-from", "write it as header:X-Items")
    return name.lower()


def _token(path: Path | None, wanted: bool) -> str:
    """Return the admin token of a file; whoever has it can add servers, so it must be hard to guess."""
    if path is None:
        if wanted:
            hint = "head -c 32 /dev/urandom | base64 > token; --admin-token-file token"
            raise InputError.of("the admin port needs a token", "--admin-port", hint)
        return ""
    return admin_token(path)
