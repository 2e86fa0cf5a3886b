package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Where load balancers ask.
const (
	routeLive  = "/health/live"
	routeReady = "/health/ready"
)

type healthOutput struct {
	Body struct {
		Status string `json:"status" doc:"Always ok; trouble is an error answer" enum:"ok" example:"ok"`
	}
}

func (s *service) registerHealth() {
	register(s, huma.Operation{
		OperationID: "getLiveness", Method: http.MethodGet, Path: routeLive, Tags: []string{"health"},
		Summary:     "Is the process alive?",
		Description: "Answers as long as the process can answer at all. Restart the process when it does not.",
	}, s.live)
	register(s, huma.Operation{
		OperationID: "getReadiness", Method: http.MethodGet, Path: routeReady, Tags: []string{"health"},
		Summary:     "Can the service serve?",
		Description: "Asks Postgres. While that does not answer this is 503: send no requests here, and do not restart the process.",
	}, s.ready)
}

func (s *service) live(context.Context, *struct{}) (*healthOutput, error) {
	out := &healthOutput{}
	out.Body.Status = "ok"
	return out, nil
}

func (s *service) ready(ctx context.Context, in *struct{}) (*healthOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	if err := s.store.Ping(ctx); err != nil {
		return nil, unavailable(ctx, err)
	}
	return s.live(ctx, in)
}
