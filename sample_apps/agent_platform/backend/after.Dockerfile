FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1
WORKDIR /app

# An office with a package index of its own says here where it is.
ARG PIP_INDEX_URL
ARG PIP_TRUSTED_HOST

# pip's cache lies beside the image, not in it. The id is the project's own: `build.py --clean-cache` finds it by that.
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
