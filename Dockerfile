# The trackd server. Build: docker build -t trackd .   Run: docker run -p 127.0.0.1:7373:7373 -v trackd:/data trackd

FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
# The wheel carries the stubs and the web app; Node and protoc come as build requirements.
RUN pip wheel --no-cache-dir --wheel-dir /wheels .

FROM python:3.12-slim
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels trackd \
    && useradd --create-home --uid 10001 trackd \
    && install --directory --owner trackd --mode 0700 /data
USER trackd
ENV TRACKD_STORE=/data
VOLUME /data
EXPOSE 7373
STOPSIGNAL SIGTERM
# A name other than localhost, behind a proxy say, is added with --allowed-host NAME.
ENTRYPOINT ["python", "-m", "trackd_service", "--store", "/data", "--http-host", "0.0.0.0", "--http-port", "7373", "--foreground"]
