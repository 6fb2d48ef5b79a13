# The service as an image, and the environment that trains its model. docs/serving.md, "The image", says how to build,
# run and check both; Dockerfile.gpu is the machine of a runner. No secret is in any stage at any time: an index of one's
# own comes as the build secret `pip`, a pip.conf that no layer keeps.
#
# A tag, since each build then gets the newest security updates; `verdict release` and who wants the very bytes of a base
# give its digest: --build-arg BASE_IMAGE=python@sha256:...
ARG BASE_IMAGE=docker.io/library/python:3.11-slim-bookworm
# Whose packages the target `sbom` lists: those of `torch` for an encoder.
ARG ENVIRONMENT=builder

# --- pip, in an environment of its own: what is served has none
FROM ${BASE_IMAGE} AS tools
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN python3 -m venv /opt/tools

# --- builder: what the service imports, and its code
FROM tools AS builder
COPY requirements/serving.txt /tmp/requirements/
# pip would write bytecode with the time of each file in it, which is stale once the layer has another time: a read-only
# container would compile everything anew at each start. Python never compares an unchecked hash.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf,mode=0444 \
    python3 -m venv --without-pip /opt/venv \
    && /opt/tools/bin/pip --python /opt/venv/bin/python install --no-cache-dir --no-compile \
        --requirement /tmp/requirements/serving.txt \
    && echo /app > "$(echo /opt/venv/lib/python3*/site-packages)/verdict.pth" \
    && PYTHONHASHSEED=0 python3 -B -m compileall -q -f --invalidation-mode unchecked-hash /opt/venv/lib
