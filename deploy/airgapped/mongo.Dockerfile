# SecantusDB where a MongoDB is expected: the same port, folder, user and password file.
ARG BASE_IMAGE
FROM ${BASE_IMAGE} AS packages
COPY wheels /wheels
RUN python3 -m venv /stand-in \
 && /stand-in/bin/pip install -q --no-cache-dir --no-index --no-deps /wheels/*.whl \
 && rm -rf /stand-in/lib/python3.11/site-packages/pip* /stand-in/lib/python3.11/site-packages/setuptools*

FROM ${BASE_IMAGE}
COPY --from=packages /stand-in /stand-in
COPY mongo_stand_in.py /mongo_stand_in.py
RUN mkdir -p -m 0755 /data/db && chown 10001:10001 /data/db
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /data/db
EXPOSE 27017
USER 10001:10001
ENTRYPOINT ["/stand-in/bin/python3", "/mongo_stand_in.py"]
