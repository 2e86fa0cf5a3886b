// Package api is the HTTP service over Postgres: sign-in and the published numbers of a
// business.
//
// [New] makes the handler, [Serve] answers with it. Every operation is described by its
// Go structs; the OpenAPI document made of them is the contract (testdata/openapi.json).
// All routes answer below /api/v1 and at the root. Whatever is not a success wears one
// envelope, {"error":{"code","message","details"}}, also what the router, huma or a panic
// decided (envelope.go).
package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/billing"
	"github.com/signalcraft/signalcraft/api/live"
	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/secret"
	"github.com/signalcraft/signalcraft/api/store"
)

// Config is what the service needs.
type Config struct {
	// Store reads and writes Postgres as the application's role. Required.
	Store *store.Store
	// Auth signs people in and checks their tokens. Required.
	Auth *auth.Service
	// Logger gets one line for each request. Required.
	Logger *slog.Logger
	// Version of the program, shown in the contract. Empty means "dev".
	Version string
	// Clock tells the time, for freshness and durations. Required.
	Clock func() time.Time
	// Registry gets the service's measurements and is served at /metrics. Nil means one
	// of its own. A registry can serve one handler only.
	Registry *prometheus.Registry
	// RequestTime bounds one request. Zero means 15 seconds.
	RequestTime time.Duration
	// FreshFor is how old an as-of instant may be before its numbers count as stale.
	// Zero means 26 hours: a nightly run and two hours for it to finish.
	FreshFor time.Duration
	// Live bounds the streams of events. Its Store, Logger and Clock are those above.
	Live live.Config
	// Billing agrees to changes of subscription. Nil means that every change is agreed to and billed by other means.
	Billing billing.Provider
	// Jobs is the batch as operators see it. Nil means that there are no jobs.
	Jobs Jobs
	// Sources checks, tests and runs KPI sources. Nil means that none can be: those requests get 503.
	Sources Sources
	// Uploads takes in the files that people send. Nil means that there is no place for them: uploads answer 503.
	Uploads Uploads
	// Site says where mails send people. The zero value shows tokens and commands instead of links.
	Site message.Site
	// OperatorMFA demands a second factor of operators, for what only operators may do.
	OperatorMFA bool
	// CacheBytes bounds the answers made of published numbers that this process keeps. Zero means 96 MiB; a
	// negative number means that none is kept.
	CacheBytes int64
	// ExportTime bounds one export. Zero means 10 minutes.
	ExportTime time.Duration
	// Limits change the rate limits by their names; see ParseLimits. Nil means the defaults.
	Limits map[string]Limit
	// LimitsInMemory keeps all limits in this process. False keeps those that guard accounts in Postgres, so that they hold over
	// all processes.
	LimitsInMemory bool
	// TrustedProxies are the networks of the proxies in front of the service. What a header says of where a
	// request comes from is believed only behind them. Nil means none.
	TrustedProxies []netip.Prefix
	// ForwardedHeader is the header that those proxies write: X-Forwarded-For or Forwarded. Empty means X-Forwarded-For.
	ForwardedHeader string
	// AllowedOrigins are the origins whose pages may call the service from a browser, such as https://app.example.com. Nil means
	// none.
	AllowedOrigins []string
	// HSTS is how long browsers shall use nothing but TLS for this host. Set it only behind TLS. Zero means that they
	// are not told.
	HSTS time.Duration
	// MaxRequests bounds the requests that are answered at once; more get 503 at once. Zero means 512.
	MaxRequests int
	// Secrets seals the secrets of sources, and the answers that are kept for repeated requests. Nil means that sources with secrets
	// are refused, and that answers are sealed with keys of this process: another one cannot show them again.
	Secrets *secret.Box
}

// service is what the operations share.
type service struct {
	store    *store.Store
	auth     *auth.Service
	logger   *slog.Logger
	clock    func() time.Time
	timeout  time.Duration
	freshFor time.Duration
	huma     huma.API
	access   map[string]access
	hub      *live.Hub
	billing  billing.Provider
	jobs     Jobs
	secrets  *secret.Box
	sources  Sources
	testing  chan struct{} // holds one place for each test of a source under way
	uploads  Uploads
	mails    message.Site

	operatorMFA bool
	version     string
	cache       *cache
	exports     exportLimits

	limits          map[string]Limit
	limitsInMemory  bool
	buckets         buckets
	trustedProxies  []netip.Prefix
	forwardedHeader string
	cors            cors
	hsts            time.Duration
	answers         *secret.Box
}

