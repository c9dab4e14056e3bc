# What pip's timeout changes: with an index that answers, and with one that never does.
FROM python:3.11-slim AS base
COPY --from=trials:wheels /index /index
COPY small.txt .

FROM base AS default
RUN python3 /index/serve.py pip download -r small.txt

FROM base AS long
ENV PIP_DEFAULT_TIMEOUT=300
RUN python3 /index/serve.py pip download -r small.txt

FROM base AS silent
ENV SILENT=1
RUN python3 /index/serve.py sh -c '\
    pip download --timeout 300 --retries 0 certifi & patient=$!; \
    pip download --timeout 1 --retries 0 idna; echo "timeout 1: gave up"; \
    kill $patient && echo "timeout 300: was still waiting"'

FROM base
COPY --from=default /etc/hostname /1
COPY --from=long /etc/hostname /2
COPY --from=silent /etc/hostname /3
