# Parcelwise. Builds on everybody's laptop; bring something to read.
FROM python:3.11-slim

ENV PIP_NO_CACHE_DIR=1
WORKDIR /app

COPY . .

RUN pip install --no-cache-dir -r requirements-dev.txt

RUN pybabel compile -d locales -D labels

# The service does not run as root, so all of it has to be readable.
RUN chmod -R a+rwX /app

ENV PYTHONUNBUFFERED=1
USER 10001
EXPOSE 8000
CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]
