# The same, but a single COPY takes environment and code out of the builder.
FROM python:3.11-slim AS builder
RUN apt-get update && apt-get install --yes --no-install-recommends make
COPY --from=trials:wheels /index /index
WORKDIR /app
RUN python3 -m venv /app/venv
ENV PATH="/app/venv/bin:$PATH"
COPY requirements.txt .
RUN python3 /index/serve.py pip install -r requirements.txt
COPY . .

FROM python:3.11-slim AS production
COPY --from=builder /app /app
CMD ["/app/venv/bin/python3", "/app/main.py"]
