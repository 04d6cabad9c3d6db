# Build:  docker build --tag gatehouse .
# Run:    docker run --init --read-only --tmpfs /tmp --stop-timeout 45 \
#           --cap-drop ALL --security-opt no-new-privileges \
#           --env JWT_SECRET --publish 127.0.0.1:5000:5000 \
#           --volume "$PWD/model:/srv/gatehouse/model:ro" gatehouse
# Promote a model to production first; docker-compose.yml starts the same with its neighbours.

# Give a digest for a base that never changes: --build-arg PYTHON_IMAGE=python@sha256:…
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /srv/gatehouse

# The compiler for the forest kernel; it stays in this stage, so its version is Debian's to choose.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*

# setuptools, needed only while building, is checked by its hash as well and leaves again below.
COPY requirements.txt ./
RUN echo 'setuptools==84.2.1 --hash=sha256:ca140b45d5325a9478f880e351484f62fef15f336462e449ca0c03c873d589c2' \
      > build-requirements.txt \
    && python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv/bin/python install --require-hashes --only-binary :all: \
      -r build-requirements.txt \
    && pip --python /opt/venv/bin/python install --require-hashes --no-build-isolation \
      --only-binary :all: --no-binary flasgger -r requirements.txt

# Modes are set here, so that a strict umask where the sources lie cannot lock the gateway out.
COPY pyproject.toml setup.py README.md LICENSE config.yaml gunicorn.conf.py ./
COPY configs ./configs
COPY jwt_tools ./jwt_tools
COPY scripts ./scripts
COPY app ./app
RUN pip --python /opt/venv/bin/python install --no-deps --no-index --no-build-isolation --editable . \
    && pip --python /opt/venv/bin/python uninstall --yes setuptools \
    && python -m compileall -q --invalidation-mode checked-hash app jwt_tools scripts \
    && rm -rf build-requirements.txt ./*.egg-info \
    && chmod -R u=rwX,go=rX .

FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Gatehouse" \
      org.opencontainers.image.description="A secure inference gateway for scikit-learn models." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="MIT"
WORKDIR /srv/gatehouse

# The base's own pip could install something later; nothing here needs it.
RUN python -m pip uninstall --yes --root-user-action=ignore pip setuptools wheel \
    && groupadd --gid 10001 gatehouse \
    && useradd --uid 10001 --gid gatehouse --no-create-home --home-dir /tmp \
      --shell /usr/sbin/nologin gatehouse \
    && install --directory --owner=gatehouse --group=gatehouse --mode=0700 runtime \
    && install --directory --mode=0755 model
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv/gatehouse ./

# PORT counts for the health check too, which speaks plain HTTP: with ssl_cert set, give your own.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    APP_ENV=prod \
    HOST=0.0.0.0 \
    PORT=5000
EXPOSE 5000

# Mount promoted models at /srv/gatehouse/model. Only runtime, and /tmp, are ever written to.
VOLUME ["/srv/gatehouse/runtime"]
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import http.client, os; link = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=3); link.request('GET', '/livez'); raise SystemExit(link.getresponse().status != 200)"]
CMD ["python", "-m", "app.serve"]
