FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1
WORKDIR /app

# An office with its own package index passes its address here.
ARG PIP_INDEX_URL
ARG PIP_TRUSTED_HOST

# pip's cache is outside the image. The mount has the project's own id, by which `build.py --clean-cache` finds it.
COPY requirements.txt ./
RUN --mount=type=cache,id=amas-pip,target=/root/.cache/pip \
    pip install -r requirements.txt

# A number needs no useradd. What the service may write is made before the code: no edit makes it again.
RUN mkdir logs && chown 10001 logs
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://localhost:8000/health', timeout=4)"]
CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]
USER 10001

# All that after.Dockerfile.dockerignore lets in.
COPY --chmod=755 . .
