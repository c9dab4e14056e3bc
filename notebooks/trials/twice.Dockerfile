# Both stages install everything.
FROM python:3.11-slim AS builder
RUN apt-get update && apt-get install --yes --no-install-recommends make
COPY --from=trials:wheels /index /index
COPY requirements.txt .
RUN python3 /index/serve.py pip install --no-cache-dir -r requirements.txt

FROM python:3.11-slim AS production
COPY --from=builder /etc/hostname /built
COPY --from=trials:wheels /index /index
COPY requirements.txt .
RUN python3 /index/serve.py pip install --no-cache-dir -r requirements.txt
COPY . .
