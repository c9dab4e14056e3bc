# The front desk, for CI: one stage makes a virtual environment with packages and code, the other ships it.
FROM python:3.11-slim AS builder
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY main.py /venv/app/

FROM python:3.11-slim
COPY --from=builder /venv /venv
ENV PATH=/venv/bin:$PATH
WORKDIR /venv/app
EXPOSE 8000
CMD ["python", "main.py"]
