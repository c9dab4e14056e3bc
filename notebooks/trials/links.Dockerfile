# A wheelhouse: the folder of wheels, asked before the index. idna 3.10 lies in it; the index has newer ones.
FROM trials:wheels
ENV PIP_FIND_LINKS=/index/wheels
RUN pip install --target /pinned idna==3.10
RUN pip install --target /newest idna