COPY verdict/__init__.py /app/verdict/
COPY verdict/base /app/verdict/base
COPY verdict/classifier/*.py /app/verdict/classifier/
COPY verdict/classifier/dataset /app/verdict/classifier/dataset
COPY verdict/classifier/features /app/verdict/classifier/features
COPY verdict/classifier/models /app/verdict/classifier/models
COPY verdict/classifier/params /app/verdict/classifier/params
COPY verdict/web /app/verdict/web
COPY verdict/monitoring/__init__.py /app/verdict/monitoring/
COPY verdict/monitoring/reference /app/verdict/monitoring/reference
COPY verdict/serving /app/verdict/serving
# Of the commands this one alone: without its __init__.py, which lists all of them, the folder is a package all the same.
COPY verdict/cli/serve.py verdict/cli/http_options.py verdict/cli/exits.py /app/verdict/cli/
# Modes, too, are part of a layer's digest, and a checkout has those of its umask. The list is of what the service needs
# of Python's own library: images of Python come without its bytecode.
RUN PYTHONHASHSEED=0 python3 -B -m compileall -q -f --invalidation-mode unchecked-hash /app \
    && chmod -R u=rwX,go=rX /app \
    && /opt/venv/bin/python -I -B -c "import sys, verdict.cli.serve, verdict.serving.server; \
print(*sorted(m.__file__ for m in sys.modules.values() \
if (getattr(m, '__file__', None) or '').endswith('.py') and m.__file__.startswith(sys.base_prefix)), sep='\n')" \
        > /stdlib.txt

# --- reference: what texts are counted by, with a mode that no umask moves
FROM ${BASE_IMAGE} AS reference
COPY models/reference.json /reference.json
RUN chmod 0644 /reference.json

# --- artifact: the model, likewise
FROM ${BASE_IMAGE} AS artifact
COPY models/classifier /artifact
RUN chmod -R u=rwX,go=rX /artifact

# --- torch: the builder, with what an encoder needs
FROM builder AS torch
# An index of torch alone, such as the one that pytorch.org names for CPU; empty for pip's own, whose torch has CUDA.
ARG TORCH_INDEX=""
COPY requirements.txt requirements/encoder.txt /tmp/requirements/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf,mode=0444 \
    torch="$(grep -o '^torch==[0-9.]*' /tmp/requirements/requirements.txt)" \
    && /opt/tools/bin/pip --python /opt/venv/bin/python install --no-cache-dir --no-compile \
        ${TORCH_INDEX:+--index-url "${TORCH_INDEX}"} --constraint /tmp/requirements/requirements.txt "${torch}" \
    && /opt/tools/bin/pip --python /opt/venv/bin/python install --no-cache-dir --no-compile \
        --requirement /tmp/requirements/serving.txt --requirement /tmp/requirements/encoder.txt \
    && PYTHONHASHSEED=0 python3 -B -m compileall -q -f -x 'py31[2-9]' --invalidation-mode unchecked-hash \
        /opt/venv/lib

# --- trainer: all stages of the DAG, in a checkout that is mounted: verdict repro
FROM tools AS trainer
# No versions: the mirrors hold a release's newest ones only, and a pinned one would fail with the next security update.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/*
# As above: torch's build. pip's own index has the one with CUDA, for `docker run --gpus all`.
ARG TORCH_INDEX=""
COPY requirements.txt requirements/encoder.txt /tmp/requirements/
# By which `python -I` finds the packages of the checkout.
COPY install /tmp/install
RUN --mount=type=secret,id=pip,target=/etc/pip.conf,mode=0444 \
    python3 -m venv /opt/venv \
    && torch="$(grep -o '^torch==[0-9.]*' /tmp/requirements/requirements.txt)" \
    && /opt/venv/bin/pip install --no-cache-dir ${TORCH_INDEX:+--index-url "${TORCH_INDEX}"} "${torch}" \
    && /opt/venv/bin/pip install --no-cache-dir \
        --requirement /tmp/requirements/requirements.txt --requirement /tmp/requirements/encoder.txt \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps /tmp/install
# The home is for whatever user owns the checkout (--user), who has none here.
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    CUBLAS_WORKSPACE_CONFIG=:4096:8 \
    DVC_SITE_CACHE_DIR=/tmp/dvc-site \
    DVC_NO_ANALYTICS=1
WORKDIR /work
USER 65532:65532
CMD ["verdict", "repro"]

# --- counter: what counts labels that come back, with a driver for PostgreSQL; no model and nothing that scores
FROM tools AS counter
COPY requirements/feedback.txt requirements/postgresql.txt /tmp/requirements/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf,mode=0444 \
    python3 -m venv --without-pip /opt/venv \
    && /opt/tools/bin/pip --python /opt/venv/bin/python install --no-cache-dir --no-compile \
        --requirement /tmp/requirements/feedback.txt --requirement /tmp/requirements/postgresql.txt \
    && echo /app > "$(echo /opt/venv/lib/python3*/site-packages)/verdict.pth" \
    && PYTHONHASHSEED=0 python3 -B -m compileall -q -f --invalidation-mode unchecked-hash /opt/venv/lib
COPY verdict/__init__.py /app/verdict/
COPY verdict/base /app/verdict/base
COPY verdict/web /app/verdict/web
COPY verdict/monitoring/__init__.py /app/verdict/monitoring/
COPY verdict/monitoring/feedback /app/verdict/monitoring/feedback
COPY verdict/cli/feedback.py verdict/cli/http_options.py verdict/cli/exits.py /app/verdict/cli/
RUN PYTHONHASHSEED=0 python3 -B -m compileall -q -f --invalidation-mode unchecked-hash /app \
    && chmod -R u=rwX,go=rX /app

# --- feedback: docker build --target feedback; docs/monitoring.md says how to run it
FROM ${BASE_IMAGE} AS feedback
RUN rm -rf /usr/local/bin/pip* /usr/local/bin/wheel* /usr/local/lib/python3*/site-packages/* \
        /usr/local/lib/python3*/ensurepip /usr/lib/python3*/ensurepip /usr/share/python-wheels
