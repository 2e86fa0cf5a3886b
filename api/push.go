package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// What one push may hold.
const (
	maxPushBytes  = 1 << 20
	maxPushPoints = 10_000
	maxPushShown  = 100 // rejects in the answer
)

// The stable codes of pushes.
const (
	codeSignature = "INVALID_SIGNATURE"
	codeRepeated  = "ALREADY_RECEIVED"
)

type pushInput struct {
	ID        string `path:"id" doc:"Id of the source" format:"uuid" example:"0192f0c1-5555-7000-8000-000000000005"`
	Signature string `header:"X-SignalCraft-Signature" required:"true" doc:"t= seconds since 1970, v1= the signature in hex; several v1 may stand side by side while a key is replaced" minLength:"1" maxLength:"600" example:"t=1774872000,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd"`
	RawBody   []byte `contentType:"application/json"`
}

// pushBody documents the body, which is read after its signature was checked.
type pushBody struct {
	Points []pushPoint `json:"points" doc:"Points; each is taken or refused by itself" minItems:"1" maxItems:"10000" nullable:"false"`
}

type pushPoint struct {
	KPI   string    `json:"kpi" doc:"Name or id of a KPI of the source" example:"Revenue"`
	At    time.Time `json:"at" doc:"Instant of the value, with its offset" example:"2026-03-30T12:00:00Z"`
	Value float64   `json:"value" doc:"Its value" example:"1200.5"`
}

type pushOutput struct {
	Body pushAnswer
}

type pushAnswer struct {
	ID         string       `json:"id" doc:"Id of what was received" format:"uuid" example:"0192f0c1-7777-7000-8000-000000000007"`
	ReceivedAt time.Time    `json:"received_at" doc:"When it was received; it lands with the next batch" example:"2026-03-30T12:00:01Z"`
	Accepted   int          `json:"accepted" doc:"Points that will land" example:"1"`
	Rejected   int          `json:"rejected" doc:"Points that go to quarantine" example:"0"`
	Rejects    []pushReject `json:"rejects" doc:"The first refused points" nullable:"false" maxItems:"100"`
}

type pushReject struct {
	Index  int    `json:"index" doc:"Place of the point in the request, from 0 on" example:"3"`
	Reason string `json:"reason" doc:"Why it was refused" example:"unknown KPI \"Revenu\""`
}

const pushAbout = `Takes points of a source of kind push. What is answered with 202 is stored and lands with the next batch; a later point of the same KPI and instant replaces an earlier one.

The signature is HMAC-SHA256, with the source's key, of the time in seconds since 1970, a full stop, and the body as it is sent:

    BODY='{"points":[{"kpi":"Revenue","at":"2026-03-30T12:00:00Z","value":1200.5}]}'
    T=$(date +%s)
    SIGNATURE=$(printf '%s.%s' "$T" "$BODY" | openssl dgst -sha256 -hmac "$PUSH_KEY" -r | cut -d' ' -f1)
    curl "$API/data/push/$SOURCE" -H 'content-type: application/json' \
      -H "x-signalcraft-signature: t=$T,v1=$SIGNATURE" --data-binary "$BODY"

A request whose time is off by more than five minutes is refused, and so is one that came before: to send again, sign again.`

func (s *service) registerPush() {
	register(s, huma.Operation{
		OperationID: "pushData", Method: http.MethodPost, Path: "/data/push/{id}", Tags: []string{"data"}, Summary: "Push points", Description: pushAbout,
		DefaultStatus: http.StatusAccepted, MaxBodyBytes: maxPushBytes, BodyReadTimeout: 5 * time.Second, SkipValidateBody: true,
		Responses: failing(http.StatusUnauthorized, http.StatusConflict),
	}, s.pushData)
	// huma describes raw bodies as binary.
	document := s.huma.OpenAPI()
	document.Paths["/data/push/{id}"].Post.RequestBody.Content["application/json"].Schema = document.Components.Schemas.Schema(reflect.TypeFor[pushBody](), true, "")
	s.registerPushKeys()
}

func (s *service) pushData(ctx context.Context, in *pushInput) (*pushOutput, error) {
	source, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	if s.secrets == nil {
		return nil, s.fail(ctx, withoutSources(ctx))
	}
	now := s.clock()
	target, err := s.signed(ctx, source, in.Signature, in.RawBody, now)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	push, err := readPush(ctx, target, in.RawBody, now)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	if push.ID, err = uuid.NewV7(); err != nil {
		return nil, s.fail(ctx, err)
	}
	push.BusinessID, push.SourceID, push.Digest = target.BusinessID, source, digestOf(in.Signature, in.RawBody)
	note(ctx, source.String(), map[string]any{"push": push.ID, "accepted": len(push.Points), "rejected": len(push.Rejects)})
	e := exchangeFrom(ctx)
	outcome, err := s.store.AcceptPush(ctx, push, e.entry(ctx, now, &target.BusinessID, store.AuditDone))
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	switch outcome {
	case store.PushAccepted:
		e.audited = true
		return &pushOutput{Body: pushAnswerOf(push)}, nil
	case store.PushRepeated:
		return nil, problem(ctx, http.StatusConflict, codeRepeated, "This request came before. To send again, sign again.")
	case store.PushWaiting:
		return nil, rateLimited(ctx, 5*time.Minute)
	}
	return nil, badSignature(ctx, signatureText)
}

func pushAnswerOf(p store.Push) pushAnswer {
	a := pushAnswer{ID: p.ID.String(), ReceivedAt: p.ReceivedAt, Accepted: len(p.Points), Rejected: len(p.Rejects), Rejects: []pushReject{}}
	for _, r := range p.Rejects[:min(len(p.Rejects), maxPushShown)] {
		a.Rejects = append(a.Rejects, pushReject{Index: int(r.Line) - 1, Reason: r.Reason})
	}
	return a
}

const signatureText = "The signature is not valid for this source."

// badSignature is the one answer for a source that takes no pushes and for a signature that is wrong.
func badSignature(ctx context.Context, message string) *errorEnvelope {
	return problem(ctx, http.StatusUnauthorized, codeSignature, message).with("WWW-Authenticate", `Signature realm="signalcraft"`)
}

// signed returns what a push is judged by, when one of the source's keys signed it within the last minutes.
func (s *service) signed(ctx context.Context, source uuid.UUID, header string, body []byte, now time.Time) (store.PushTarget, error) {
	signature, ok := parseSignature(header)
	if !ok {
		return store.PushTarget{}, invalid(ctx, "header", "X-SignalCraft-Signature", "want t=<seconds>,v1=<64 hex digits>")
	}
	if off := now.Sub(signature.at); off > signatureTime || off < -signatureTime {
		return store.PushTarget{}, badSignature(ctx, "The time of the signature is off by more than five minutes.")
	}
	target, err := s.store.PushTarget(ctx, source)
	known := !errors.Is(err, store.ErrNotFound)
	if err != nil && known {
		return target, err
	}
	keys := [][]byte{[]byte(source.String())} // never valid; so that an unknown source takes its time, too
	for _, key := range target.Keys {
		if key.ExpiresAt != nil && !key.ExpiresAt.After(now) {
			continue
		}
		opened, err := s.secrets.Open(secretPurpose(source, key.Name), key.Sealed)
		if err != nil {
			return target, err
		}
		keys = append(keys, opened)
	}
	valid := false
	for i, key := range keys {
		valid = signature.matches(key, body) && i > 0 || valid
	}
	if !known || !valid {
		return target, badSignature(ctx, signatureText)
	}
	return target, nil
}
