package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// sample is a request that an operation answers with success when its caller may call it.
type sample struct {
	// target is what {id} of the path names, second what the other parameter names; see objects. Empty when there is none.
	target, second string
	// query and body hold what else is sent; ids in them come from names.
	query func(n names) string
	body  func(n names) any
	// want are the statuses of success; least is a role that the operation wants of this very request beyond its row.
	want  []int
	least string
	// fresh callers are made for one request: it ends their account or sessions. A request that consumes ends its business.
	fresh, consumes bool
	// needsMember: the caller's own is there for members only.
	needsMember bool
	// alike: anyone may call it, and what is another's must still answer like what is absent.
	alike bool
	// stream: the answer does not end. header and contentType are sent along.
	stream      bool
	header      map[string]string
	contentType string
}

// names reports whether the request names something that could be another's.
func (s sample) names(c *tenantCampaign) bool {
	if s.target != "" {
		return objects()[s.target].of != "installation"
	}
	used := false
	probe := names{c, c.own, c.identity("owner"), absentTenant, &used}
	if s.query != nil {
		s.query(probe)
	}
	if s.body != nil {
		s.body(probe)
	}
	return used
}

// wildBody is a body for requests with wild ids in their path.
func (s sample) wildBody(c *tenantCampaign) any {
	if s.body == nil {
		return nil
	}
	return s.body(names{c, c.own, c.identity("owner"), absentTenant, nil})
}

func fixed(body any) func(names) any { return func(names) any { return body } }

// with is a body with the business of the request.
func with(fields map[string]any) func(names) any {
	return func(n names) any {
		body := map[string]any{"business_id": n.id("business")}
		for key, value := range fields {
			body[key] = value
		}
		return body
	}
}

// ofBusiness is a query with the business of the request, and more.
func ofBusiness(more string) func(names) string {
	return func(n names) string { return "business_id=" + n.id("business") + more }
}

// fair is an entry of a calendar.
func fair() map[string]any {
	return map[string]any{"kind": "event", "name": "Fair", "first_day": "2026-05-08", "last_day": "2026-05-10"}
}

// anyOf is one of some queries, another one each time.
func anyOf(queries ...string) func(names) string {
	return func(n names) string { return queries[n.c.random.IntN(len(queries))] }
}

var (
	ok      = []int{http.StatusOK}
	created = []int{http.StatusCreated}
	noBody  = []int{http.StatusNoContent}
)

