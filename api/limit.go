package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limit is a token bucket: Requests at once, and as many again in each Window, spread over it. Zero requests mean
// without limit.
type Limit struct {
	Requests int
	Window   time.Duration
}

// The rate limits. Each counts for one caller: an account, an API key or an address (of IPv6 the first 64 bits, which
// one customer of a provider holds).
const (
	limitAddress        = "address"         // everything that comes from one address, before anybody is known
	limitAccount        = "account"         // everything that a signed-in user asks for
	limitKey            = "key"             // everything that an API key asks for
	limitWork           = "work"            // what costs much: exports, uploads, reading a source, by account or key
	limitLogin          = "login"           // attempts to sign in to one account
	limitLoginAddress   = "login-address"   // attempts to sign in from one address
	limitFactor         = "factor"          // proofs of identity for one account: password, code, recovery code
	limitFactorAddress  = "factor-address"  // and from one address
	limitAccounts       = "accounts"        // mails that strangers can cause for one address book entry
	limitAccountAddress = "account-address" // registrations, resets and verifications from one address
)

// defaultLimits are the limits of an installation that sets none.
func defaultLimits() map[string]Limit {
	return map[string]Limit{
		limitAddress:        {6000, time.Minute},
		limitAccount:        {600, time.Minute},
		limitKey:            {6000, time.Minute},
		limitWork:           {60, time.Minute},
		limitLogin:          {10, time.Minute},
		limitLoginAddress:   {30, time.Minute},
		limitFactor:         {10, time.Minute},
		limitFactorAddress:  {60, time.Minute},
		limitAccounts:       {5, time.Hour},
		limitAccountAddress: {30, time.Hour},
	}
}

// LimitNames returns the names of all limits, sorted.
func LimitNames() []string { return slices.Sorted(maps.Keys(defaultLimits())) }

// strict tells which limits stand between a guesser and an account. They are kept in Postgres, so that several
// processes do not add up to several times as many attempts; the others are only there to share the machine, and are
// kept in memory, since a round trip for each request would cost more than it protects.
func strict(name string) bool {
	switch name {
	case limitAddress, limitAccount, limitKey, limitWork:
		return false
	}
	return true
}

// route is what the limits of an operation go by.
type routeLimits struct {
	address string // taken by the caller's address when the request arrives
	caller  string // taken by account or key once that is known, beside limitAccount or limitKey
	free    bool   // no limit at all
}

// limitsOfOperation says which limits an operation has beyond the general ones. Limits that go by what the body names are taken
// in the handler, with admit.
func limitsOfOperation(operation string) routeLimits {
	switch operation {
	case "getLiveness", "getReadiness":
		return routeLimits{free: true}
	case "login":
		return routeLimits{address: limitLoginAddress}
	case "verifyMFA":
		return routeLimits{address: limitFactorAddress}
	case "register", "resetPassword", "confirmResetPassword", "verifyEmail", "resendVerification":
		return routeLimits{address: limitAccountAddress}
	case "proveIdentity", "changePassword", "updateProfile", "deleteUser", "confirmTOTP", "removeTOTP", "replaceRecoveryCodes":
		return routeLimits{address: limitFactorAddress, caller: limitFactor}
	case "exportData", "exportUser", "createUpload", "commitUpload", "testSource", "runSource", "createInvitation", "adminVerifyAudit":
		return routeLimits{caller: limitWork}
	}
	return routeLimits{}
}

// ParseLimits reads limits as a setting writes them: "login=10/1m, account=0". What is not named keeps its default.
// It fails on a name that is not a limit, and lists those that are.
func ParseLimits(text string) (map[string]Limit, error) {
	limits := map[string]Limit{}
	known := defaultLimits()
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		if _, ok := known[name]; !ok {
			return nil, fmt.Errorf("rate limit %q: known are %s", name, strings.Join(LimitNames(), ", "))
		}
		count, window, spread := strings.Cut(value, "/")
		requests, err := strconv.Atoi(count)
		if err != nil || requests < 0 {
			return nil, fmt.Errorf("rate limit %s: %q is not a number of requests", name, count)
		}
		l := Limit{Requests: requests, Window: time.Minute}
		if spread {
			if l.Window, err = time.ParseDuration(window); err != nil {
				return nil, fmt.Errorf("rate limit %s: %w", name, err)
			}
		}
		limits[name] = l
	}
	return limits, nil
}

// validLimits returns the defaults with what is set over them.
func validLimits(set map[string]Limit) (map[string]Limit, error) {
	limits := defaultLimits()
	for name, l := range set {
		if _, ok := limits[name]; !ok {
			return nil, fmt.Errorf("api config: Limits: %q is not a limit", name)
		}
		if l.Requests < 0 || l.Requests > 0 && (l.Window < time.Second || l.Window > 24*time.Hour) {
			return nil, fmt.Errorf("api config: Limits: %s: want a number and a window from a second to a day", name)
		}
		limits[name] = l
	}
	return limits, nil
}

