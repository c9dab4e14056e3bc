FROM python:3.11-slim AS builder
ARG UV_VERSION=0.13.8
# uv lets several builds share one cache. "locked" would make them wait, "private" would give each its own.
ARG SHARING=shared
# The cache is on another file system than the image, so uv copies files instead of linking them.
ENV UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /app
RUN --mount=type=cache,target=/root/.cache/pip pip install uv==${UV_VERSION} && uv venv
COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/uv,sharing=${SHARING} \
    uv pip install --compile-bytecode -r requirements.txt

# What is shipped: the virtual environment, without uv and without a trace of pip.
FROM python:3.11-slim
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1
WORKDIR /app
EXPOSE 8000
CMD ["uvicorn", "planner.main:app", "--host", "0.0.0.0", "--port", "8000"]
USER 10001
COPY --from=builder /app/.venv .venv
COPY --link planner/ /app/planner/
