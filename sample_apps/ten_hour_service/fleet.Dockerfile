# Parcelwise, as the CI of the whole company builds it: tools, translations, packages, then the code.
FROM python:3.11-slim AS build
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /build
COPY requirements-build.txt requirements-tools.txt ./
RUN pip install --no-cache-dir -r requirements-tools.txt && uv venv /venv
COPY locales locales
RUN pybabel compile -d locales -D labels
COPY requirements.txt ./
RUN --mount=type=cache,target=/root/.cache/uv uv pip install --compile-bytecode --python /venv -r requirements.txt

FROM python:3.11-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /app
COPY data data
COPY --from=build /venv /venv
COPY --from=build /build/locales locales
COPY main.py ./
COPY parcel parcel
USER 10001
EXPOSE 8000
CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]
