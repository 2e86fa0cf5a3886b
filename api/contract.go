package api

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const about = `Numbers of a business and the world around them, as the last run of the batch published them.

Sign in with POST /auth/login and send the access token as "Authorization: Bearer ...". Every answer with numbers names the run it comes from, that run's as-of instant, and whether it is fresh, stale or unknown.

Windows are half-open: from is included, to is not. Days are local days of the business. Lists are cut into pages: ask again with next_cursor as cursor until it is null.

Published numbers change only when a run publishes, and their answers carry an ETag: send it back as If-None-Match, and the answer is 304 while nothing has changed. An answer is never older than the request.
Requests are limited by account, API key and address; the RateLimit and RateLimit-Policy headers of every answer tell what is left, and 429 says in Retry-After when to come back. A POST that creates takes an Idempotency-Key, so that it can be sent again without being done twice.

Errors are always {"error":{"code","message","details"}}; details.request_id is also in the X-Request-Id header and in the service's log.`

// The names of the contract's security schemes.
const (
	bearer = "bearer"
	apiKey = "apiKey"
)

// contract is huma's configuration: the document's frame, JSON only, strict input. huma's
// own documentation page would load scripts from elsewhere; ours is in docs.go.
func contract(version string) huma.Config {
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "SignalCraft API", Version: version, Description: about,
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}},
			Servers: []*huma.Server{
				{URL: basePath, Description: "This host, by version"},
				{URL: "/", Description: "This host"},
			},
			Tags: []*huma.Tag{
				{Name: "auth", Description: "Signing in"},
				{Name: "dashboard", Description: "Published numbers of one business"},
				{Name: "alerts", Description: "Rules that watch KPIs, and what they told"},
				{Name: "events", Description: "What happens, as it happens"},
				{Name: "users", Description: "Your own account, and what it pays for"},
				{Name: "businesses", Description: "Businesses, what they prefer and what they measure"},
				{Name: "members", Description: "Who belongs to a business"},
				{Name: "admin", Description: "The installation, for its operators"},
				{Name: "data", Description: "Bringing data in and taking it out"},
				{Name: "health", Description: "For load balancers and operators"},
			},
			Components: &huma.Components{
				Schemas:   schemas,
				Responses: errorResponses(schemas),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					bearer: {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "The access_token of POST /auth/login."},
					apiKey: {Type: "http", Scheme: "bearer", Description: "A key of POST /auth/api-keys, for its business and within its scopes."},
				},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}
}

// finish puts the document in order once all operations are known: tags by name, and no error answers that none gives.
func finish(document *huma.OpenAPI) {
	allowNull(document.Components.Schemas)
	tellUnique(document.Components.Schemas.Map())
	slices.SortFunc(document.Tags, func(a, b *huma.Tag) int { return strings.Compare(a.Name, b.Name) })
	used := map[string]bool{}
	for _, item := range document.Paths {
		for _, o := range operations(item) {
			for _, r := range o.Responses {
				used[strings.TrimPrefix(r.Ref, "#/components/responses/")] = true
			}
		}
	}
	maps.DeleteFunc(document.Components.Responses, func(name string, _ *huma.Response) bool { return !used[name] })
}

// allowNull makes the document say that a field which is a pointer to a struct may be null. huma leaves that out, since beside
// a reference nothing else may stand.
func allowNull(schemas huma.Registry) {
	for name, schema := range schemas.Map() {
		t := schemas.TypeFromRef("#/components/schemas/" + name)
		if t == nil || t.Kind() != reflect.Struct {
			continue
		}
		for _, field := range reflect.VisibleFields(t) {
			name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			p := schema.Properties[name]
			if p == nil || p.Ref == "" || field.Type.Kind() != reflect.Pointer || strings.Contains(options, "omit") {
				continue
			}
			schema.Properties[name] = &huma.Schema{Description: field.Tag.Get("doc"), AnyOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}}
		}
	}
}

// errorTexts says what each error status means here.
func errorTexts() map[int]string {
	return map[int]string{
		http.StatusBadRequest:            "The request is not valid; details name the field and the issue.",
		http.StatusUnauthorized:          "Nobody is signed in, or the shown secret is not valid.",
		http.StatusForbidden:             "The caller's role, scope, subscription or age of proof does not allow this; details say which.",
		http.StatusConflict:              "It exists already, was changed meanwhile, or its Idempotency-Key is in use.",
		http.StatusNotFound:              "There is no such thing, or you may not see it.",
		http.StatusRequestTimeout:        "The request body took too long.",
		http.StatusRequestEntityTooLarge: "The request body is too large.",
		http.StatusUnsupportedMediaType:  "The body is not application/json.",
		http.StatusTooManyRequests:       "Too many attempts; Retry-After says when to come back.",
		http.StatusInternalServerError:   "A fault of the service.",
		http.StatusServiceUnavailable:    "The service is busy or restarting; Retry-After says when to come back.",
	}
}

func errorResponses(schemas huma.Registry) map[string]*huma.Response {
	envelope := schemas.Schema(reflect.TypeFor[errorEnvelope](), true, "")
	responses := map[string]*huma.Response{}
	for status, text := range errorTexts() {
		r := &huma.Response{Description: text, Content: map[string]*huma.MediaType{"application/json": {Schema: envelope}}}
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			r.Headers = map[string]*huma.Param{"Retry-After": {Description: "Seconds to wait", Schema: &huma.Schema{Type: huma.TypeInteger}}}
		}
		if status == http.StatusTooManyRequests {
			r.Headers["RateLimit-Policy"] = &huma.Param{Description: "Each limit with its quota q and window w in seconds", Schema: &huma.Schema{Type: huma.TypeString}}
			r.Headers["RateLimit"] = &huma.Param{Description: "What remains of each, r, and the seconds until all is back, t; on every answer of a limited operation", Schema: &huma.Schema{Type: huma.TypeString}}
		}
		if status == http.StatusUnauthorized {
			r.Headers = map[string]*huma.Param{"WWW-Authenticate": {Description: "How to sign in", Schema: &huma.Schema{Type: huma.TypeString}}}
		}
		responses["Error"+strconv.Itoa(status)] = r
	}
	return responses
}

// failing lists the error answers of an operation for its document; 500 and 503 may
// always come.
func failing(statuses ...int) map[string]*huma.Response {
	responses := map[string]*huma.Response{}
	for _, status := range append(statuses, http.StatusInternalServerError, http.StatusServiceUnavailable) {
		code := strconv.Itoa(status)
		responses[code] = &huma.Response{Ref: "#/components/responses/Error" + code}
	}
	return responses
}

// signedIn is the security requirement of operations that need an access token, or, if keys may call them, an API key.
func signedIn(keys bool) []map[string][]string {
	if keys {
		return []map[string][]string{{bearer: {}}, {apiKey: {}}}
	}
	return []map[string][]string{{bearer: {}}}
}
