ARG PYTHON_VERSION=3.11

# As after.Dockerfile, but uv installs the packages, from a cache mount: only a new one is downloaded.
FROM python:${PYTHON_VERSION}-slim AS installer
ARG UV_VERSION=0.13.8
# The cache is on another file system than the image, so uv copies files instead of linking them.
ENV UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir uv==${UV_VERSION} && uv venv /opt/venv
ENV VIRTUAL_ENV=/opt/venv
COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install --compile-bytecode -r requirements.txt

FROM scratch AS models
COPY --chmod=755 models/chest.npy /models/chest.npy

FROM scratch AS code
COPY --chmod=755 main.py /app/
COPY --chmod=755 radiassist/ /app/radiassist/

# Each from a stage of its own, linked: none is copied again because another changed.
FROM python:${PYTHON_VERSION}-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1
WORKDIR /app
EXPOSE 8000
CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]
USER 10001
COPY --link --from=installer /opt/venv /opt/venv
COPY --link --from=models /models/ models/
COPY --link --from=code /app/ ./
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://localhost:8000/health', timeout=4)"]
