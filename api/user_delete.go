package api

import (
	"context"
	"errors"
	"net/http"
	"net/netip"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/store"
)

type deleteUserInput struct {
	Body struct {
		Password string `json:"password" doc:"Password of the account" format:"password" minLength:"1" maxLength:"128" example:"correct horse battery staple"`
	}
}

func (s *service) registerUserDelete() {
	register(s, huma.Operation{
		OperationID: "deleteUser", Method: http.MethodDelete, Path: "/users/me", Tags: []string{"users"}, DefaultStatus: http.StatusNoContent,
		Summary: "Erase your account",
		Description: "At once and for good: the account, its sessions, API keys, notifications and memberships, and the businesses to which nobody else belongs, " +
			"with everything in them. The audit log keeps what was done under an id that names nobody any more, without addresses.\n\n" +
			"While you are the last owner of a business to which others belong, the answer is 409 with the code " + codeLastOwner + " and those businesses in details. " +
			"A mail confirms the erasure.",
		MaxBodyBytes: maxLoginBytes,
		Responses:    failing(http.StatusConflict, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType),
	}, s.deleteUser)
}

func (s *service) deleteUser(ctx context.Context, in *deleteUserInput) (*struct{}, error) {
	account, err := s.provenAccount(ctx, in.Body.Password)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	err = s.asUser(ctx, func(t *store.UserTx) error {
		if err := s.leavesNobodyBehind(ctx, t); err != nil {
			return err
		}
		if err := t.DeleteAccount(ctx, s.clock().UTC()); err != nil {
			return err
		}
		note(ctx, t.UserID.String(), nil)
		// The entry that tells of the erasure must not say where the person sat.
		e := exchangeFrom(ctx)
		e.address, e.agent = netip.Addr{}, ""
		return t.QueueMail(ctx, s.mails.AccountDeleted(account.Email, message.Occasion{At: s.clock().UTC()}))
	})
	if err != nil {
		return nil, s.fail(ctx, lastOwner(ctx, err))
	}
	s.auth.Forget(account.ID)
	return nil, nil
}

// leavesNobodyBehind returns nil unless others would be left without an owner, else the answer that names the businesses.
func (s *service) leavesNobodyBehind(ctx context.Context, t *store.UserTx) error {
	ownerships, err := t.SoleOwnerships(ctx)
	if err != nil {
		return err
	}
	var refused *errorEnvelope
	if !errors.As(lastOwner(ctx, store.ErrLastOwner), &refused) {
		return store.ErrLastOwner
	}
	d := &refused.Problem.Details
	for _, o := range ownerships {
		if o.Others > 0 && len(d.Others) < maxOthers {
			d.Others = append(d.Others, errorField{Field: o.BusinessID.String(), In: "business", Issue: "you are the last owner of " + o.Name})
		}
	}
	if len(d.Others) == 0 {
		return nil
	}
	return refused
}
