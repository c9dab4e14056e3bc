# Guide 002: packages under a prefix, which the second stage copies over its own.
FROM python:3.11-slim AS builder
COPY --from=trials:wheels /index /index
COPY requirements.txt .
RUN python3 /index/serve.py pip install --prefix=/install -r requirements.txt

FROM python:3.11-slim
WORKDIR /app
COPY --from=builder /install /usr/local
COPY . .
CMD ["python3", "main.py"]
