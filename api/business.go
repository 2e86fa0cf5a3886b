package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/store"
)

// codeChanged is the code of a change to a version that is not the newest any more.
const codeChanged = "VERSION_CONFLICT"

// maxOwned bounds how many businesses one user may own.
const maxOwned = 100

// BusinessFields are what people say of a business. It is exported because huma reads exported embedded structs only.
type BusinessFields struct {
	Name      string   `json:"name" doc:"Name of the business" minLength:"1" maxLength:"200" example:"Harbour Cafe"`
	Industry  string   `json:"industry,omitempty" doc:"What it does, in a word or two" maxLength:"100" example:"gastronomy"`
	TimeZone  string   `json:"time_zone" doc:"IANA time zone; its days are the days of every answer" maxLength:"64" example:"Europe/Berlin"`
	Currency  string   `json:"currency" doc:"ISO 4217 currency that money is converted to" pattern:"^[A-Z]{3}$" example:"EUR"`
	Country   string   `json:"country" doc:"ISO 3166-1 alpha-2 country, for holidays and finding the place" pattern:"^[A-Z]{2}$" example:"DE"`
	Place     string   `json:"place,omitempty" doc:"Town or address whose weather counts; its coordinates are looked up by the next run unless they are given" maxLength:"200" example:"Hamburg"`
	Latitude  *float64 `json:"latitude,omitempty" doc:"Degrees north; goes with longitude" minimum:"-90" maximum:"90" example:"53.55"`
	Longitude *float64 `json:"longitude,omitempty" doc:"Degrees east; goes with latitude" minimum:"-180" maximum:"180" example:"9.99"`
	NewsQuery string   `json:"news_query,omitempty" doc:"Words that its news are searched by; empty means no news" maxLength:"500" example:"\"Harbour Cafe\" Hamburg"`
}

type businessAnswer struct {
	ID string `json:"id" doc:"Id of the business" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	BusinessFields
	Tier      string    `json:"tier" doc:"Subscription" enum:"free,pro,enterprise" example:"free"`
	Role      string    `json:"role" doc:"What you may do there" enum:"owner,admin,analyst,viewer" example:"owner"`
	Version   int64     `json:"version" doc:"Grows with every change; send it back with yours" minimum:"1" example:"3"`
	CreatedAt time.Time `json:"created_at" doc:"When it was made" example:"2026-03-31T06:00:00Z"`
	UpdatedAt time.Time `json:"updated_at" doc:"When it was changed last" example:"2026-03-31T06:00:00Z"`
}

type businessOutput struct {
	Body businessAnswer
}

// BusinessInput names a business in the path. It is exported because huma reads exported embedded structs only.
type BusinessInput struct {
	ID string `path:"id" doc:"Id of the business" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
}

type createBusinessInput struct {
	Body BusinessFields
}

type updateBusinessInput struct {
	BusinessInput
	Body struct {
		BusinessFields
		Version int64 `json:"version" doc:"Version that this change was made to; any other is a conflict" minimum:"1" example:"3"`
	}
}

// PageInput is what lists ask in common. It is exported because huma reads exported embedded structs only.
type PageInput struct {
	Limit  int    `query:"limit" doc:"Rows on one page" minimum:"1" maximum:"500" default:"100" example:"100"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before" maxLength:"4096" example:"eyJuIjoi"`
}

type listBusinessesOutput struct {
	Body struct {
		Businesses []businessAnswer `json:"businesses" nullable:"false" doc:"Businesses that you belong to, by name"`
		NextCursor *string          `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJuIjoi"`
	}
}

// nameKey is the cursor of lists that are ordered by name.
type nameKey struct {
	Name string    `json:"n"`
	ID   uuid.UUID `json:"i"`
}

func (s *service) registerBusinesses() {
	tags := []string{"businesses"}
	register(s, huma.Operation{
		OperationID: "listBusinesses", Method: http.MethodGet, Path: "/businesses", Tags: tags,
		Summary: "Businesses of the caller", Description: "Every business that you belong to, with what you may do there.",
	}, s.listBusinesses)
	register(s, huma.Operation{
		OperationID: "createBusiness", Method: http.MethodPost, Path: "/businesses", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Create a business", Description: "You become its owner. It starts with the free subscription.",
	}, s.createBusiness)
	register(s, huma.Operation{
		OperationID: "getBusiness", Method: http.MethodGet, Path: "/businesses/{id}", Tags: tags,
		Summary:     "A business",
		Description: "Name, place, time zone, currency and subscription of one business, as its members see it.",
	}, s.getBusiness)
	register(s, huma.Operation{
		OperationID: "updateBusiness", Method: http.MethodPut, Path: "/businesses/{id}", Tags: tags,
		Summary: "Change a business",
		Description: "Replaces every field; what is left out becomes empty. Send the version that you changed: when somebody else was faster, " +
			"the answer is 409 with the code " + codeChanged + "; read the business again, then repeat.\n\n" +
			"Changing time zone or currency changes all days and conversions from the next run on.",
		Responses: failing(http.StatusConflict),
	}, s.updateBusiness)
	register(s, huma.Operation{
		OperationID: "deleteBusiness", Method: http.MethodDelete, Path: "/businesses/{id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Delete a business",
		Description: "At once, for everybody and for good: its sources, KPIs, alerts, members and all published numbers. " +
			"What the warehouse holds is erased by the next run. The owners get a mail.",
	}, s.deleteBusiness)
}