// requestOf holds a request for every operation of the document, by its id. One row makes the campaign cover an operation.
func requestOf() map[string]sample {
	requests := map[string]sample{
		"getLiveness":  {want: ok},
		"getReadiness": {want: ok},

		"listBusinesses":  {want: ok},
		"createBusiness":  {want: created, fresh: true, body: fixed(bakery())},
		"getBusiness":     {target: "business", want: ok},
		"updateBusiness":  {target: "business", consumes: true, want: ok, body: fixed(map[string]any{"name": "n", "time_zone": "UTC", "currency": "EUR", "country": "DE", "version": 1})},
		"deleteBusiness":  {target: "business", consumes: true, want: noBody},
		"getPreferences":  {target: "business", want: ok},
		"savePreferences": {target: "business", consumes: true, want: ok, body: fixed(somePreferences())},
		"listMembers":     {target: "business", want: ok},
		"changeMember":    {target: "business", second: "member", want: ok, body: fixed(map[string]any{"role": "analyst"})},
		"removeMember":    {target: "business", second: "member", want: noBody, least: "admin"},
		"listInvitations": {target: "business", want: ok},
		"createInvitation": {target: "business", want: created, body: func(n names) any {
			return map[string]any{"email": fmt.Sprintf("i%d@invited.example", n.c.random.Uint32()), "role": "viewer"}
		}},
		"deleteInvitation":  {target: "business", second: "invitation", want: noBody},
		"acceptInvitation":  {want: []int{http.StatusNotFound}, body: fixed(map[string]any{"token": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})},
		"listBusinessAudit": {target: "business", want: ok},
		"listKPIs":          {target: "business", want: ok},
		"updateKPI": {target: "business", second: "kpi", want: ok, body: func(n names) any {
			return map[string]any{"name": fmt.Sprint("own ", n.c.random.Uint64()), "aggregation": "sum", "non_negative": false, "is_active": true, "version": 1}
		}},
		"listCalendar":        {target: "business", want: ok},
		"addCalendarEntry":    {target: "business", want: created, body: fixed(fair())},
		"changeCalendarEntry": {target: "business", second: "day", want: ok, body: fixed(fair())},
		"deleteCalendarEntry": {target: "business", second: "day", want: noBody},
		"getSubscription":     {want: ok, query: ofBusiness("")},
		"upgrade":             {consumes: true, want: ok, body: with(map[string]any{"tier": "pro"})},
		"exportUser":          {want: ok},
		"deleteUser":          {fresh: true, want: noBody, body: func(n names) any { return map[string]any{"password": n.c.World.Ada.Password} }},

		"adminListUsers":    {want: ok},
		"adminUpdateUser":   {target: "person", want: ok, body: fixed(map[string]any{"is_active": true, "is_operator": false})},
		"adminListSessions": {want: ok},
		"adminEndSession":   {target: "sign-in", want: noBody},
		"adminListJobs":     {want: ok},
		"adminRunJob":       {target: "job", want: []int{http.StatusAccepted}},
		"adminListRuns":     {want: ok},
		"adminListAudit":    {want: ok},
		"adminVerifyAudit":  {want: ok},

		"getDashboardMetrics":   {target: "business", want: ok, query: anyOf("grain=day", "grain=hour")},
		"getDashboardNews":      {target: "business", want: ok},
		"getDashboardForecasts": {target: "business", want: ok},
		"getDashboardAnomalies": {target: "business", want: ok},
		"getDashboardTrends":    {target: "business", want: ok},
		"getDashboardWeather":   {target: "business", want: ok},
		"getDashboardSummary":   {target: "business", want: ok},
		"queryDashboardMetrics": {want: ok, body: with(nil)},
		"exportData":            {target: "business", want: ok, query: anyOf("table=metrics", "table=hours&format=jsonl", "table=forecasts&format=json")},

		"listAlerts":        {target: "business", want: ok},
		"createAlert":       {want: created, body: with(map[string]any{"name": "low", "condition": "anomaly"})},
		"updateAlert":       {target: "alert", want: ok, body: fixed(map[string]any{"name": "low", "condition": "anomaly"})},
		"deleteAlert":       {target: "alert", want: noBody},
		"listNotifications": {want: ok},
		"readNotification":  {target: "notification", needsMember: true, want: ok},
		"streamEvents":      {stream: true, want: ok},
		"connectEvents": {stream: true, want: []int{http.StatusSwitchingProtocols}, header: map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}},
	}
	// A push source holds KPIs of its own, whose names are unique in the business; it is not read over the network.
	source := func(n names) map[string]any {
		name := fmt.Sprint("s", n.c.random.Uint64())
		return map[string]any{"name": name, "kind": "push", "kpis": []map[string]any{{"name": name}}}
	}
	for id, request := range map[string]sample{
		"createUpload": {want: created, query: ofBusiness(""), contentType: "text/csv", body: func(n names) any {
			return fmt.Sprintf("date,value\n2026-03-01,%d\n", n.c.random.Uint32())
		}},
		"listUploads":       {want: ok, query: ofBusiness("")},
		"getUpload":         {target: "upload", want: ok},
		"listUploadRejects": {target: "upload", want: ok},
		"commitUpload":      {target: "upload", want: []int{http.StatusBadRequest}, body: fixed(map[string]any{})}, // its file is not here
		"deleteUpload":      {target: "upload", want: noBody},
		"listSources":       {target: "business", want: ok},
		"createSource":      {want: created, body: func(n names) any { body := source(n); body["business_id"] = n.id("business"); return body }},
		"updateSource":      {target: "source", want: ok, body: func(n names) any { return source(n) }},
		"deleteSource":      {target: "source", want: noBody},
		"rotateSourceKey":   {target: "source", want: created},
		"testSource":        {target: "source", want: []int{http.StatusConflict}},
		"runSource":         {target: "source", want: []int{http.StatusConflict}},
		"pushData": {target: "source", alike: true, want: []int{http.StatusUnauthorized}, body: fixed(map[string]any{"points": []map[string]any{}}),
			header: map[string]string{"X-SignalCraft-Signature": "t=1774936800,v1=" + strings.Repeat("0", 64)}},
	} {
		requests[id] = request
	}
	for id, request := range accountRequests() {
		requests[id] = request
	}
	return requests
}

