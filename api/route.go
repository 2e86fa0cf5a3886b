package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// route is what the router knows of an address before the operation behind it runs.
type route struct {
	operation string
	limits    routeLimits
	// time bounds the request, from its headers to the end of its answer. A stream has no end but that of the service.
	time   time.Duration
	stream bool
	// exempt routes are answered also when the service is full: that is when they are asked for.
	exempt bool
}

// routes returns what is known of each pattern of the mux.
func (s *service) routes(document *huma.OpenAPI) map[string]route {
	routes := map[string]route{
		"GET " + routeMetrics: {time: s.timeout, exempt: true, limits: routeLimits{free: true}},
		"GET /docs":           {time: s.timeout},
		"GET /openapi.json":   {time: s.timeout},
	}
	for path, item := range document.Paths {
		for method, o := range operations(item) {
			limits := limitsOfOperation(o.OperationID)
			whole := s.timeOf(o.OperationID)
			routes[method+" "+path] = route{operation: o.OperationID, limits: limits, exempt: limits.free, time: whole, stream: whole == 0}
		}
	}
	return routes
}

// operations returns the operations of an address by method.
func operations(item *huma.PathItem) map[string]*huma.Operation {
	all := map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put,
		http.MethodPatch: item.Patch, http.MethodDelete: item.Delete}
	for method, o := range all {
		if o == nil {
			delete(all, method)
		}
	}
	return all
}

// timeOf returns how long an operation may take. Most take the usual time; what moves much data takes longer, and what never
// ends has no bound.
func (s *service) timeOf(operation string) time.Duration {
	switch operation {
	case "streamEvents", "connectEvents":
		return 0
	case "createUpload":
		return max(s.timeout, 16*time.Minute)
	case "exportData":
		return max(s.timeout, 10*time.Minute)
	case "exportUser", "commitUpload", "adminVerifyAudit":
		return max(s.timeout, 5*time.Minute)
	case "testSource", "runSource", "pushData":
		return max(s.timeout, time.Minute)
	}
	return s.timeout
}

// bodyTime bounds the reading of a request body, by the time of its operation; 0 leaves huma's five seconds.
func (s *service) bodyTime(operation string) time.Duration {
	if whole := s.timeOf(operation); whole > s.timeout {
		return whole
	}
	return 0
}

// bound gives a request its time: its context ends with it, and so do the connection's reads and writes, a little later, so that
// the answer that says so still gets out. The hub ends streams when the service is told to stop.
func (rt route) bound(w http.ResponseWriter, r *http.Request) (context.Context, context.CancelFunc) {
	control := http.NewResponseController(w)
	if rt.stream {
		ctx, cancel := context.WithCancel(r.Context())
		// Not every writer knows deadlines; those that do not have none.
		_ = control.SetReadDeadline(time.Time{})
		_ = control.SetWriteDeadline(time.Time{})
		return ctx, cancel
	}
	if rt.time == 0 {
		return r.Context(), func() {}
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), rt.time, errSlow)
	if end, ok := ctx.Deadline(); ok {
		_ = control.SetReadDeadline(end.Add(graceTime))
		_ = control.SetWriteDeadline(end.Add(graceTime))
	}
	return ctx, cancel
}

// graceTime is how much longer than the request its connection may take to carry the answer.
const graceTime = 5 * time.Second
