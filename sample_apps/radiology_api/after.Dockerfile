ARG PYTHON_VERSION=3.11

# What changes least comes first. Every package is a wheel: there is nothing to compile, so no compiler is installed.
FROM python:${PYTHON_VERSION}-slim AS dependencies
ENV PYTHONUNBUFFERED=1
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
EXPOSE 8000
CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]
# A number needs no useradd. --chmod below makes files readable to it that only you may read.
USER 10001

# Weights and code each alone: BuildKit ignores --link on a COPY with --chmod, so the two are given to different COPYs.
FROM scratch AS models
COPY --chmod=755 models/chest.npy /models/chest.npy

FROM scratch AS code
COPY --chmod=755 main.py /app/
COPY --chmod=755 radiassist/ /app/radiassist/

# The service without its weights, for tests: --target application
FROM dependencies AS application
COPY --link --from=code /app/ ./

# The service. Weights before code: new code doesn't touch them, and the link keeps the code when they change.
FROM dependencies AS runtime
COPY --link --from=models /models/ models/
COPY --link --from=code /app/ ./
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://localhost:8000/health', timeout=4)"]
