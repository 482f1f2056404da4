# One image for every process; which one it is, the command says (see docker-compose.yml).
FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY requirements/run.lock requirements/
RUN python -m venv /opt/daeris \
 && /opt/daeris/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements/run.lock
COPY . .
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir build \
 && /opt/build/bin/python -m build --wheel --outdir /wheels . \
 && /opt/daeris/bin/pip install --no-cache-dir --no-deps /wheels/*.whl

FROM python:3.13-slim-bookworm
ENV PATH=/opt/daeris/bin:$PATH PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=daeris.settings DAERIS_MODE=production \
    DAERIS_DATA=/data STATIC_ROOT=/opt/daeris/static \
    GUNICORN_CMD_ARGS="--bind 0.0.0.0:8000 --no-control-socket"
RUN useradd --system --uid 10001 --home-dir /data daeris \
 && install -d -o daeris -g daeris /data
COPY --from=build /opt/daeris /opt/daeris
# Static files belong to the image; the settings ask for secrets that collecting does not use.
RUN SECRET_KEY=build DAERIS_FIELD_KEYS=build DAERIS_TOKEN_KEY=build DATABASE_URL=sqlite://:memory: \
    REDIS_URL=redis://unused django-admin collectstatic --no-input --verbosity 0
USER daeris
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["python", "-m", "daeris.health"]
CMD ["gunicorn", "daeris.wsgi", "--worker-class", "gthread", "--workers", "2", "--threads", "8"]
