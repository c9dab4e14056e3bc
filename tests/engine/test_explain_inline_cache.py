"""Case 80: an inline cache of several stages, on a machine that has nothing, and what the explanation says of it."""

from __future__ import annotations

import secrets

from layerlab import App, Machine, explain
from layerlab.machine.registry import Registry

DOCKERFILE = """FROM python:3.11-slim AS base
RUN echo SALT
FROM base AS builder
RUN echo deps > /venv
FROM base
RUN echo runtime
COPY --from=builder /venv /venv
"""


def test_all_is_cached_and_nothing_is_blamed(lab_home, private, tmp_path):
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.replace("SALT", secrets.token_hex(4)))
    with Registry.start("inline") as registry, Machine.start("inline") as runner, App.from_path(tmp_path) as app:
        ref = registry.ref("inline:latest")
        options = ["--build-arg=BUILDKIT_INLINE_CACHE=1", f"--tag={ref}"]
        runner.build(app, "Dockerfile", options=options, view="none")
        runner.docker("push", ref)
        runner.reset()
        imported = [f"--cache-from=type=registry,ref={ref}", "--output=type=cacheonly"]
        again = runner.build(app, "Dockerfile", options=imported, view="none")
        explanation = explain(again)
        assert again.state("runtime") == again.state("COPY --from") == "CACHED"
        assert {s.line for s in explanation.roots} <= {4}, explanation  # the builder's layers aren't in an inline cache
        assert all(c.kind == "unknown" for s in explanation.roots for c in s.causes)
