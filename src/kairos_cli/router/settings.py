"""How a router is to run."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

from kairos_cli.domain.latency_profile import ModelProfile
from kairos_cli.router.answer_limits import AnswerLimits
from kairos_cli.router.batch_source import BatchSource
from kairos_cli.router.http_site import Limits
from kairos_cli.router.rules import Rules


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; `tls` for HTTPS."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class GrpcAddress:
    """Where to listen for gRPC; `tls` holds a private key and its chain of certificates, as PEM."""

    host: str
    port: int
    tls: tuple[bytes, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """How a router is to run: over HTTP at `front`, over gRPC at `grpc`, or both.

    `backends` are pairs of type and URL; without a token there is no admin port. Over gRPC the batch size stands in the
    metadata `batch_header`, if that is given.
    """

    model: ModelProfile
    front: Address | None
    backends: Sequence[tuple[str, str]]
    source: BatchSource
    policy: str = "shadow"
    option: Sequence[float] = (0.0,)
    rules: Rules = field(default_factory=Rules)
    limits: Limits = field(default_factory=Limits)
    answers: AnswerLimits = field(default_factory=AnswerLimits)
    admin: Address | None = None
    token: str = ""
    grace_s: float = 30.0
    learn_every_s: float = 1.0
    grpc: GrpcAddress | None = None
    batch_header: str | None = None
