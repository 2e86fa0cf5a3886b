package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
)

// maxKeys bounds the API keys of one user.
const maxKeys = 100

type keysInput struct {
	Limit int `query:"limit" doc:"Most keys to return" minimum:"1" maximum:"100" default:"100" example:"20"`
}

type keysOutput struct {
	Body struct {
		Keys []keyItem `json:"keys" nullable:"false" doc:"Your keys, newest first, expired ones too; a user has at most 100"`
	}
}

type keyItem struct {
	ID         string     `json:"id" doc:"Id of the key" format:"uuid" example:"5f0c2b1e-7d3a-4c8b-9e2f-1a2b3c4d5e6f"`
	Name       string     `json:"name" doc:"What you called it" example:"nightly export"`
	Hint       string     `json:"hint" doc:"How the key begins" example:"sck_5f0c2b1e"`
	BusinessID string     `json:"business_id" doc:"The one business that it reaches" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	Scopes     []string   `json:"scopes" nullable:"false" doc:"What it may do there, as far as your role goes" example:"[\"read\"]"`
	CreatedAt  time.Time  `json:"created_at" doc:"When it was made" example:"2026-03-31T06:00:00Z"`
	ExpiresAt  time.Time  `json:"expires_at" doc:"When it is refused" example:"2026-06-29T06:00:00Z"`
	LastUsedAt *time.Time `json:"last_used_at" doc:"When it was last used, to the minute; null if it never was" example:"2026-03-31T07:45:00Z"`
}

type createKeyInput struct {
	Body struct {
		BusinessID string   `json:"business_id" doc:"The one business that the key reaches" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
		Name       string   `json:"name" doc:"What it is for" minLength:"1" maxLength:"100" example:"nightly export"`
		Scopes     []string `json:"scopes" doc:"read for whatever a viewer reads, write for uploads and alerts (takes an analyst), sources for KPI sources (takes an admin)" minItems:"1" maxItems:"3" uniqueItems:"true" nullable:"false" enum:"read,write,sources" example:"[\"read\"]"`
		Days       int      `json:"expires_in_days,omitempty" doc:"How long it is accepted" minimum:"1" maximum:"365" default:"90" example:"90"`
	}
}

type createKeyOutput struct {
	Body struct {
		Key string  `json:"key" doc:"The key, sent as \"Authorization: Bearer ...\"; it is not shown again" example:"sck_5f0c2b1e7d3a4c8b9e2f1a2b3c4d5e6f_mB3v0yq7Q1nTz8Xw5c2d4f6h8j0k1l3m5n7p9r1s3t4"`
		Of  keyItem `json:"api_key" doc:"What is kept of it"`
	}
}

type deleteKeyInput struct {
	ID string `path:"id" doc:"Id of the key" example:"5f0c2b1e-7d3a-4c8b-9e2f-1a2b3c4d5e6f"`
}

func (s *service) registerAPIKeys() {
	tags := []string{"auth"}
	register(s, huma.Operation{OperationID: "listAPIKeys", Method: http.MethodGet, Path: "/auth/api-keys", Tags: tags,
		Summary: "List your API keys", Description: "The keys themselves are not kept."}, s.listKeys)
	register(s, huma.Operation{OperationID: "createAPIKey", Method: http.MethodPost, Path: "/auth/api-keys", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Make an API key", MaxBodyBytes: maxTokenBody,
		Description: "For a program that works for you in one business. It may do what its scopes and your role there allow, at the time of each use, and ends with your membership."}, s.createKey)
	register(s, huma.Operation{OperationID: "deleteAPIKey", Method: http.MethodDelete, Path: "/auth/api-keys/{id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Delete an API key", Description: "It is refused at the latest three seconds later."}, s.deleteKey)
}

func keyItemOf(k store.Key) keyItem {
	id := k.ID.String()
	item := keyItem{ID: id, Name: k.Name, Hint: "sck_" + id[:8], BusinessID: k.BusinessID.String(), Scopes: k.Scopes, CreatedAt: k.CreatedAt.UTC(), ExpiresAt: k.ExpiresAt.UTC()}
	if !k.UsedAt.IsZero() {
		at := k.UsedAt.UTC()
		item.LastUsedAt = &at
	}
	return item
}

func (s *service) listKeys(ctx context.Context, in *keysInput) (*keysOutput, error) {
	out := &keysOutput{}
	err := s.readUser(ctx, func(tx *store.UserTx) error {
		keys, err := tx.Keys(ctx, in.Limit)
		out.Body.Keys = make([]keyItem, len(keys))
		for i, k := range keys {
			out.Body.Keys[i] = keyItemOf(k)
		}
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

func (s *service) createKey(ctx context.Context, in *createKeyInput) (*createKeyOutput, error) {
	business, err := uuid.Parse(in.Body.BusinessID)
	if err != nil {
		return nil, invalid(ctx, "body", "body.business_id", "not an id")
	}
	name := strings.TrimSpace(auth.Printable(in.Body.Name, 100))
	if name == "" {
		return nil, invalid(ctx, "body", "body.name", "must not be blank")
	}
	n := auth.NewKey{Name: name, Scopes: slices.Sorted(slices.Values(in.Body.Scopes)), Life: time.Duration(in.Body.Days) * 24 * time.Hour}
	out := &createKeyOutput{}
	err = s.inBusiness(ctx, business, func(tx *store.MemberTx) error {
		if least := auth.LeastFor(n.Scopes); !auth.Role(tx.Role).Covers(least) {
			return forbidden(ctx, string(least))
		}
		count, err := tx.CountKeys(ctx)
		if err != nil {
			return err
		}
		if err := within(ctx, "API keys", count, maxKeys); err != nil {
			return err
		}
		key, raw, err := s.auth.CreateKey(ctx, tx, n)
		if err != nil {
			return err
		}
		note(ctx, key.ID.String(), map[string]any{"scopes": key.Scopes, "expires_at": key.ExpiresAt})
		out.Body.Key, out.Body.Of = raw, keyItemOf(key)
		return nil
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

func (s *service) deleteKey(ctx context.Context, in *deleteKeyInput) (*struct{}, error) {
	id, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	err = s.asUser(ctx, func(tx *store.UserTx) error {
		note(ctx, id.String(), nil)
		return s.auth.RemoveKey(ctx, tx, id)
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return nil, nil
}