// accountRequests are those of signing in and of one's own account.
func accountRequests() map[string]sample {
	password := func(n names) any { return map[string]any{"password": n.c.World.Ada.Password} }
	token := url.QueryEscape("9JtZbJ3vO5mB2dXr7cQk1sTn6yLw8uHf0aEgVpRiMzI")
	refused := []int{http.StatusBadRequest, http.StatusUnauthorized}
	return map[string]sample{
		"login": {want: refused, body: fixed(map[string]any{"email": "nobody@nowhere.example", "password": "x"})},
		"register": {want: created, body: func(n names) any {
			return map[string]any{"email": fmt.Sprintf("r%d@new.example", n.c.random.Uint64()), "full_name": "R", "password": "four words without connection"}
		}},
		"refresh":              {want: refused, body: fixed(map[string]any{"refresh_token": "scr_" + token})},
		"logout":               {want: append(noBody, refused...), body: fixed(map[string]any{"refresh_token": "scr_" + token})},
		"resetPassword":        {want: ok, body: fixed(map[string]any{"email": "nobody@nowhere.example"})},
		"confirmResetPassword": {want: refused, body: fixed(map[string]any{"token": token, "new_password": "four words without connection"})},
		"verifyEmail":          {want: refused, body: fixed(map[string]any{"token": token})},
		"resendVerification":   {want: ok, body: fixed(map[string]any{"email": "nobody@nowhere.example"})},
		"getSigningKeys":       {want: ok},
		"verifyMFA":            {want: refused, body: fixed(map[string]any{"mfa_token": "eyJhbGciOiJFZERTQSJ9.e30.c2ln", "code": "123456"})},
		"changePassword": {fresh: true, want: ok, body: func(n names) any {
			return map[string]any{"current_password": n.c.World.Ada.Password, "new_password": "another four unrelated words"}
		}},
		"proveIdentity":         {fresh: true, want: ok, body: password},
		"listSessions":          {want: ok},
		"endSession":            {target: "session", want: noBody},
		"endSessions":           {fresh: true, want: ok},
		"getMFA":                {want: ok},
		"enrolTOTP":             {fresh: true, want: ok},
		"confirmTOTP":           {fresh: true, want: []int{http.StatusBadRequest}, body: fixed(map[string]any{"code": "123456"})},
		"removeTOTP":            {fresh: true, want: []int{http.StatusNoContent, http.StatusNotFound}},
		"replaceRecoveryCodes":  {fresh: true, want: []int{http.StatusOK, http.StatusNotFound, http.StatusConflict}},
		"listAPIKeys":           {want: ok},
		"createAPIKey":          {needsMember: true, want: created, body: with(map[string]any{"name": "k", "scopes": []string{"read"}})},
		"deleteAPIKey":          {target: "key", needsMember: true, want: noBody},
		"getProfile":            {want: ok},
		"updateProfile":         {want: ok, body: fixed(map[string]any{})},
		"adminRotateSigningKey": {want: created},
	}
}

func somePreferences() map[string]any {
	return map[string]any{"locale": "en", "week_start": "monday", "number_format": map[string]any{"decimal": "point", "grouping": "none", "decimals": 2},
		"digest":   map[string]any{"enabled": false, "frequency": "weekly", "weekday": "monday", "hour": 7, "recipients": []string{"owner"}},
		"channels": map[string]any{"alerts": []string{"in_app"}, "anomalies": []string{}, "sources": []string{}, "uploads": []string{}}}
}
