package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// postgresOverTCP forwards a port of the loopback address to the Postgres of a test database, which listens on a socket file. With a
// certificate it speaks TLS as a server of Postgres does.
func postgresOverTCP(t *testing.T, address string, certificate *tls.Certificate) (port uint16, database, user string) {
	t.Helper()
	config, err := pgconn.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	network, at := pgconn.NetworkAddress(config.Host, config.Port)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go forward(conn, network, at, certificate)
		}
	}()
	return uint16(listener.Addr().(*net.TCPAddr).Port), config.Database, config.User
}

func forward(conn net.Conn, network, at string, certificate *tls.Certificate) {
	defer conn.Close()
	if certificate != nil {
		request := make([]byte, 8) // SSLRequest
		if _, err := io.ReadFull(conn, request); err != nil {
			return
		}
		if _, err := conn.Write([]byte("S")); err != nil {
			return
		}
		conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*certificate}})
	}
	server, err := net.Dial(network, at)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		io.Copy(server, conn)
		server.Close()
	}()
	io.Copy(conn, server)
}

// certificate makes one for a name, signed by itself, and returns it in PEM as well.
func certificate(t *testing.T, name string) (*tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))
}

const wideQuery = `select d::timestamptz as at, (1000 + n)::numeric(12, 2) as revenue, case when n <> 2 then n end as orders
	from generate_series(0, 3) as n, lateral (select timestamp '2026-03-01 00:00' + n * interval '1 day 30 minutes' as d) as days; `

func TestDatabaseSourceToTheLake(t *testing.T) {
	shop := storetest.NewEmpty(t)
	pool := shop.Pool(t, "")
	if _, err := pool.Exec(t.Context(), "create table secrets (id int)"); err != nil {
		t.Fatal(err)
	}
	made, pemText := certificate(t, "db.example.com")
	plain, database, user := postgresOverTCP(t, shop.URL(""), nil)
	secure, _, _ := postgresOverTCP(t, shop.URL(""), made)
	settings := testSettings(t.TempDir())
	settings.DatabaseURL = storetest.New(t).URL("")
	settings.AllowNetworks, settings.AllowPorts = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, []uint16{plain, secure}
	names := &nameServer{names: map[string][]string{"db.example.com": {"127.0.0.1"}, "other.example.com": {"127.0.0.1"}}}
	r := serveRoom(t, settings, func(i *installation) { i.resolver = names.resolver(t) })
	wide := fields{"mapping": fields{"time": []string{"at"}}, "kpis": []fields{{"name": "Revenue", "column": "revenue", "currency": "EUR"}, {"name": "Orders", "column": "orders"}}}
	part := func(change fields) fields {
		p := fields{"host": "db.example.com", "port": secure, "database": database, "user": user, "password": "unused", "ca": pemText, "query": wideQuery}
		for name, value := range change {
			p[name] = value
		}
		return p
	}
	source := r.create(r.source("database", part(nil), wide))
	if got := r.try(source.ID); !got.OK || got.Accepted != 7 || got.Rejected != 0 || strings.Join(got.Columns, " ") != "at revenue orders" || got.First[0][1] != "1000.00" {
		t.Fatalf("tried over TLS: %+v, want 7 points", got)
	}
	if read := r.run(source.ID); read.LastRun == nil || read.LastRun.Status != "succeeded" {
		t.Fatalf("read: %+v", read.LastRun)
	}
	want := map[string]float64{"Revenue 2026-03-01T00:00:00": 1000, "Revenue 2026-03-02T00:30:00": 1001, "Revenue 2026-03-03T01:00:00": 1002, "Revenue 2026-03-04T01:30:00": 1003,
		"Orders 2026-03-01T00:00:00": 0, "Orders 2026-03-02T00:30:00": 1, "Orders 2026-03-04T01:30:00": 3}
	if got := r.landed(source.ID); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("landed %v, want %v", got, want)
	}
	one := func(query string) fields {
		return part(fields{"port": plain, "tls": "off", "ca": "", "query": query})
	}
	narrow := func(name string) fields {
		return fields{"mapping": fields{"time": []string{"day"}, "value": "value"}, "kpis": []fields{{"name": name}}}
	}
	for name, c := range map[string]struct {
		part    fields
		problem string
	}{
		"wrong name":       {part(fields{"host": "other.example.com"}), "certificate is not valid"},
		"no authority":     {part(fields{"ca": ""}), "certificate is not valid"},
		"no tls there":     {part(fields{"port": plain}), "offers no TLS"},
		"no such database": {part(fields{"database": "absent"}), "3D000"},
		"two statements":   {one("select now() as day, 1 as value; drop table secrets"), "42601"},
		"two selects":      {one("select now() as day, 1 as value; select 1"), "42601"},
		"commit first":     {one("select 1 as value) ; commit; drop table secrets; --"), "42601"},
		"writing with":     {one("with gone as (delete from secrets returning id) select now() as day, 1 as value from gone"), "WITH"},
		"select into":      {one("select 1 as value, now() as day into stolen"), "42601"},
		"for update":       {one("select now() as day, 1 as value from secrets for update"), "25006"},
		"sequence":         {one("select now() as day, nextval('s') as value"), "42P01"},
		"read-write":       {one("select now() as day, set_config('transaction_read_only', 'off', true) as value"), "25001"},
		"missing column":   {one("select now() as at, 1 as value"), "gives no column day"},
		"column twice":     {one("select now() as day, 1 as value, 2 as value"), "twice"},
		"large object":     {one("select now() as day, lo_create(1) as value, 1 / (random() * 0)::int"), "22012"}, // Postgres 15 lets it, and it goes with the transaction
	} {
		made := r.create(r.source("database", c.part, narrow(name)))
		if got := r.try(made.ID); !strings.Contains(got.Problem, c.problem) || got.OK {
			t.Errorf("%s: problem %q of %+v, want one with %q", name, got.Problem, got, c.problem)
		}
	}
	var tables int
	if err := pool.QueryRow(t.Context(), "select (select count(*) from pg_class where relname in ('secrets', 'stolen')) + (select count(*) from pg_largeobject_metadata)").Scan(&tables); err != nil || tables != 1 {
		t.Errorf("%d of the tables secrets and stolen and of large objects are there, %v; want the first alone", tables, err)
	}
	for query, want := range map[string]string{"drop table secrets": "one SELECT", "copy secrets to program 'id'": "one SELECT", "": "", "do $$ begin end $$": "one SELECT", "call x()": "one SELECT",
		"-- select\ndrop table secrets": "one SELECT", "/* select */ update secrets set id = 1": "one SELECT", "explain analyze select 1": "one SELECT", "set role x": "one SELECT", "selectx 1": "one SELECT"} {
		if status, answer := r.send("POST", "/data/sources", r.source("database", one(query))); status != 400 || !strings.Contains(string(answer), want) {
			t.Errorf("query %q: status %d: %s, want 400 with %q", query, status, answer, want)
		}
	}
	if strings.Contains(r.log.String(), "unused") {
		t.Error("the log holds the password")
	}
}
