package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalcraft/signalcraft/api/auth"
)

// who says whom an operation serves.
type who int

const (
	anyone   who = iota // without signing in
	account             // every signed-in user, on what is theirs
	member              // members of the business that the request names, from a role on
	operator            // operators of the installation
)

// access is the rule of one operation.
type access struct {
	who who
	// role is the least role in the business, for members.
	role auth.Role
	// scope lets an API key call the operation; without one no key may.
	scope string
	// proof demands that the caller proved who they are within the last ten minutes.
	proof bool
	// creates marks a POST that takes an Idempotency-Key.
	creates bool
}

// accessOf is the one table that says who may do what: operation by operation, nothing else decides. The
// document shows it as x-access, and the tests of tenants and roles read it.
func accessOf() map[string]access {
	const read, write, sources = auth.ScopeRead, auth.ScopeWrite, auth.ScopeSources
	viewer := access{who: member, role: auth.Viewer, scope: read}
	return map[string]access{
		"getLiveness":  {who: anyone},
		"getReadiness": {who: anyone},

		"register":             {who: anyone},
		"login":                {who: anyone},
		"refresh":              {who: anyone},
		"logout":               {who: anyone},
		"resetPassword":        {who: anyone},
		"confirmResetPassword": {who: anyone},
		"verifyEmail":          {who: anyone},
		"resendVerification":   {who: anyone},
		"getSigningKeys":       {who: anyone},
		"verifyMFA":            {who: anyone},
		"changePassword":       {who: account},
		"proveIdentity":        {who: account},
		"listSessions":         {who: account},
		"endSession":           {who: account},
		"endSessions":          {who: account},
		"getMFA":               {who: account},
		"enrolTOTP":            {who: account, proof: true},
		"confirmTOTP":          {who: account, proof: true},
		"removeTOTP":           {who: account, proof: true},
		"replaceRecoveryCodes": {who: account, proof: true},
		"listAPIKeys":          {who: account},
		"createAPIKey":         {who: member, role: auth.Viewer, proof: true, creates: true}, // more for scopes that write
		"deleteAPIKey":         {who: account},
		"getProfile":           {who: account},
		"updateProfile":        {who: account},
		"exportUser":           {who: account, proof: true},
		"deleteUser":           {who: account, proof: true},
		"listNotifications":    {who: account},
		"readNotification":     {who: account},
		"streamEvents":         {who: account},
		"connectEvents":        {who: account},
		"listBusinesses":       {who: account},
		"createBusiness":       {who: account, creates: true},
		"acceptInvitation":     {who: account},
		"getSubscription":      {who: member, role: auth.Viewer},

		"getBusiness":       viewer,
		"updateBusiness":    {who: member, role: auth.Admin},
		"deleteBusiness":    {who: member, role: auth.Owner, proof: true},
		"getPreferences":    viewer,
		"savePreferences":   {who: member, role: auth.Admin},
		"listMembers":       {who: member, role: auth.Viewer},
		"changeMember":      {who: member, role: auth.Admin},
		"removeMember":      {who: member, role: auth.Viewer}, // oneself; others from admin on
		"listInvitations":   {who: member, role: auth.Admin},
		"createInvitation":  {who: member, role: auth.Admin, creates: true},
		"deleteInvitation":  {who: member, role: auth.Admin},
		"listBusinessAudit": {who: member, role: auth.Admin},
		"upgrade":           {who: member, role: auth.Owner},
		"listKPIs":          viewer,
		"updateKPI":         {who: member, role: auth.Analyst, scope: write},

		"listCalendar":        viewer,
		"addCalendarEntry":    {who: member, role: auth.Analyst, scope: write, creates: true},
		"changeCalendarEntry": {who: member, role: auth.Analyst, scope: write},
		"deleteCalendarEntry": {who: member, role: auth.Analyst, scope: write},

		"getDashboardMetrics":   viewer,
		"queryDashboardMetrics": viewer,
		"getDashboardNews":      viewer,
		"getDashboardForecasts": viewer,
		"getDashboardAnomalies": viewer,
		"getDashboardTrends":    viewer,
		"getDashboardWeather":   viewer,
		"getDashboardSummary":   viewer,
		"exportData":            viewer,
		"listAlerts":            viewer,
		"createAlert":           {who: member, role: auth.Analyst, scope: write, creates: true},
		"updateAlert":           {who: member, role: auth.Analyst, scope: write},
		"deleteAlert":           {who: member, role: auth.Analyst, scope: write},

		"listSources":       {who: member, role: auth.Viewer, scope: sources},
		"createSource":      {who: member, role: auth.Admin, scope: sources, creates: true},
		"updateSource":      {who: member, role: auth.Admin, scope: sources},
		"deleteSource":      {who: member, role: auth.Admin, scope: sources},
		"testSource":        {who: member, role: auth.Admin, scope: sources},
		"runSource":         {who: member, role: auth.Analyst, scope: sources},
		"rotateSourceKey":   {who: member, role: auth.Admin, scope: sources},
		"pushData":          {who: anyone}, // signed with the source's own key
		"createUpload":      {who: member, role: auth.Analyst, scope: write, creates: true},
		"commitUpload":      {who: member, role: auth.Analyst, scope: write},
		"deleteUpload":      {who: member, role: auth.Analyst, scope: write},
		"listUploads":       viewer,
		"getUpload":         viewer,
		"listUploadRejects": viewer,

		"adminListUsers":        {who: operator},
		"adminUpdateUser":       {who: operator, proof: true},
		"adminListSessions":     {who: operator},
		"adminEndSession":       {who: operator, proof: true},
		"adminListJobs":         {who: operator},
		"adminRunJob":           {who: operator},
		"adminListRuns":         {who: operator},
		"adminListAudit":        {who: operator},
		"adminVerifyAudit":      {who: operator},
		"adminRotateSigningKey": {who: operator, proof: true},
	}
}

