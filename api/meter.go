package api

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// routeMetrics is where Prometheus reads.
const routeMetrics = "/metrics"

// meter counts and times requests by route template, so that the number of series does
// not depend on what callers send.
type meter struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	open     prometheus.Gauge
}

func newMeter(registry *prometheus.Registry) (*meter, error) {
	m := &meter{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalcraft_http_requests_total", Help: "Requests answered, by route template, method and status."},
			[]string{"route", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "signalcraft_http_request_seconds", Help: "Time to answer a request, by route template and method.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15}},
			[]string{"route", "method"}),
		open: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "signalcraft_http_requests_open", Help: "Requests being answered now."}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.open} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

func (m *meter) observe(route, method string, status int, took time.Duration) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		method = "other"
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	if route == pathEvents || route == pathSocket {
		return // how long a stream lasted says nothing of how fast the service is
	}
	m.seconds.WithLabelValues(route, method).Observe(took.Seconds())
}

// exposition serves the registry in Prometheus' text format.
func exposition(registry *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, Registry: registry})
}
