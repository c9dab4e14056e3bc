# A wheelhouse: a folder of wheels. idna 3.10 is in it, as in the index.
FROM trials:wheels
ENV PIP_FIND_LINKS=/index/wheels
RUN pip install --target /with-index idna==3.10
RUN PIP_NO_INDEX=1 pip install --target /alone idna==3.10
