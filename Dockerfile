# redtrack in a container; docs/docker.md says how to build and run it.
#
#   docker build -t redtrack .
#   docker build -t redtrack:cuda --build-arg DEVICE=cuda .

ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS build
# cpu or cuda: which build of torch is installed. The one with CUDA brings its libraries along.
ARG DEVICE=cpu
ARG TORCH=2.13.0
# Further extras, such as "[plot,parquet]".
ARG EXTRAS=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/redtrack
ENV PATH=/opt/redtrack/bin:$PATH
RUN case "$DEVICE" in \
      cpu) index=https://download.pytorch.org/whl/cpu ;; \
      cuda) index=https://pypi.org/simple ;; \
      *) echo "DEVICE is $DEVICE: it must be cpu or cuda" >&2; exit 1 ;; \
    esac && \
    pip install --index-url "$index" "torch==$TORCH"
COPY setup.py pyproject.toml README.md LICENSE /src/
COPY redtrack /src/redtrack
COPY weights /src/weights
RUN pip install "/src$EXTRAS"

FROM python:${PYTHON}-slim
COPY --from=build /opt/redtrack /opt/redtrack
# Any user may run it, also one that the image does not know: nothing is written but to HOME and the working folder.
ENV PATH=/opt/redtrack/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1
USER 1000:1000
WORKDIR /data
ENTRYPOINT ["redtrack"]
CMD ["--help"]
