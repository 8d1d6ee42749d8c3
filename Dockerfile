# The image of a node's agent. Why it is built so: docs/decisions/0011-image-of-single-files.md
#   docker build --build-arg NODEPLANE_COMMIT=$(git rev-parse --short=12 HEAD) --tag nodeplane:0.1.0 .

# Node 24 is the current LTS line (until April 2028); Debian 12 has the iptables 1.8.9 that kube-proxy's own image has.
ARG NODE_IMAGE=docker.io/library/node:24.20.0-bookworm-slim@sha256:ba849c60be29959425b8734d57b8b4b7d56f98edd9504c9af091d5281095a71e

FROM ${NODE_IMAGE} AS bundle
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts/build.mts scripts/
COPY src src
ARG NODEPLANE_COMMIT=unknown
RUN NODEPLANE_COMMIT=${NODEPLANE_COMMIT} node_modules/.bin/tsx scripts/build.mts

FROM ${NODE_IMAGE} AS programs
RUN apt-get update \
 && apt-get install --yes --no-install-recommends \
      conntrack=1:1.4.7-1+b2 iproute2=6.1.0-3 iptables=1.8.9-2 nfacct=1.0.2-3
COPY deploy/image/collect.sh /
RUN bash /collect.sh /rootfs

FROM scratch
COPY --from=programs /rootfs /
COPY --from=bundle /src/dist/nodeplane.mjs /src/dist/nodeplane.mjs.LEGAL.txt /usr/lib/nodeplane/
COPY LICENSE /usr/share/doc/nodeplane/
ARG NODEPLANE_COMMIT=unknown
LABEL org.opencontainers.image.title="nodeplane" \
      org.opencontainers.image.description="Service proxy for a Kubernetes node: a kube-proxy replacement that tells before it acts" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${NODEPLANE_COMMIT}"
ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin NODE_ENV=production
# Root without privileges: netfilter asks for CAP_NET_ADMIN, which Kubernetes cannot give to another user of a container.
USER 0:0
ENTRYPOINT ["nodeplane"]
CMD ["run"]
