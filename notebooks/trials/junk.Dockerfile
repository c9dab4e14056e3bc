# Everything first. The RUN stands for an installation.
FROM python:3.11-slim
WORKDIR /app
COPY . .
RUN cat requirements.txt > /installed
