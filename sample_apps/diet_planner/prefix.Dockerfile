# Stage 1: the packages, in a folder of their own
FROM python:3.11-slim AS builder

COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --upgrade pip && \
    pip install --prefix=/install -r requirements.txt

# Stage 2: what is shipped
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1
WORKDIR /app

COPY --from=builder /install /usr/local
COPY . .

EXPOSE 8000
CMD ["uvicorn", "planner.main:app", "--host", "0.0.0.0", "--port", "8000"]
