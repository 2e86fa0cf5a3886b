package api

import (
	"crypto/rand"
	"fmt"
	"net/netip"

	"github.com/signalcraft/signalcraft/api/secret"
)

// guard takes over from c what protects the service, with defaults for what is left out.
func (s *service) guard(c Config) (err error) {
	if s.limits, err = validLimits(c.Limits); err != nil {
		return err
	}
	s.limitsInMemory = c.LimitsInMemory
	for _, p := range c.TrustedProxies {
		if !p.IsValid() {
			return fmt.Errorf("api config: TrustedProxies: %s is not a network", p)
		}
		s.trustedProxies = append(s.trustedProxies, netip.PrefixFrom(p.Addr().Unmap(), p.Bits()).Masked())
	}
	switch c.ForwardedHeader {
	case "":
		s.forwardedHeader = headerForwardedFor
	case headerForwardedFor, headerForwarded:
		s.forwardedHeader = c.ForwardedHeader
	default:
		return fmt.Errorf("api config: ForwardedHeader: %q is neither %s nor %s", c.ForwardedHeader, headerForwardedFor, headerForwarded)
	}
	if s.cors, err = newCORS(c.AllowedOrigins); err != nil {
		return err
	}
	if c.HSTS < 0 || c.MaxRequests < 0 {
		return fmt.Errorf("api config: HSTS and MaxRequests must not be negative")
	}
	s.hsts, s.answers = c.HSTS, c.Secrets
	if s.answers == nil {
		key := make([]byte, secret.KeyBytes)
		rand.Read(key) // never fails
		if s.answers, err = secret.New(key); err != nil {
			return fmt.Errorf("api config: Secrets: %w", err)
		}
	}
	return nil
}
