# spectrack on a processor, for a user without special rights. docs/deploy.md says how it is built and used:
#
#     docker build -t spectrack .
#     docker run --rm -v "$PWD:/work" spectrack demo

ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS build
# Plain torch may bring several gigabytes of GPU libraries on Linux: name the index of CPU builds that PyTorch's own page
# gives, by --build-arg TORCH_INDEX=ADDRESS.
ARG TORCH_INDEX=""
WORKDIR /source
COPY constraints.txt ./
RUN python -m venv /opt/spectrack \
    && /opt/spectrack/bin/pip install --no-cache-dir ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} -c constraints.txt torch
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY spectrack spectrack
RUN /opt/spectrack/bin/pip install --no-cache-dir -c constraints.txt ".[onnx,viewer]"

FROM python:${PYTHON}-slim
COPY --from=build /opt/spectrack /opt/spectrack
# Whoever runs it needs no home: caches that cannot be kept are temporary.
ENV PATH=/opt/spectrack/bin:$PATH MPLCONFIGDIR=/tmp/matplotlib
RUN useradd --create-home --uid 1000 spectrack && install -d -o spectrack /work
USER spectrack
WORKDIR /work
ENTRYPOINT ["spectrack"]
CMD ["--help"]
