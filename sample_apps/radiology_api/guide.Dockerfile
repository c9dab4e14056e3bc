ARG PYTHON_VERSION=3.11

# Stage 1: dependencies
FROM python:${PYTHON_VERSION}-slim AS dependencies

ENV PYTHONUNBUFFERED=1

WORKDIR /app

RUN apt-get update && apt-get install -y --no-install-recommends \
    gcc \
    g++ \
    curl \
    && rm -rf /var/lib/apt/lists/*

COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt

# Stage 2: application code
FROM dependencies AS application

COPY main.py .
COPY radiassist/ radiassist/

EXPOSE 8000
CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]

# Stage 3: model weights
FROM application AS models

COPY models/ models/

# Stage 4: runtime configuration
FROM models AS runtime

RUN mkdir -p /app/logs /app/uploads && chmod 755 /app/logs /app/uploads

HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD curl --fail --silent http://localhost:8000/health || exit 1
