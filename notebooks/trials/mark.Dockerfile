# Lists what others left in the default mount, and leaves a file there.
FROM python:3.11-slim
ARG ROUND=1
COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/pip ls /root/.cache/pip > /found; echo "found: $(tr '\n' ' ' < /found)"; \
    date > /root/.cache/pip/round-$ROUND
