package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// drainTime is how long open requests may take to finish once Serve is told to stop.
// It is longer than the time one request may take.
const drainTime = 20 * time.Second

// Serve answers on listener with handler until ctx ends, then takes no new connection,
// lets open requests finish for up to 20 seconds, and returns nil. It closes listener.
// An error means that serving or draining broke off.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, logger *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second, // both until the route is known, which has times of its own
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		// Requests outlive ctx while they drain; they end with the connection or their own time. Streams, which have
		// none, are told to end.
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	stopStreams := startStreams(ctx, handler)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		stopStreams(ctx) // which has nobody to wait for
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- stopStreams(drain) }()
	err := server.Shutdown(drain)
	err = errors.Join(err, <-stopped)
	if err != nil {
		err = errors.Join(fmt.Errorf("drain %s: %w", listener.Addr(), err), server.Close())
	}
	<-served
	return err
}
