# syntax=docker/dockerfile:1

# The tests pass on 20, 22 and 24 (docs/upgrading.md). Of these 20 gets no security fixes any more.
ARG NODE_VERSION=22

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Workspaces, as far as there are any: a wildcard may match nothing.
COPY dashboard*/package.json dashboard/
# No package needs its install script to build or to run a role.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json nest-cli.json .swcrc ./
COPY src src
COPY migrations migrations
COPY demo demo
COPY bench bench
COPY dashboard* dashboard/
RUN npm run build && rm -rf dist/bench dist/demo

# What runs, without the tools that built it and without the embedded PostgreSQL, which is for `npm start` on a machine.
FROM node:${NODE_VERSION}-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
COPY dashboard*/package.json dashboard/
RUN npm ci --ignore-scripts --no-audit --no-fund --omit=dev --omit=optional --workspaces=false

FROM node:${NODE_VERSION}-bookworm-slim
# As in the npm scripts: more room for new objects, which costs memory and saves copying them.
ENV NODE_OPTIONS=--max-semi-space-size=32
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 WORKER_PORT=3001
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
# `posthaste doctor`, `posthaste migrate`.
RUN printf '#!/bin/sh\nexec node /app/dist/src/cli.js "$@"\n' > /usr/local/bin/posthaste && chmod 755 /usr/local/bin/posthaste
USER node
EXPOSE 3000 3001
# For the API. A worker answers on WORKER_PORT: docker-compose.yml has its check.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "dist/src/health-check.js"]
# Not through npm, which would stand between the signals and the process.
CMD ["node", "dist/src/main.js"]
