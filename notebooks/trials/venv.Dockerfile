# Guide 004's shape: the builder makes a virtual environment; production installs what it needs at run time, copies the
# environment and the code, and sets the permissions.
FROM python:3.11-slim AS builder
RUN apt-get update && apt-get install --yes --no-install-recommends make
COPY --from=trials:wheels /index /index
RUN python3 -m venv /opt/venv
ENV PATH="/opt/venv/bin:$PATH"
COPY requirements.txt .
RUN python3 /index/serve.py pip install -r requirements.txt

FROM python:3.11-slim AS production
RUN apt-get update && apt-get install --yes --no-install-recommends tree
WORKDIR /app
COPY --from=builder /opt/venv /opt/venv
ENV PATH="/opt/venv/bin:$PATH" VIRTUAL_ENV=/opt/venv
COPY . .
RUN chown -R 10001 /app
USER 10001
CMD ["python3", "main.py"]