// register adds an operation under its row of accessOf, which is where its security and the errors that follow from it
// come from. It panics when there is no row: an operation nobody decided on must not be served.
func register[I, O any](s *service, o huma.Operation, handler func(context.Context, *I) (*O, error)) {
	huma.Register(s.huma, s.governed(o), unique(handler))
}

// governed returns o with what its row of accessOf says. It is for operations that huma registers in another
// way, such as streams.
func (s *service) governed(o huma.Operation) huma.Operation {
	rule, ok := s.access[o.OperationID]
	if !ok {
		panic("api: operation " + o.OperationID + " has no row in accessOf")
	}
	statuses := []int{http.StatusBadRequest}
	rules := map[string]any{"who": [...]string{"anyone", "account", "member", "operator"}[rule.who]}
	if rule.who != anyone {
		statuses = append(statuses, http.StatusUnauthorized, http.StatusForbidden)
		o.Security = signedIn(rule.scope != "")
	}
	if rule.who == member {
		rules["role"] = rule.role
	}
	if rule.scope != "" {
		rules["scope"] = rule.scope
	}
	if rule.proof {
		rules["recent_proof"] = true
	}
	if rule.who == member || strings.Contains(o.Path, "{") {
		statuses = append(statuses, http.StatusNotFound)
	}
	if o.Method != http.MethodGet && o.Method != http.MethodDelete {
		statuses = append(statuses, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if rule.creates {
		statuses = append(statuses, http.StatusConflict)
		o.Parameters = append(o.Parameters, idempotencyParameter())
	}
	if o.BodyReadTimeout == 0 {
		o.BodyReadTimeout = s.bodyTime(o.OperationID)
	}
	if o.Extensions == nil {
		o.Extensions = map[string]any{}
	}
	o.Extensions["x-access"] = rules
	responses := failing(append(statuses, http.StatusTooManyRequests)...)
	for status, r := range o.Responses {
		responses[status] = r // what the operation itself says goes first
	}
	o.Responses = responses
	return o
}

// provedWithin is how long a proof of identity lasts for operations that demand one.
const provedWithin = 10 * time.Minute

// permit returns why the caller of an operation may not call it whatever it names, or nil. What depends on the business
// is decided by inBusiness.
func (s *service) permit(ctx context.Context, rule access, p auth.Principal) *errorEnvelope {
	switch {
	case p.IsKey() && !p.Has(rule.scope):
		return problem(ctx, http.StatusForbidden, codeScope, "This API key was not given what this operation needs.")
	case rule.who == operator && !p.Operator:
		return forbidden(ctx, "operator")
	case rule.who == operator && s.operatorMFA && !p.SecondFactor:
		return mfaRequired(ctx)
	case rule.proof && s.clock().Sub(p.ProvedAt) > provedWithin:
		return problem(ctx, http.StatusForbidden, codeProof, "Prove who you are again with POST /auth/prove, then repeat this.")
	}
	return nil
}

// forbidden is the answer to a member whose role does not suffice. That the business exists is no news to a member.
func forbidden(ctx context.Context, least string) *errorEnvelope {
	e := problem(ctx, http.StatusForbidden, codeForbidden, "Your role does not allow this.")
	e.Problem.Details.Needs = least
	return e
}
