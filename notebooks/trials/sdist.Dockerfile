# A package that comes as source: pip builds a wheel of it and keeps that in the mount.
FROM python:3.11-slim
ARG AGAIN=no
COPY --from=trials:wheels /index /index
RUN --mount=type=cache,id=sdist,target=/root/.cache/pip \
    python3 /index/serve.py pip install --use-pep517 docopt==0.6.2 certifi==2025.7.14 && echo "again: $AGAIN"
