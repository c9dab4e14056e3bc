FROM python:3.11-slim
ARG SETTING=1
ENV SETTING=$SETTING
WORKDIR /app
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY . .
CMD ["python3", "main.py"]
