# Two stages: build with cgo (DuckDB is linked in statically), run as an ordinary
# user on a slim Debian that carries the Postgres server binaries for the case that
# no DATABASE_URL is given.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN go build -trimpath -ldflags="-s -w" -o /signalcraft ./cmd/signalcraft

FROM debian:bookworm-slim
RUN mkdir -p /etc/postgresql-common/createcluster.d \
 && echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.d/signalcraft.conf \
 && apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates postgresql tzdata \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --create-home signalcraft \
 && install -d -o signalcraft -g signalcraft /var/lib/signalcraft/data
COPY --from=build /signalcraft /usr/local/bin/signalcraft
USER signalcraft
ENV SIGNALCRAFT_DATA_DIR=/var/lib/signalcraft/data SIGNALCRAFT_LISTEN=0.0.0.0:8080
VOLUME /var/lib/signalcraft/data
EXPOSE 8080
ENTRYPOINT ["signalcraft"]
CMD ["up"]
