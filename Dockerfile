# Tertulia as a small image: no compiler, no root, data in /data.
FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
COPY requirements.lock ./
RUN python -m venv /opt/tertulia && /opt/tertulia/bin/pip install --require-hashes -r requirements.lock
COPY . .
RUN pip wheel --no-deps --wheel-dir /wheels . && /opt/tertulia/bin/pip install --no-deps /wheels/*.whl

FROM python:3.11.14-slim-bookworm
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data tertulia \
  && install -d -o tertulia -g tertulia -m 0700 /data
COPY --from=build /opt/tertulia /opt/tertulia
ENV PATH=/opt/tertulia/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
  TERTULIA_HOME=/data TERTULIA_WEB_HOST=0.0.0.0 TERTULIA_WEB_PORT=8080
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["tertulia"]
CMD ["run"]
