# One stage builds a virtual environment with the packages and the planner in it, the other ships it.
FROM python:3.11-slim AS builder
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY planner/ /venv/lib/python3.11/site-packages/planner/
RUN python -m compileall -q /venv/lib/python3.11/site-packages/planner

FROM python:3.11-slim
COPY --from=builder /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /app
EXPOSE 8000
USER 10001
CMD ["uvicorn", "planner.main:app", "--host", "0.0.0.0", "--port", "8000"]
