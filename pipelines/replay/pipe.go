package replay

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// Network is a server and its clients joined by pipes in memory: real HTTP without a
// socket. It works inside a testing/synctest bubble, where time is faked.
type Network struct {
	server    *http.Server
	transport *http.Transport
	listener  *pipeListener
	done      chan struct{}
}

// Address is the address that Network's transport reaches the server at. Any other works as well.
const Address = "http://replay.invalid"

// NewNetwork starts a server for handler. The caller closes it.
func NewNetwork(handler http.Handler) *Network {
	n := &Network{
		server:   &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)},
		listener: &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})},
		done:     make(chan struct{}),
	}
	n.transport = &http.Transport{DialContext: n.listener.dial}
	go func() {
		defer close(n.done)
		n.server.Serve(n.listener) // returns when Close closes the listener
	}()
	return n
}

// Transport returns the transport that reaches the server, whatever host is asked for.
func (n *Network) Transport() http.RoundTripper { return n.transport }

// Close cuts all connections and stops the server.
func (n *Network) Close() {
	n.transport.CloseIdleConnections()
	n.server.Close()
	<-n.done
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, errors.New("replay server is closed")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept returns the server's end of the next connection.
func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close makes Accept return.
func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr returns a name, there is no address.
func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

// Network returns "pipe".
func (pipeAddr) Network() string { return "pipe" }

// String returns "pipe".
func (pipeAddr) String() string { return "pipe" }
