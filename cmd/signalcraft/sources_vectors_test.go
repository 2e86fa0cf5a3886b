package main

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// A vector is an address, or a part of a source, by which somebody might reach what is not theirs.
type vector struct {
	name string
	kind string
	part fields // of createSource
}

// webVectors are addresses at which a canary on every address of this machine listens, if a reader takes them for one; port is the canary's.
func webVectors(port uint16) []vector {
	var all []vector
	add := func(name, format string) {
		address := strings.ReplaceAll(format, "PORT", fmt.Sprint(port))
		all = append(all, vector{"http " + name, "http", fields{"url": address, "format": "json"}})
	}
	for name, host := range map[string]string{
		"loopback": "127.0.0.1", "loopback 2": "127.0.0.2", "loopback end": "127.255.255.254", "short 127.1": "127.1", "short 127.0.1": "127.0.1",
		"decimal": "2130706433", "hex": "0x7f000001", "hex octets": "0x7f.0x0.0x0.0x1", "upper hex": "0X7F.1", "octal": "0177.0.0.1", "octal whole": "017700000001",
		"leading zeros": "127.000.000.001", "mixed": "0x7f.0.1", "overflow": "4294967297.1", "zero": "0", "zeros": "0.0.0.0", "this network": "0.1.2.3",
		"trailing dot address": "127.0.0.1.", "ipv6 loopback": "[::1]", "ipv6 any": "[::]", "ipv6 long": "[0:0:0:0:0:0:0:1]", "ipv6 padded": "[0000::0001]",
		"mapped": "[::ffff:127.0.0.1]", "mapped hex": "[::ffff:7f00:1]", "mapped long": "[0:0:0:0:0:ffff:127.0.0.1]", "compatible": "[::127.0.0.1]",
		"translated": "[::ffff:0:127.0.0.1]", "nat64": "[64:ff9b::127.0.0.1]", "nat64 local": "[64:ff9b:1::7f00:1]", "6to4": "[2002:7f00:1::1]", "teredo": "[2001:0:7f00:1::1]",
		"zone": "[::1%25lo]", "zone link-local": "[fe80::1%25lo]", "link-local 6": "[fe80::1]", "ula": "[fc00::1]", "ula metadata": "[fd00:ec2::254]", "site-local": "[fec0::1]",
		"multicast 6": "[ff02::1]", "documentation 6": "[2001:db8::1]", "documentation new": "[3fff::1]", "discard": "[100::1]", "segment routing": "[5f00::1]",
		"localhost": "localhost", "localhost upper": "LocalHost", "localhost dot": "localhost.", "localhost sub": "a.localhost", "localdomain": "localhost.localdomain",
		"ip6-localhost": "ip6-localhost", "ip6-loopback": "ip6-loopback", "single label": "intranet", "service name": "postgres",
		"metadata": "169.254.169.254", "metadata decimal": "2852039166", "metadata hex": "0xa9fea9fe", "metadata name": "metadata.google.internal", "metadata cgnat": "100.100.100.200",
		"metadata azure": "168.63.129.16", "metadata oracle": "192.0.0.192", "private 10": "10.0.0.1", "private 172": "172.31.255.255", "private 192": "192.168.0.1", "cgnat": "100.64.0.1",
		"benchmark": "198.18.0.1", "documentation 1": "192.0.2.1", "documentation 2": "198.51.100.1", "documentation 3": "203.0.113.1", "multicast": "224.0.0.1", "ssdp": "239.255.255.250",
		"reserved": "240.0.0.1", "broadcast": "255.255.255.255", "6to4 relay": "192.88.99.1", "fullwidth": "１２７.０.０.１", "circled": "①②⑦.⓪.⓪.①", "ideographic dots": "127。0。0。1",
		"fullwidth name": "ｌｏｃａｌｈｏｓｔ", "punycode digits": "xn--127-zz0a.0.0.1", "soft hyphen": "local\u00adhost", "long s": "localhoſt", "percent digits": "%31%32%37.0.0.1",
		"percent dot": "127%2e0%2e0%2e1", "brackets": "[127.0.0.1]", "colon name": "[localhost]", "empty label": "localhost..example.com", "underscore dash": "-localhost.example.com",
		"name to loopback": "loop.example.com", "name to ipv6": "six.example.com", "name to mapped": "mapped.example.com", "name to zero": "zero.example.com", "name to private": "private.example.com",
		"name to many": "many.example.com", "name by cname": "alias.example.com", "name to nat64": "nat64.example.com", "name to metadata": "metadata.example.com", "name absolute": "loop.example.com.",
		"name upper": "LOOP.Example.COM", "name arpa": "1.0.0.127.in-addr.arpa", "name local": "printer.local", "home arpa": "router.home.arpa",
	} {
		add(name, "http://"+host+":PORT/")
	}
	for name, address := range map[string]string{
		"user": "http://user@127.0.0.1:PORT/", "user and password": "http://user:pass@loop.example.com:PORT/", "at trick": "http://example.com@127.0.0.1:PORT/",
		"at trick port": "http://127.0.0.1:PORT@loop.example.com/", "two ats": "http://a@b@127.0.0.1:PORT/", "empty user": "http://@127.0.0.1:PORT/", "fragment at": "http://example.com#@127.0.0.1:PORT/",
		"fragment": "http://127.0.0.1:PORT#.example.com/", "backslash at": `http://example.com\@127.0.0.1:PORT/`, "backslash path": `http://127.0.0.1:PORT\.example.com/`, "backslashes": `http:\\127.0.0.1:PORT\`,
		"slash backslash": `http:/\127.0.0.1:PORT/`, "question at": "http://example.com?@127.0.0.1:PORT/", "no slashes": "http:127.0.0.1:PORT", "one slash": "http:/127.0.0.1:PORT/", "three slashes": "http:///127.0.0.1:PORT/",
		"no scheme": "//127.0.0.1:PORT/", "bare": "127.0.0.1:PORT/", "space before": " http://127.0.0.1:PORT/", "tab in scheme": "ht\ttp://127.0.0.1:PORT/", "tab in host": "http://127.0\t.0.1:PORT/", "newline": "http://127.0.0.1:PORT/\nx",
		"crlf host": "http://127.0.0.1:PORT\r\nHost: loop.example.com/", "nul": "http://127.0.0.1%00.example.com:PORT/", "nul raw": "http://127.0.0.1\x00.example.com:PORT/", "space host": "http://127.0.0.1 .example.com:PORT/",
		"upper scheme": "HTTP://127.0.0.1:PORT/", "file": "file:///etc/passwd", "file host": "file://localhost/etc/passwd", "gopher": "gopher://127.0.0.1:PORT/_GET", "ftp": "ftp://127.0.0.1:PORT/", "dict": "dict://127.0.0.1:PORT/d:x",
		"ldap": "ldap://127.0.0.1:PORT/", "unix": "unix:///var/run/docker.sock", "http+unix": "http+unix://%2Fvar%2Frun%2Fdocker.sock/info", "data": "data:text/csv,day,value", "javascript": "javascript:alert(1)", "websocket": "ws://127.0.0.1:PORT/",
		"jar": "jar:http://127.0.0.1:PORT/!/", "scheme in scheme": "http://http://127.0.0.1:PORT/", "port zero": "http://loop.example.com:0/", "port beyond": "http://loop.example.com:65616/", "port ssh": "http://loop.example.com:22/",
		"port redis": "http://loop.example.com:6379/", "port sign": "http://127.0.0.1:+PORT/", "port empty": "http://127.0.0.1:/", "https loopback": "https://127.0.0.1:PORT/", "rebind": "http://rebind.example.com:PORT/",
	} {
		add(name, address)
	}
	for name, address := range map[string]string{"loopback": "http://127.0.0.1:PORT/", "google at": "https://docs.google.com@127.0.0.1:PORT/spreadsheets/d/x/edit", "google backslash": `https://docs.google.com\@127.0.0.1:PORT/`,
		"google suffix": "http://docs.google.com.localhost:PORT/spreadsheets/d/x/edit", "name": "http://loop.example.com:PORT/pub?output=csv", "file": "file:///etc/passwd"} {
		all = append(all, vector{"sheet " + name, "sheet", fields{"url": strings.ReplaceAll(address, "PORT", fmt.Sprint(port))}})
	}
	return all
}