// verdict is what a limit said to one request.
type verdict struct {
	name  string
	limit Limit
	left  int
	full  time.Duration // until the bucket is full again
	wait  time.Duration // until the next token; zero when there was one
}

// admit takes one token of the caller's named limit, or returns the answer that says to wait. Handlers call it for limits that go
// by what a request names, such as the account of a sign-in; the router and the middleware take the rest. What the
// caller names is hashed before it is kept.
func (s *service) admit(ctx context.Context, name, caller string) error {
	limit := s.limits[name]
	if limit.Requests == 0 {
		return nil
	}
	v, err := s.take(ctx, name, caller, limit)
	if err != nil {
		return s.fail(ctx, err)
	}
	e := exchangeFrom(ctx)
	e.verdicts = append(e.verdicts, v)
	if v.wait > 0 {
		return rateLimited(ctx, v.wait)
	}
	return nil
}

func (s *service) takeMemory(name, caller string, limit Limit) verdict {
	now := s.clock()
	fullAt, taken := s.buckets.take(sha256.Sum256([]byte(name+"\x00"+caller)), now, limit)
	return judge(name, limit, now, fullAt, taken)
}

func (s *service) take(ctx context.Context, name, caller string, limit Limit) (verdict, error) {
	if !strict(name) || s.limitsInMemory {
		return s.takeMemory(name, caller, limit), nil
	}
	now := s.clock()
	digest := sha256.Sum256([]byte(name + "\x00" + caller))
	if s.buckets.sweeps() {
		if err := s.store.DropFullBuckets(ctx, now); err != nil {
			return verdict{}, err
		}
	}
	fullAt, taken, err := s.store.TakeToken(ctx, hex.EncodeToString(digest[:]), now, limit.Requests, limit.Window)
	return judge(name, limit, now, fullAt, taken), err
}

// judge reads a bucket that is full again at fullAt. A token takes step to come back, so what is missing
// are (fullAt - now) / step tokens.
func judge(name string, limit Limit, now, fullAt time.Time, taken bool) verdict {
	step := limit.Window / time.Duration(limit.Requests)
	v := verdict{name: name, limit: limit, full: max(fullAt.Sub(now), 0)}
	v.left = max(0, int((limit.Window-v.full)/step))
	if !taken {
		v.left = 0
		v.wait = max(fullAt.Add(step).Sub(now)-limit.Window, time.Millisecond)
	}
	return v
}

// admitAddress takes what the operation's limits go by address.
func (s *service) admitAddress(ctx context.Context, limits routeLimits, address netip.Addr) error {
	if limits.free {
		return nil
	}
	caller := network(address)
	if err := s.admit(ctx, limitAddress, caller); err != nil || limits.address == "" {
		return err
	}
	return s.admit(ctx, limits.address, caller)
}

// admitCaller takes what the operation's limits go by account or key.
func (s *service) admitCaller(ctx context.Context) error {
	p, err := principal(ctx)
	if err != nil {
		return err
	}
	name, caller := limitAccount, p.UserID.String()
	if p.IsKey() {
		name, caller = limitKey, p.KeyID.String()
	}
	if err := s.admit(ctx, name, caller); err != nil {
		return err
	}
	if own := limitsOfOperation(exchangeFrom(ctx).operation).caller; own != "" {
		return s.admit(ctx, own, caller)
	}
	return nil
}

// network is the part of an address that one customer of a provider holds: all of IPv4, the first 64 bits of IPv6.
func network(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a.String()
	}
	return p.String()
}

// limitHeaders tells a client what is left (draft-ietf-httpapi-ratelimit-headers, structured fields): RateLimit-Policy
// names each limit with its quota q and window w in seconds, RateLimit what remains r and when, in t seconds, all is
// back.
func limitHeaders(h http.Header, verdicts []verdict) {
	if len(verdicts) == 0 {
		return
	}
	policies, states := make([]string, len(verdicts)), make([]string, len(verdicts))
	for i, v := range verdicts {
		policies[i] = fmt.Sprintf("%q;q=%d;w=%d", v.name, v.limit.Requests, seconds(v.limit.Window))
		states[i] = fmt.Sprintf("%q;r=%d;t=%d", v.name, v.left, seconds(v.full))
	}
	h.Set("RateLimit-Policy", strings.Join(policies, ", "))
	h.Set("RateLimit", strings.Join(states, ", "))
}

// seconds rounds up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
