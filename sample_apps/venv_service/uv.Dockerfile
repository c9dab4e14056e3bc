# As after.Dockerfile, but uv installs, from a cache mount: only a new dependency is downloaded, and what was
# compiled once isn't compiled again.
FROM python:3.11-slim AS builder

RUN apt-get update && apt-get install -y --no-install-recommends \
    gcc \
    g++ \
    git \
    libpython3-dev \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*

ARG UV_VERSION=0.13.8
# The cache is on another file system than the image, so uv copies files instead of linking them.
ENV UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never \
    VIRTUAL_ENV=/opt/venv
RUN pip install --no-cache-dir uv==${UV_VERSION} && uv venv /opt/venv

COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install --compile-bytecode -r requirements.txt

FROM python:3.11-slim AS production

RUN apt-get update && apt-get install -y --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*

COPY --link --from=builder /opt/venv /opt/venv

ENV PATH="/opt/venv/bin:$PATH"
ENV VIRTUAL_ENV=/opt/venv

WORKDIR /app
COPY --link --chown=10001:10001 chronicle/ /app/chronicle/
USER 10001

EXPOSE 8000

CMD ["gunicorn", "--bind", "0.0.0.0:8000", "chronicle.web:app"]