// databaseVectors are database sources that might reach the canary or read files.
func databaseVectors(port uint16) []vector {
	var all []vector
	add := func(name string, change fields) {
		part := fields{"host": "loop.example.com", "port": port, "database": "x", "user": "x", "password": "x", "tls": "off", "query": "select 1"}
		for key, value := range change {
			part[key] = value
		}
		all = append(all, vector{"database " + name, "database", part})
	}
	for name, host := range map[string]string{
		"loopback": "127.0.0.1", "localhost": "localhost", "ipv6": "::1", "ipv6 brackets": "[::1]", "short": "127.1", "decimal": "2130706433", "hex": "0x7f000001", "mapped": "::ffff:127.0.0.1", "zero": "0.0.0.0",
		"socket folder": "/var/run/postgresql", "socket tmp": "/tmp", "abstract socket": "@postgres", "several": "example.com,127.0.0.1", "several first": "127.0.0.1,example.com", "hostaddr": "example.com hostaddr=127.0.0.1",
		"parameter": "example.com?host=127.0.0.1", "path": "example.com/x?host=/tmp", "url": "postgres://127.0.0.1", "quote": "example.com' host='127.0.0.1", "newline": "example.com\nhost=127.0.0.1", "space": " 127.0.0.1", "port in host": "127.0.0.1:5432",
		"name": "loop.example.com", "name 6": "six.example.com", "name many": "many.example.com", "rebind": "rebind.example.com", "metadata": "169.254.169.254", "fullwidth": "１２７.０.０.１", "zone": "fe80::1%lo", "empty": "",
	} {
		add("host "+name, fields{"host": host})
	}
	add("service in database", fields{"database": "x service=evil hostaddr=127.0.0.1"})
	add("url in database", fields{"database": "postgres://127.0.0.1/x"})
	add("quote in user", fields{"user": "x' hostaddr='127.0.0.1"})
	add("nul in user", fields{"user": "x\x00hostaddr\x00127.0.0.1"})
	add("parameters in password", fields{"password": "x sslrootcert=/etc/passwd service=evil hostaddr=127.0.0.1"})
	add("ca file", fields{"tls": "verify", "ca": "/etc/passwd"})
	add("ca parameter", fields{"tls": "verify", "ca": "sslrootcert=/etc/passwd"})
	add("tls disable", fields{"tls": "disable"})
	add("tls prefer", fields{"tls": "prefer"})
	add("port ssh", fields{"port": 22})
	add("tls require", fields{"tls": "require"})
	add("tls verify", fields{"tls": "verify"})
	return all
}

