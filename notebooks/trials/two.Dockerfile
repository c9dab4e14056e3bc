# Two stages: the image has of the first only what the second copies.
FROM python:3.11-slim AS builder
RUN echo tools > /tools
COPY requirements.txt .
RUN cat requirements.txt > /installed

FROM python:3.11-slim
COPY --from=builder /installed /installed
COPY main.py .
