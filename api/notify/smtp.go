package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// The ways in which the connection to a mail server is protected.
const (
	TLSStart    = "starttls" // begins in the clear and must turn to TLS before anything is said; usually port 587
	TLSImplicit = "implicit" // TLS from the first byte; usually port 465
	TLSNone     = "none"     // in the clear: for a server on the same machine
)

// SMTPConfig is a mail server.
type SMTPConfig struct {
	// Host is its name, as its certificate has it. Empty means that there is none.
	Host string
	// Port is its port. Zero means the usual one for TLS.
	Port int
	// User and Password sign in, if User is not empty. They never travel in the clear.
	User, Password string
	// TLS is TLSStart, TLSImplicit or TLSNone. Empty means TLSStart.
	TLS string
	// RootCAs are the authorities that may have signed its certificate. Nil means those of the system.
	RootCAs *x509.CertPool
}

// transport checks the configuration and returns what makes a transport. hello is how it introduces itself.
func (c SMTPConfig) transport(hello string) (func() transport, error) {
	usual := map[string]int{TLSStart: mail.DefaultPortTLS, TLSImplicit: mail.DefaultPortSSL, TLSNone: mail.DefaultPort}
	if c.TLS == "" {
		c.TLS = TLSStart
	}
	port, ok := usual[c.TLS]
	if !ok {
		return nil, fmt.Errorf("TLS mode %q: want %s, %s or %s", c.TLS, TLSStart, TLSImplicit, TLSNone)
	}
	if c.Port == 0 {
		c.Port = port
	}
	if strings.ContainsAny(c.Host, " \r\n/") {
		return nil, fmt.Errorf("host %q is no host name", c.Host)
	}
	if _, err := c.client(hello, (&server{config: c}).dial); err != nil {
		return nil, err
	}
	return func() transport { return &server{config: c, hello: hello} }, nil
}

// client returns a client that connects by dial.
func (c SMTPConfig) client(hello string, dial mail.DialContextFunc) (*mail.Client, error) {
	options := []mail.Option{
		mail.WithPort(c.Port), mail.WithTimeout(sendTime), mail.WithHELO(hello), mail.WithoutSMTPUTF8(),
		mail.WithTLSConfig(c.tls()), mail.WithDialContextFunc(dial),
	}
	switch c.TLS {
	case TLSStart:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	case TLSImplicit:
		// dial makes the TLS connection, which the client then recognises; WithSSL would dial by itself.
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	case TLSNone:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if c.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(c.User), mail.WithPassword(c.Password))
	}
	return mail.NewClient(c.Host, options...)
}

func (c SMTPConfig) tls() *tls.Config {
	return &tls.Config{ServerName: c.Host, RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12}
}

// server is a transport to a mail server. It connects with the first mail and stays connected until it is closed or something
// goes wrong.
type server struct {
	config SMTPConfig
	hello  string

	client *mail.Client
	conn   net.Conn // below link; kept to be closed whatever happens
	link   *smtp.Client
}

// send hands one mail over.
func (s *server) send(ctx context.Context, m *letter) error {
	if s.link == nil {
		if err := s.connect(ctx); err != nil {
			s.drop()
			return fmt.Errorf("%w: %w", errAway, err)
		}
	}
	err := s.client.SendWithSMTPClient(s.link, m.Msg)
	if err == nil {
		return nil
	}
	var refused *mail.SendError
	if !errors.As(err, &refused) || refused.ErrorCode() == 0 {
		s.drop() // the connection broke: the next mail gets another
	}
	if m.IsDelivered() { // the server took it; what failed came after
		s.drop()
		return nil
	}
	// What a server says of itself or of us (421, 530, 535, a sender it does not like) may change; what it says of this recipient
	// or this text will not.
	if refused != nil && refused.ErrorCode() >= 500 && (refused.Reason == mail.ErrSMTPRcptTo || refused.Reason == mail.ErrSMTPDataClose) {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return err
}

func (s *server) connect(ctx context.Context) (err error) {
	s.client, err = s.config.client(s.hello, s.dial)
	if err != nil {
		return err
	}
	s.link, err = s.client.DialToSMTPClientWithContext(ctx)
	return err
}

// dial connects, and keeps the connection so that drop can close it: the client forgets it when the greeting fails.
func (s *server) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	s.conn = conn
	if s.config.TLS != TLSImplicit {
		return conn, nil
	}
	secured := tls.Client(conn, s.config.tls())
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return secured, nil
}

// drop closes the connection without a word.
func (s *server) drop() {
	if s.conn != nil {
		_ = s.conn.Close() // it is of no use any more
	}
	s.conn, s.link = nil, nil
}

// close takes leave.
func (s *server) close() {
	if s.link != nil {
		_ = s.client.CloseWithSMTPClient(s.link) // everything that matters is done
	}
	s.drop()
}