// canary counts the connections that it gets.
type canary struct {
	hits atomic.Int64
	port uint16
	came chan struct{}
}

// newCanary listens on an address until the test ends.
func newCanary(t *testing.T, address string) *canary {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	c := &canary{port: uint16(listener.Addr().(*net.TCPAddr).Port), came: make(chan struct{}, 1)}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			c.hits.Add(1)
			conn.Close()
			select {
			case c.came <- struct{}{}:
			default:
			}
		}
	}()
	conn, err := net.Dial("tcp", listener.Addr().String()) // it counts who comes
	if err != nil {
		t.Fatal(err)
	}
	<-c.came
	conn.Close()
	if c.hits.Swap(0) != 1 {
		t.Fatal("the canary does not count")
	}
	return c
}

// nameServer answers for names of example.com: those it knows, and rebind with one answer and then the other, in turn.
type nameServer struct {
	mu     sync.Mutex
	names  map[string][]string
	turns  []string
	asked  int
	rebind int
}

// resolver returns a resolver that asks the server and nobody else.
func (s *nameServer) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if reply := s.reply(buffer[:n]); reply != nil {
				conn.WriteTo(reply, from)
			}
		}
	}()
	return resolverAt(conn.LocalAddr().String())
}

func (s *nameServer) reply(query []byte) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	question := m.Questions[0]
	name := strings.ToLower(strings.TrimSuffix(question.Name.String(), "."))
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true, RecursionDesired: true}
	m.Additionals = nil
	targets, known := s.names[name]
	if name == "rebind.example.com" {
		known, targets = true, nil
		if question.Type == dnsmessage.TypeA {
			targets = []string{s.turns[s.rebind%len(s.turns)]}
			s.rebind++
		}
	}
	if !known {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, target := range targets {
		header := dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 0}
		ip := net.ParseIP(target)
		switch {
		case ip == nil:
			header.Type = dnsmessage.TypeCNAME
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(target + ".")}})
		case !strings.Contains(target, ":") && question.Type == dnsmessage.TypeA:
			header.Type = dnsmessage.TypeA
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: [4]byte(ip.To4())}})
		case strings.Contains(target, ":") && question.Type == dnsmessage.TypeAAAA:
			header.Type = dnsmessage.TypeAAAA
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: [16]byte(ip.To16())}})
		}
	}
	reply, err := m.Pack()
	if err != nil {
		return nil
	}
	return reply
}
