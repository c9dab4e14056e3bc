# For CI, which builds from the root of the repository: docker build -f backend/root.Dockerfile .
FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1
WORKDIR /app

# An office with its own package index passes its address here.
ARG PIP_INDEX_URL
ARG PIP_TRUSTED_HOST

COPY backend/requirements.txt ./
RUN --mount=type=cache,id=amas-pip,target=/root/.cache/pip \
    pip install -r requirements.txt

RUN mkdir -p logs && chown 10001 logs
EXPOSE 8000
CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]
USER 10001

COPY --chmod=755 backend/ ./
