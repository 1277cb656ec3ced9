# One image a service: docker build --target ann-service -t mic/ann-service:0.1.0 .
# Targets: user-embedder, ann-service, neighbor-store, recall-gateway, and mic, the command line.

# The files that say which packages are needed, alone, so that other changes leave the installed layer as it is.
FROM node:20-bookworm AS manifests
WORKDIR /repository
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json ! -path './apps/*/bin/*' -delete

# node:20-bookworm has python3, make and g++, which the native addons are compiled with.
FROM node:20-bookworm AS build
WORKDIR /repository
# The package would fetch CUDA libraries, which nothing here uses.
ENV ONNXRUNTIME_NODE_INSTALL=skip NX_DAEMON=false NX_TUI=false
COPY --from=manifests /repository ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npx nx run-many -t build -p @mic/user-embedder,@mic/ann-service,@mic/neighbor-store,@mic/recall-gateway,@mic/mic --outputStyle=static
RUN node tools/prune.mjs user-embedder /out/user-embedder
RUN node tools/prune.mjs ann-service /out/ann-service
RUN node tools/prune.mjs neighbor-store /out/neighbor-store
RUN node tools/prune.mjs recall-gateway /out/recall-gateway
RUN node tools/prune.mjs mic /out/mic

# Files stay root's: the service may read them, not change them.
FROM node:20-bookworm-slim AS runtime
ENV NODE_ENV=production
WORKDIR /app
USER node
EXPOSE 7070
CMD ["node", "--v8-pool-size=1", "dist/main.mjs"]

FROM runtime AS user-embedder
COPY --from=build /out/user-embedder ./

FROM runtime AS ann-service
COPY --from=build /out/ann-service ./

FROM runtime AS neighbor-store
COPY --from=build /out/neighbor-store ./

FROM runtime AS recall-gateway
COPY --from=build /out/recall-gateway ./

FROM runtime AS mic
COPY --from=build /out/mic ./
ENTRYPOINT ["node", "dist/main.mjs"]
CMD ["--help"]
