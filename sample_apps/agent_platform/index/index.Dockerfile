# The office's package index: what the service needs, and what it may need next.
FROM python:3.11-slim
WORKDIR /index
COPY backend/requirements.txt index/next.txt ./
RUN pip wheel --no-cache-dir --no-deps --wheel-dir wheels -r requirements.txt -r next.txt
COPY index/serve.py ./
EXPOSE 8080
CMD ["python", "-u", "serve.py"]
