FROM python:3.11-slim
ARG PIP_VERSION=26.3
ENV PYTHONUNBUFFERED=1
WORKDIR /app

# pip itself changes less often than the list, so it comes first.
RUN --mount=type=cache,target=/root/.cache/pip,sharing=locked pip install pip==${PIP_VERSION}

COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/pip,sharing=locked pip install -r requirements.txt

EXPOSE 8000
CMD ["uvicorn", "planner.main:app", "--host", "0.0.0.0", "--port", "8000"]
# A number needs no useradd.
USER 10001
COPY --link planner/ /app/planner/
