# Lock while the index has idna 3.9 only, install when it has 3.10 too: once from the lock file, once from the ranges.
FROM trials:wheels AS base
RUN pip install --no-index --find-links /index/wheels uv
WORKDIR /locked
COPY lock/pyproject.toml .
RUN HIDE=idna-3.10 python3 /index/serve.py uv lock

FROM base AS locked
ARG AGAIN=no
RUN python3 /index/serve.py uv sync --frozen && uv pip freeze

FROM base AS ranges
RUN uv venv && python3 /index/serve.py uv pip install -r pyproject.toml && uv pip freeze

FROM base
COPY --from=locked /etc/hostname /1
COPY --from=ranges /etc/hostname /2
