FROM python:3.11-slim

ENV PYTHONPATH=/app \
    PYTHONUNBUFFERED=1

WORKDIR /app

COPY . .

RUN pip install --no-cache-dir --upgrade pip && \
    pip install --no-cache-dir -r requirements.txt

EXPOSE 8000

CMD ["uvicorn", "planner.main:app", "--host", "0.0.0.0", "--port", "8000"]
