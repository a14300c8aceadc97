# syntax=docker/dockerfile:1
# The framecast server.
#   docker build -t framecast .                     computes on the CPU
#   docker build -t framecast:cuda --target cuda .  with ONNX Runtime's CUDA provider and the libraries it needs

FROM node:20-bookworm-slim AS deno
RUN npm install --global deno@2.9.6 \
 && cp "$(deno eval 'console.log(Deno.execPath())')" /usr/local/bin/deno-binary


FROM debian:bookworm-slim AS server
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates ffmpeg \
 && rm -rf /var/lib/apt/lists/*
COPY --from=deno /usr/local/bin/deno-binary /usr/local/bin/deno

RUN useradd --uid 1000 --create-home framecast \
 && install -d -o framecast -g framecast /app /data
ENV FRAMECAST_HOST=0.0.0.0 \
    FRAMECAST_DATA_DIR=/data \
    FRAMECAST_UDP_PORTS=50000-50100 \
    DENO_NO_UPDATE_CHECK=1 \
    NO_COLOR=1
USER framecast
WORKDIR /app

# Packages first: they change less often than the code.
COPY --chown=framecast:framecast deno.json deno.lock ./
RUN deno install --frozen
COPY --chown=framecast:framecast . .
# Checked and compiled once, here, so that a container starts fast and needs no network for it.
RUN deno install --frozen --entrypoint main.ts cli.ts doctor.ts pull.ts src/engine/host.ts

VOLUME /data
EXPOSE 8000/tcp 50000-50100/udp
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["deno", "eval", "const port = Deno.env.get('FRAMECAST_PORT') ?? 8000; const answer = await fetch(`http://127.0.0.1:${port}/api/health`); Deno.exit(answer.ok ? 0 : 1)"]
CMD ["deno", "task", "start"]


# The wheel holds the same C library as npm:onnxruntime-node, one version on, and the CUDA provider.
FROM debian:bookworm-slim AS cuda-libraries
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3-pip
RUN pip install --no-cache-dir --no-deps --target /wheels onnxruntime-gpu==1.31.1 \
 && pip install --no-cache-dir --target /wheels \
      'nvidia-cublas~=13.0' 'nvidia-cuda-runtime~=13.0' 'nvidia-curand~=10.0' 'nvidia-cudnn-cu13~=9.0' \
 && mkdir -p /opt/cuda \
 && cp -a /wheels/onnxruntime/capi/libonnxruntime.so.* /opt/cuda/libonnxruntime.so \
 && cp -a /wheels/onnxruntime/capi/libonnxruntime_providers_shared.so \
          /wheels/onnxruntime/capi/libonnxruntime_providers_cuda.so /opt/cuda/ \
 && find /wheels/nvidia -name '*.so.*' -exec cp -a {} /opt/cuda/ \;


FROM server AS cuda
COPY --from=cuda-libraries /opt/cuda /opt/cuda
USER root
# Not LD_LIBRARY_PATH: with it set, Deno starts no program that is named in a list.
RUN echo /opt/cuda > /etc/ld.so.conf.d/cuda.conf && ldconfig
USER framecast
ENV FRAMECAST_ORT_LIBRARY=/opt/cuda/libonnxruntime.so \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility


FROM server AS cpu
