package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
)

// showSource is a source as a member with a role sees it: without secrets, and below admin without the addresses, which
// may be as good as one.
func showSource(r store.SourceRecord, business uuid.UUID, role string, now time.Time) (sourceAnswer, error) {
	a := sourceAnswer{ID: r.ID.String(), BusinessID: business.String(), Name: r.Name, Kind: r.Kind, Active: r.Active, Schedule: r.Schedule,
		NextDueAt: r.NextDueAt, RequestedAt: r.RequestedAt, KPIs: []sourceKPI{}, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt}
	if !r.Active {
		a.NextDueAt = nil
	}
	if r.LastRunAt != nil {
		a.LastRun = &sourceRunAnswer{At: *r.LastRunAt, Status: r.LastStatus, Problem: r.Problem}
	}
	var stored storedSource
	if remoteKind(r.Kind) {
		if err := json.Unmarshal(r.Config, &stored); err != nil {
			return a, fmt.Errorf("read definition of source %s: %w", r.ID, err)
		}
		if r.Kind != kindPush {
			a.Mapping = &stored.Mapping
		}
	}
	a.KPIs = showKPIs(r.KPIs, stored)
	if auth.Role(role).Covers(auth.Admin) {
		showConnection(&a, stored, r.Secrets, now)
	}
	return a, nil
}

// remoteKind reports whether the API keeps the config of sources of a kind.
func remoteKind(kind string) bool {
	return kind == kindHTTP || kind == kindSheet || kind == kindDatabase || kind == kindPush
}

func showKPIs(kpis []store.SourceKPI, stored storedSource) []sourceKPI {
	places := map[string]storedKPI{}
	for _, k := range stored.KPIs {
		places[k.ID] = k
	}
	shown := make([]sourceKPI, len(kpis))
	for i, k := range kpis {
		place := places[k.ID.String()]
		shown[i] = sourceKPI{ID: k.ID.String(), Name: k.Name, Description: k.Description, Unit: k.Unit, Aggregation: k.Aggregation, Grain: k.Grain,
			NonNegative: k.NonNegative, Key: place.Key, Column: place.Column, Active: k.Active}
		if k.Currency != nil {
			shown[i].Currency = *k.Currency
		}
	}
	return shown
}

func showConnection(a *sourceAnswer, stored storedSource, secrets []store.SourceSecret, now time.Time) {
	set := map[string]bool{}
	for _, secret := range secrets {
		set[secret.Name] = true
		id, ok := strings.CutPrefix(secret.Name, pushPrefix)
		if ok && (secret.ExpiresAt == nil || secret.ExpiresAt.After(now)) {
			a.PushKeys = append(a.PushKeys, pushKeyAnswer{ID: id, CreatedAt: secret.CreatedAt, ExpiresAt: secret.ExpiresAt})
		}
	}
	a.Sheet = stored.Sheet
	if h := stored.HTTP; h != nil {
		a.HTTP = &sourceHTTP{URL: h.URL, Method: h.Method, Body: h.Body, Format: h.Format, Rows: h.Rows, Paging: h.Paging}
		for _, name := range h.Headers {
			a.HTTP.Headers = append(a.HTTP.Headers, sourceSecret{Name: name, Set: set["header/"+name]})
		}
		for _, name := range h.Parameters {
			a.HTTP.Parameters = append(a.HTTP.Parameters, sourceSecret{Name: name, Set: set["parameter/"+name]})
		}
	}
	if d := stored.Database; d != nil {
		a.Database = &sourceDatabase{Host: d.Host, Port: d.Port, Database: d.Database, User: d.User, PasswordSet: set["password"], TLS: d.TLS, CA: d.CA, Query: d.Query}
	}
}
