# Guide 004: the builder makes a virtual environment, production copies it.
FROM python:3.11-slim AS builder
RUN apt-get update && apt-get install --yes --no-install-recommends make
COPY --from=trials:wheels /index /index
RUN python3 -m venv /opt/venv
ENV PATH="/opt/venv/bin:$PATH"
COPY requirements.txt .
RUN python3 /index/serve.py pip install -r requirements.txt

FROM python:3.11-slim AS production
WORKDIR /app
COPY --from=builder /opt/venv /opt/venv
ENV PATH="/opt/venv/bin:$PATH" VIRTUAL_ENV=/opt/venv
COPY . .
USER 10001
CMD ["python3", "main.py"]