COPY --from=counter /opt/venv /opt/venv
COPY --from=counter /app /app
EXPOSE 8002 8003
WORKDIR /app
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["bash", "-c", "\
exec 3<>/dev/tcp/127.0.0.1/8002 \
&& printf 'GET /health HTTP/1.0\\r\\n\\r\\n' >&3 \
&& read -r _ code _ <&3 \
&& [ $code = 200 ]"]
# A folder of the host, which outlives the container; or another URL, with which nothing is written here.
ENV VERDICT_DATABASE=sqlite:////data/feedback.db
ENTRYPOINT ["/opt/venv/bin/python", "-I", "-m", "verdict.cli.feedback", "--host", "0.0.0.0", "--metrics-host", "0.0.0.0"]

# --- sbom: what is installed in the image: docker build --target sbom --output DIR
FROM ${ENVIRONMENT} AS inventory
COPY requirements/images.txt /tmp/requirements/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf,mode=0444 \
    /opt/tools/bin/pip install --no-cache-dir --requirement /tmp/requirements/images.txt \
    && /opt/tools/bin/cyclonedx-py environment --output-reproducible --output-file /python.json /opt/venv/bin/python \
    && dpkg-query --show --showformat='deb/debian ${Package} ${Version} ${Architecture}\n' > /others.txt \
    && python3 -c "import platform; print('generic python', platform.python_version(), platform.machine())" >> /others.txt

FROM scratch AS sbom
COPY --from=inventory /python.json /others.txt /

# --- runtime: the base without pip, and how the service starts
FROM ${BASE_IMAGE} AS runtime
COPY --from=builder /stdlib.txt /tmp/
# pip goes, and what could bring it back.
RUN rm -rf /usr/local/bin/pip* /usr/local/bin/wheel* /usr/local/lib/python3*/site-packages/* \
        /usr/local/lib/python3*/ensurepip /usr/lib/python3*/ensurepip /usr/share/python-wheels \
    && PYTHONHASHSEED=0 python3 -I -B -m compileall -q -f --invalidation-mode unchecked-hash -i /tmp/stdlib.txt \
    && rm /tmp/stdlib.txt
EXPOSE 8000 8001
WORKDIR /app
# By number: Kubernetes can tell that a number is not root, and refuses a name under runAsNonRoot.
USER 65532:65532
# Builtins of bash, and no Python: asked every ten seconds, a Python would cost as much as hundreds of answers.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["bash", "-c", "\
exec 3<>/dev/tcp/127.0.0.1/8000 \
&& printf 'GET /health HTTP/1.0\\r\\n\\r\\n' >&3 \
&& read -r _ code _ <&3 \
&& [ $code = 200 ]"]
# -I: nothing of a mounted folder, a variable or a user is imported. Options of `verdict serve` may follow.
ENTRYPOINT ["/opt/venv/bin/python", "-I", "-m", "verdict.cli.serve", "--host", "0.0.0.0", "--metrics-host", "0.0.0.0"]
ARG BASE_IMAGE
ARG VERSION=unreleased
ARG COMMIT=""
ARG ARTIFACT=""
ARG INPUTS=""
ENV VERDICT_RELEASE=${VERSION} \
    VERDICT_COMMIT=${COMMIT}
LABEL org.opencontainers.image.title="verdict" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${COMMIT}" \
    org.opencontainers.image.base.name="${BASE_IMAGE}" \
    verdict.artifact="${ARTIFACT}" \
    verdict.inputs="${INPUTS}"

# --- serving, of an encoder
FROM runtime AS encoder
COPY --from=torch /opt/venv /opt/venv
COPY --from=torch /app /app
COPY --from=reference /reference.json /app/models/reference.json
COPY --from=artifact /artifact /app/models/classifier

# --- serving, of all other kinds: what a build without --target makes
FROM runtime AS serving
COPY --from=builder /opt/venv /opt/venv
COPY --from=builder /app /app
COPY --from=reference /reference.json /app/models/reference.json
# The last layer: another model moves nothing but this, and it can be checked without the rest.
COPY --from=artifact /artifact /app/models/classifier
