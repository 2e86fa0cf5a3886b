package main

import (
	"context"
	"fmt"
	"net"
	"net/url"

	"golang.org/x/sync/errgroup"

	"github.com/signalcraft/signalcraft/api/notify"
	"github.com/signalcraft/signalcraft/api/notify/message"
)

// validateMail names the setting of mail that is wrong.
func (s *Settings) validateMail() error {
	if s.SMTPHost != "" && s.SMTPFrom == "" {
		return fmt.Errorf("--smtp-from: is required with --smtp-host")
	}
	if s.SMTPPort < 0 || s.SMTPPort > 65535 {
		return fmt.Errorf("--smtp-port %d: want 0 to 65535", s.SMTPPort)
	}
	if s.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(s.PublicURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("--public-url %q: want an address like https://numbers.example.com", s.PublicURL)
	}
	return nil
}

// site says where mails send people.
func (s *Settings) site() message.Site {
	service := ""
	if host, port, err := net.SplitHostPort(s.Listen); err == nil {
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			host = "127.0.0.1"
		}
		service = "http://" + net.JoinHostPort(host, port)
	}
	return message.Site{PublicURL: s.PublicURL, ServiceURL: service}
}

// mailBy sends queued mail within group until ctx ends. Every process of an installation does so.
func (i *installation) mailBy(ctx context.Context, group *errgroup.Group) error {
	outbox, err := i.settings.in("outbox")
	if err != nil {
		return err
	}
	s := i.settings
	sender, err := notify.New(notify.Config{Store: i.data, Logger: i.logger, Clock: i.now, From: s.SMTPFrom, Outbox: outbox,
		SMTP: notify.SMTPConfig{Host: s.SMTPHost, Port: s.SMTPPort, User: s.SMTPUser, Password: s.SMTPPassword, TLS: s.SMTPTLS}})
	if err != nil {
		return fmt.Errorf("set up mail: %w", err)
	}
	group.Go(func() error { return sender.Run(ctx) })
	return nil
}
