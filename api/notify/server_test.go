package notify_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/signalcraft/signalcraft/api/notify"
)

// mailServer is a real SMTP server on this machine that keeps what it gets.
type mailServer struct {
	config notify.SMTPConfig // how to reach it
	got    chan received     // what it took, in order

	mu sync.Mutex
	// The hooks answer a command, after count earlier ones of its kind; nil answers yes.
	onMail, onRcpt, onData func(count int, text string) error
	afterData              func(net.Conn)
	counts                 map[string]int
	peers                  map[string]bool // connections
}

type received struct {
	from string
	to   []string
	text string
	msg  *mail.Message
	tls  bool
	user string
}

const smtpUser, smtpPassword = "mailer", "an SMTP password"

// serveMail starts a server. mode is a TLS mode of notify; withUser demands a sign-in.
func serveMail(t *testing.T, mode string, withUser bool) *mailServer {
	t.Helper()
	m := &mailServer{got: make(chan received, 1000), counts: map[string]int{}, peers: map[string]bool{}}
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.peers[c.Conn().RemoteAddr().String()] = true // the session begins anew with TLS
		return &session{server: m, conn: c, withUser: withUser}, nil
	}))
	s.Domain, s.ErrorLog, s.ReadTimeout, s.WriteTimeout = "localhost", log.New(io.Discard, "", 0), 20*time.Second, 20*time.Second
	certificate, pool := selfSigned(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secure := &tls.Config{Certificates: []tls.Certificate{certificate}}
	switch mode {
	case notify.TLSStart:
		s.TLSConfig = secure
	case notify.TLSImplicit:
		listener = tls.NewListener(listener, secure)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	m.config = notify.SMTPConfig{Host: "localhost", Port: number, TLS: mode, RootCAs: pool}
	if withUser {
		m.config.User, m.config.Password = smtpUser, smtpPassword
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(listener) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-done; err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Errorf("mail server: %v", err)
		}
	})
	return m
}

// set changes the hooks.
func (m *mailServer) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

func (m *mailServer) ask(command, text string, hook func(*mailServer) func(int, string) error) error {
	m.mu.Lock()
	f, count := hook(m), m.counts[command]
	m.counts[command]++
	m.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(count, text)
}

// next returns what the server took next, which must be there.
func (m *mailServer) next(t *testing.T) received {
	t.Helper()
	select {
	case r := <-m.got:
		return r
	default:
		t.Fatal("the mail server got nothing")
		return received{}
	}
}

type session struct {
	server   *mailServer
	conn     *smtp.Conn
	withUser bool
	user     string
	now      received
	took     bool
}

// AuthMechanisms offers PLAIN.
func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth takes the one user.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != smtpUser || password != smtpPassword {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

// Mail begins a mail.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.withUser && s.user == "" {
		return smtp.ErrAuthRequired
	}
	_, secured := s.conn.TLSConnectionState()
	s.now = received{from: from, tls: secured, user: s.user}
	return s.server.ask("mail", from, func(m *mailServer) func(int, string) error { return m.onMail })
}

// Rcpt adds a recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.now.to = append(s.now.to, to)
	return s.server.ask("rcpt", to, func(m *mailServer) func(int, string) error { return m.onRcpt })
}

// Data takes the text.
func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.now.text = string(text)
	if err := s.server.ask("data", s.now.text, func(m *mailServer) func(int, string) error { return m.onData }); err != nil {
		if errors.Is(err, errCut) {
			return s.conn.Conn().Close()
		}
		return err
	}
	if s.now.msg, err = mail.ReadMessage(strings.NewReader(s.now.text)); err != nil {
		return err
	}
	s.server.got <- s.now
	s.took = true
	return nil
}

// errCut makes the server cut the connection instead of answering.
var errCut = errors.New("cut")

// Reset ends a mail.
func (s *session) Reset() {
	s.server.mu.Lock()
	after := s.server.afterData
	s.server.mu.Unlock()
	if s.took && after != nil {
		after(s.conn.Conn())
	}
	s.took, s.now = false, received{}
}

// Logout ends the session.
func (s *session) Logout() error { return nil }

// selfSigned makes a certificate for localhost and the pool that trusts it.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
