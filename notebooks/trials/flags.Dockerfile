# One installation in eight ways, side by side. As PyPI does, the index lets its files be kept; in `revalidated` it only gives
# them an ETag, and in `refused` it forbids keeping.
FROM python:3.11-slim AS base
COPY --from=trials:wheels /index /index
COPY small.txt .

FROM base AS flag
RUN python3 /index/serve.py pip install --no-cache-dir -r small.txt

FROM base AS plain
RUN python3 /index/serve.py pip install -r small.txt

FROM base AS folder
RUN python3 /index/serve.py pip install --cache-dir /tmp/pip-cache -r small.txt

FROM base AS zero
ENV PIP_NO_CACHE_DIR=0
RUN --mount=type=cache,id=zero,target=/root/.cache/pip python3 /index/serve.py pip install -r small.txt

FROM base AS mount
RUN --mount=type=cache,id=mount,target=/root/.cache/pip python3 /index/serve.py pip install -r small.txt

FROM base AS revalidated
ENV KEEP="" ETAGS=1
RUN --mount=type=cache,id=revalidated,target=/root/.cache/pip python3 /index/serve.py pip install -r small.txt

FROM base AS refused
ENV KEEP=no-store
RUN --mount=type=cache,id=refused,target=/root/.cache/pip python3 /index/serve.py pip install -r small.txt

FROM base AS elsewhere
RUN --mount=type=cache,id=elsewhere,target=/cache python3 /index/serve.py pip install -r small.txt

FROM base
COPY --from=flag /etc/hostname /1
COPY --from=plain /etc/hostname /2
COPY --from=folder /etc/hostname /3
COPY --from=zero /etc/hostname /4
COPY --from=mount /etc/hostname /5
COPY --from=revalidated /etc/hostname /6
COPY --from=refused /etc/hostname /7
COPY --from=elsewhere /etc/hostname /8
