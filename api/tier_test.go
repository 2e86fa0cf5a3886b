package api_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/apitest"
)

// atOnce sends n requests together and checks that exactly most of them succeed, and the others name the limit.
func (s *scene) atOnce(n, most int, send func(i int) apitest.Answer) {
	s.t.Helper()
	answers := make([]apitest.Answer, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { answers[i] = send(i) })
	}
	wait.Wait()
	succeeded := 0
	for _, a := range answers {
		if a.Status < 300 {
			succeeded++
			continue
		}
		a.WantError(s.t, http.StatusForbidden, "LIMIT_REACHED")
	}
	if succeeded != most {
		s.t.Errorf("%d of %d succeeded, want %d", succeeded, n, most)
	}
}

// Whatever adds to what a subscription limits counts in one place and waits for the others: at the limit exactly as many
// pass as there is room for, whichever way they come.
func TestLimitsHoldAtOnce(t *testing.T) {
	t.Parallel()
	const many = 12
	t.Run("sources, made and uploaded", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, apitest.Options{})
		r := &sourceRoom{Service: s.Service, t: t}
		ada := s.Login(t, s.World.Ada)
		uploads := s.uploads(ada, many/2)
		s.atOnce(many, 3, func(i int) apitest.Answer {
			if i%2 == 0 {
				return s.as(ada, "POST", "/data/sources", r.orders(fmt.Sprint("made ", i), nil))
			}
			return s.as(ada, "POST", "/data/uploads/"+uploads[i/2]+"/commit", map[string]any{})
		})
		if got := s.value(`select count(*) from kpi_sources where business_id = $1 and kind <> 'file'`, s.World.Cafe.ID); got != "3" {
			t.Errorf("%s sources, want 3", got)
		}
	})
	t.Run("KPIs, made, uploaded and switched on", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, apitest.Options{})
		r := &sourceRoom{Service: s.Service, t: t}
		ada, cafe := s.Login(t, s.World.Ada), s.World.Cafe.ID
		s.exec(`insert into kpis (business_id, id, source_id, name, is_active) select $1, gen_random_uuid(), id, 'n' || n, n <= 18 from kpi_sources, generate_series(1, 30) n where business_id = $1`, cafe)
		uploads := s.uploads(ada, many)
		s.atOnce(many, 25-3-18, func(i int) apitest.Answer {
			switch i % 3 {
			case 0:
				return s.as(ada, "POST", "/data/uploads/"+uploads[i]+"/commit", map[string]any{"source": "till exports"})
			case 1:
				id := s.value(`select id from kpis where business_id = $1 and name = 'n' || $2`, cafe, fmt.Sprint(19+i))
				return s.as(ada, "PUT", "/businesses/"+cafe.String()+"/kpis/"+id, map[string]any{"name": fmt.Sprint("on ", i), "aggregation": "sum", "non_negative": true, "is_active": true, "version": 1})
			}
			if i > 2 { // at most one, so that the sources are not what runs out
				return s.as(ada, "POST", "/data/uploads/"+uploads[i]+"/commit", map[string]any{"source": "till exports"})
			}
			return s.as(ada, "POST", "/data/sources", r.orders("made", nil))
		})
		if got := s.value(`select count(*) from kpis where business_id = $1 and is_active`, cafe); got != "25" {
			t.Errorf("%s active KPIs, want 25", got)
		}
	})
	t.Run("members", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, apitest.Options{})
		ada := s.Login(t, s.World.Ada)
		s.atOnce(many, 5-3, func(i int) apitest.Answer {
			return s.as(ada, "POST", "/businesses/"+s.World.Cafe.ID.String()+"/invitations", map[string]string{"email": fmt.Sprintf("guest%d@example.com", i), "role": "viewer"})
		})
	})
	t.Run("API keys", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, apitest.Options{})
		ada := s.Login(t, s.World.Ada)
		s.exec(`insert into api_keys (business_id, id, user_id, name, secret_hash, scopes, created_at, expires_at)
			select $1, gen_random_uuid(), $2, 'k' || n, sha256(n::text::bytea), '{read}', now(), now() + interval '1 day' from generate_series(1, 97) n`, s.World.Cafe.ID, s.World.Ada.ID)
		s.atOnce(many, 3, func(i int) apitest.Answer {
			return s.as(ada, "POST", "/auth/api-keys", map[string]any{"business_id": s.World.Cafe.ID, "name": fmt.Sprint(i), "scopes": []string{"read"}})
		})
	})
	t.Run("alerts", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, apitest.Options{})
		ada := s.Login(t, s.World.Ada)
		s.exec(`insert into alerts (business_id, id, name, condition, threshold, window_days, severity, channels)
			select $1, gen_random_uuid(), 'a' || n, 'below', 1, 7, 'info', '{in_app}' from generate_series(1, 497) n`, s.World.Cafe.ID)
		s.atOnce(many, 3, func(i int) apitest.Answer {
			return s.as(ada, "POST", "/dashboard/alerts", map[string]any{"business_id": s.World.Cafe.ID, "name": fmt.Sprint(i), "condition": "below", "threshold": 1})
		})
	})
}

// uploads sends so many files to the cafe, none of which is committed, and returns their ids.
func (s *scene) uploads(token string, n int) []string {
	s.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		answer := s.Request(s.t, "POST", fmt.Sprintf("/data/upload?business_id=%s&name=%s.csv", s.World.Cafe.ID, uuid.NewString()), fmt.Sprintf("day,value\n2026-01-01,%d\n", i),
			"Authorization", "Bearer "+token, "Content-Type", "text/csv")
		var made struct{ ID string }
		answer.Decode(s.t, http.StatusCreated, &made)
		ids[i] = made.ID
	}
	return ids
}
