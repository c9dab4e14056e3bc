# What builds: compilers, git and pip's cache stay in this stage.
FROM python:3.11-slim AS builder

RUN apt-get update && apt-get install -y --no-install-recommends \
    gcc \
    g++ \
    git \
    libpython3-dev \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*

# Into an empty folder. From there the packages go to where the production stage's Python looks anyway.
COPY requirements.txt .
RUN pip install --prefix=/install -r requirements.txt

# What ships: git, because the service calls it, and the packages. No environment, so nothing to put into PATH.
FROM python:3.11-slim AS production

RUN apt-get update && apt-get install -y --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*

COPY --link --from=builder /install /usr/local

WORKDIR /app
COPY --link --chown=10001:10001 chronicle/ /app/chronicle/
USER 10001

EXPOSE 8000

CMD ["gunicorn", "--bind", "0.0.0.0:8000", "chronicle.web:app"]
