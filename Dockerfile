# The hub in a container: dist/ and what it needs at run time, as a user without rights, under a root file system that may be
# read-only. `docker build .` gives the hub, `--target swarm` the swarm. Run it with an init (compose: `init: true`, docker run:
# --init), which reaps what exec: sources leave behind and hands SIGTERM on.

# What the tests ran on.
ARG NODE_IMAGE=node:20.20.2-bookworm-slim

FROM ${NODE_IMAGE} AS tools
WORKDIR /app
# .npmrc too: the lock file was written under it.
COPY package.json package-lock.json .npmrc ./
RUN npm ci

FROM tools AS build
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
COPY scripts ./scripts
RUN npm run build

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev && npm cache clean --force

# Attacks a hub: docs/swarm.md. It imports some of src/ as it is.
FROM build AS swarm
USER node
ENTRYPOINT ["node", "--import", "tsx", "scripts/swarm.ts"]
CMD ["--help"]

FROM ${NODE_IMAGE} AS hub
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
COPY data ./data
USER node
EXPOSE 8080
STOPSIGNAL SIGTERM
# There is no curl in the image, and none is needed.
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/readyz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# The exec form: node is what gets the signal, not a shell.
ENTRYPOINT ["node", "dist/cli.js"]
CMD ["serve", "--host", "0.0.0.0"]
