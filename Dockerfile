# trackd in one image. Build: docker build -t trackd .
#
# The daemon:       docker run -p 127.0.0.1:7373:7373 -v trackd:/data trackd
# The team server:  docker run -e TRACKD_CATALOG=postgresql://… trackd server --store s3://BUCKET/PREFIX …
#                   with a database, a bucket and a proxy: deploy/compose.yaml

FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
# The wheel carries the stubs and the web app; Node and protoc come as build requirements.
RUN pip wheel --no-cache-dir --wheel-dir /wheels '.[server]'

FROM python:3.12-slim
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels 'trackd[server]' \
    && useradd --create-home --uid 10001 trackd \
    && install --directory --owner trackd --mode 0700 /data
COPY --chmod=0755 deploy/entrypoint.sh /usr/local/bin/trackd-entrypoint
USER trackd
# The store of the daemon, or the cache of the server, which has one of its own in each container.
ENV TRACKD_STORE=/data XDG_CACHE_HOME=/data/cache
VOLUME /data
EXPOSE 7373 7733 7734
STOPSIGNAL SIGTERM
# A name other than localhost, of a daemon behind a proxy say, is added with --allowed-host NAME.
ENTRYPOINT ["trackd-entrypoint"]
