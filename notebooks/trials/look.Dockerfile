# Asks the image of venv.Dockerfile a question about itself.
FROM trials:venv AS image
ARG QUESTION
RUN sh -c "$QUESTION"