// New returns the service's handler. It starts nothing and does not reach for Postgres.
// It fails when something required is missing or the registry is already in use.
func New(c Config) (http.Handler, error) {
	if c.Store == nil || c.Auth == nil || c.Logger == nil || c.Clock == nil {
		return nil, errors.New("api config: Store, Auth, Logger and Clock are required")
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.Registry == nil {
		c.Registry = prometheus.NewRegistry()
	}
	if c.RequestTime == 0 {
		c.RequestTime = defaultTimeout
	}
	if c.FreshFor == 0 {
		c.FreshFor = 26 * time.Hour
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = 96 << 20
	}
	if c.MaxRequests == 0 {
		c.MaxRequests = 512
	}
	kept, err := newCache(c.CacheBytes, c.Registry)
	if err != nil {
		return nil, err
	}
	if c.Billing == nil {
		c.Billing = billing.Manual{}
	}
	if c.Jobs == nil {
		c.Jobs = noJobs{}
	}
	useEnvelope()
	mux := http.NewServeMux()
	s := &service{store: c.Store, auth: c.Auth, logger: c.Logger, clock: c.Clock, timeout: c.RequestTime, freshFor: c.FreshFor, access: accessOf(),
		secrets: c.Secrets, sources: c.Sources, testing: make(chan struct{}, maxTests),
		operatorMFA: c.OperatorMFA, mails: c.Site,
		version: c.Version, cache: kept, exports: newExportLimits(c.ExportTime), uploads: c.Uploads}
	if err := s.prepareStreams(c); err != nil {
		return nil, err
	}
	if err := s.guard(c); err != nil {
		return nil, err
	}
	s.huma = humago.New(mux, contract(c.Version))
	s.huma.UseMiddleware(s.authenticate, s.idempotent)
	s.billing, s.jobs = c.Billing, c.Jobs
	s.register()
	finish(s.huma.OpenAPI())
	if err := mount(mux, s.huma.OpenAPI(), c.Registry); err != nil {
		return nil, err
	}
	m, err := newMeter(c.Registry)
	if err != nil {
		return nil, err
	}
	return &router{api: s, mux: mux, meter: m, routes: s.routes(s.huma.OpenAPI()), slots: make(chan struct{}, c.MaxRequests)}, nil
}

// register names every operation of the service.
func (s *service) register() {
	s.registerHealth()
	s.registerLogin()
	s.registerAccounts()
	s.registerPasswords()
	s.registerProfile()
	s.registerRefresh()
	s.registerSessions()
	s.registerProof()
	s.registerMFA()
	s.registerAPIKeys()
	s.registerSigningKeys()
	s.registerMetrics()
	s.registerNews()
	s.registerForecasts()
	s.registerAlerts()
	s.registerNotifications()
	s.registerEvents()
	s.registerSources()
	s.registerSourceRuns()
	s.registerPush()
	s.registerAnomalies()
	s.registerTrends()
	s.registerWeather()
	s.registerSummary()
	s.registerExport()
	s.registerVerifyAudit()
	s.registerBusinesses()
	s.registerMembers()
	s.registerInvitations()
	s.registerPreferences()
	s.registerKPIs()
	s.registerCalendar()
	s.registerSubscription()
	s.registerUserExport()
	s.registerUserDelete()
	s.registerAudit()
	s.registerAdminUsers()
	s.registerAdminSessions()
	s.registerAdminJobs()
	s.registerUploads()
}

// mount adds what is served beside the documented operations.
func mount(mux *http.ServeMux, document *huma.OpenAPI, registry *prometheus.Registry) error {
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return fmt.Errorf("write openapi document: %w", err)
	}
	text = append(text, '\n')
	page, err := docs()
	if err != nil {
		return err
	}
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(text) // a reader that left cannot be told
	})
	mux.Handle("GET /docs", page)
	mux.Handle("GET "+routeMetrics, exposition(registry))
	return nil
}
