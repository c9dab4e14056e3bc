# What is in the image of venv.Dockerfile, asked of that image itself.
FROM trials:venv AS image
ARG QUESTION
RUN sh -c "$QUESTION"