func (s *service) listBusinesses(ctx context.Context, in *PageInput) (*listBusinessesOutput, error) {
	after, err := decodeCursor[nameKey](ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	if after == nil {
		after = &nameKey{}
	}
	var found []store.BusinessDetail
	err = s.readUser(ctx, func(t *store.UserTx) error {
		found, err = t.ListBusinesses(ctx, after.Name, after.ID, in.Limit+1)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page, next, err := cut(found, in.Limit, func(b store.BusinessDetail) nameKey { return nameKey{b.Name, b.ID} })
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &listBusinessesOutput{}
	out.Body.NextCursor, out.Body.Businesses = next, make([]businessAnswer, len(page))
	for i, b := range page {
		out.Body.Businesses[i] = aboutBusiness(b)
	}
	return out, nil
}

func (s *service) createBusiness(ctx context.Context, in *createBusinessInput) (*businessOutput, error) {
	business, err := in.Body.business(ctx)
	if err != nil {
		return nil, err
	}
	if business.ID, err = uuid.NewV7(); err != nil {
		return nil, s.fail(ctx, err)
	}
	now := s.clock().UTC()
	err = s.asUser(ctx, func(t *store.UserTx) error {
		owned, err := t.CountOwned(ctx)
		if err != nil {
			return err
		}
		if err := within(ctx, "businesses", owned, maxOwned); err != nil {
			return err
		}
		note(ctx, business.ID.String(), nil)
		noteBusiness(ctx, business.ID)
		return t.FoundBusiness(ctx, business, now)
	})
	if err != nil {
		return nil, s.fail(ctx, zoneUnknown(ctx, err))
	}
	return &businessOutput{Body: aboutBusiness(store.BusinessDetail{Business: business, Role: "owner", Tier: "free", Version: 1, CreatedAt: now, UpdatedAt: now})}, nil
}

func (s *service) getBusiness(ctx context.Context, in *BusinessInput) (*businessOutput, error) {
	id, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &businessOutput{}
	err = s.readBusiness(ctx, id, func(t *store.MemberTx) error {
		b, err := t.Detail(ctx)
		out.Body = aboutBusiness(b)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

func (s *service) updateBusiness(ctx context.Context, in *updateBusinessInput) (*businessOutput, error) {
	id, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	wanted, err := in.Body.business(ctx)
	if err != nil {
		return nil, err
	}
	out := &businessOutput{}
	err = s.inBusiness(ctx, id, func(t *store.MemberTx) error {
		now, err := t.Detail(ctx)
		if err != nil {
			return err
		}
		note(ctx, id.String(), map[string]any{"changed": changedFields(now.Business, wanted)})
		if wanted.Latitude == nil && wanted.Place == now.Place && wanted.Country == now.Country {
			wanted.Latitude, wanted.Longitude = now.Latitude, now.Longitude // found by the batch; the same place is not looked up again
		}
		if err := t.ChangeBusiness(ctx, wanted, in.Body.Version, s.clock().UTC()); err != nil {
			return err
		}
		now, err = t.Detail(ctx)
		out.Body = aboutBusiness(now)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, versionChanged(ctx, zoneUnknown(ctx, err)))
	}
	return out, nil
}

func (s *service) deleteBusiness(ctx context.Context, in *BusinessInput) (*struct{}, error) {
	id, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	err = s.inBusiness(ctx, id, func(t *store.MemberTx) error {
		business, err := t.Detail(ctx)
		if err != nil {
			return err
		}
		owners, err := t.OwnersToTell(ctx)
		if err != nil {
			return err
		}
		note(ctx, id.String(), nil)
		if err := t.DeleteBusiness(ctx, s.clock().UTC()); err != nil {
			return err
		}
		return tellOwners(ctx, &t.UserTx, owners, func(to store.User) store.Mail {
			return s.mails.BusinessDeleted(to, business.Name, message.Occasion{At: s.clock().UTC()})
		})
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return nil, nil
}

func aboutBusiness(b store.BusinessDetail) businessAnswer {
	return businessAnswer{ID: b.ID.String(), Tier: b.Tier, Role: b.Role, Version: b.Version, CreatedAt: b.CreatedAt.UTC(), UpdatedAt: b.UpdatedAt.UTC(),
		BusinessFields: BusinessFields{Name: b.Name, Industry: b.Industry, TimeZone: b.TimeZone, Currency: b.Currency, Country: b.Country,
			Place: b.Place, Latitude: b.Latitude, Longitude: b.Longitude, NewsQuery: b.NewsQuery}}
}

// versionChanged turns store.ErrChanged into its answer.
func versionChanged(ctx context.Context, err error) error {
	if !errors.Is(err, store.ErrChanged) {
		return err
	}
	return problem(ctx, http.StatusConflict, codeChanged, "It was changed meanwhile. Read it again and repeat your change.")
}

// zoneUnknown turns the refusal of a time zone that only Postgres knows to be none into its answer.
func zoneUnknown(ctx context.Context, err error) error {
	if !errors.Is(err, store.ErrInvalid) {
		return err
	}
	return invalid(ctx, "body", "time_zone", "not an IANA time zone that the database knows")
}
