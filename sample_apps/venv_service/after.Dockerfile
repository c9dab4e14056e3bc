# What builds: compilers, git and pip's cache stay in this stage.
FROM python:3.11-slim AS builder

RUN apt-get update && apt-get install -y --no-install-recommends \
    gcc \
    g++ \
    git \
    libpython3-dev \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*

RUN python -m venv /opt/venv
ENV PATH="/opt/venv/bin:$PATH"

COPY requirements.txt .
RUN pip install -r requirements.txt

# What ships: git, because the service calls it, and the finished environment, at the path it was made for.
FROM python:3.11-slim AS production

RUN apt-get update && apt-get install -y --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*

COPY --link --from=builder /opt/venv /opt/venv

ENV PATH="/opt/venv/bin:$PATH"
ENV VIRTUAL_ENV=/opt/venv

# The code alone in its layer, with its owner as it arrives: a chown in a later step would write every file once more.
# An owner given as a number needs no useradd, and --link needs a number: it does not look into the layers below.
WORKDIR /app
COPY --link --chown=10001:10001 chronicle/ /app/chronicle/
USER 10001

EXPOSE 8000

CMD ["gunicorn", "--bind", "0.0.0.0:8000", "chronicle.web:app"]
