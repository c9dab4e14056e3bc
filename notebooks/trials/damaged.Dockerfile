# Damages the wheel that pip built and keeps in the mount of sdist.Dockerfile, as a full disk or a killed build might.
FROM python:3.11-slim
RUN --mount=type=cache,id=sdist,target=/root/.cache/pip \
    find /root/.cache/pip/wheels -name '*.whl' -print -exec truncate --size=100 {} +
