FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1

WORKDIR /app

# An office with its own package index passes its address here.
ARG PIP_INDEX_URL
ARG PIP_TRUSTED_HOST

# Dependencies first, with a cache for pip
COPY requirements.txt .
RUN pip install --cache-dir /tmp/pip-cache -r requirements.txt

# Application code
COPY . .

RUN mkdir -p /app/logs

EXPOSE 8000

HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD python -c "from urllib.request import urlopen; urlopen('http://localhost:8000/health', timeout=4)"

CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]
