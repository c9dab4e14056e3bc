# Parcelwise. What's needed only to build stays in stages that don't ship.
FROM python:3.11-slim AS base
ENV PYTHONUNBUFFERED=1
WORKDIR /app

# At the same time as the next stage: the compiler of the translations, and what it makes.
FROM base AS texts
COPY requirements-build.txt ./
RUN --mount=type=cache,target=/root/.cache/pip pip install -r requirements-build.txt
COPY locales locales
RUN pybabel compile -d locales -D labels

FROM base AS packages
RUN python -m venv --without-pip /venv
COPY requirements.txt ./
RUN --mount=type=cache,target=/root/.cache/pip pip --python /venv/bin/python install -r requirements.txt

# Linked: none of these is copied again because one above it changed. So the table may come after the packages.
FROM base
ENV PATH=/venv/bin:$PATH
COPY --link --from=packages /venv /venv
COPY --link data /app/data
COPY --link --from=texts /app/locales /app/locales
COPY --link main.py /app/
COPY --link parcel /app/parcel
USER 10001
EXPOSE 8000
CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]
