package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// Purpose is what a token that goes out by mail is good for, and for nothing else.
type Purpose string

// The purposes of mail tokens. A notice opens nothing: it is kept so that notices are not sent too often.
const (
	PurposeVerify      Purpose = "verify_email"
	PurposeChangeEmail Purpose = "change_email"
	PurposeReset       Purpose = "reset_password"
	PurposeNotice      Purpose = "notice"
)

// MailToken is a token that is sent to an address, to be shown once.
type MailToken struct {
	Purpose Purpose
	// Hash is the SHA-256 hash of the token; nil for a notice.
	Hash []byte
	// Email is the address that the token proves.
	Email         string
	At, ExpiresAt time.Time
}

// How often somebody is sent a mail that anybody can cause.
const (
	mailPause   = time.Minute
	mailsInHour = 5
)

// AddMailToken adds a token of the user; those of the same purpose can no longer be used. It adds none, and
// returns false, when mails of this purpose went out too often lately: within the last minute, or five in the last hour.
func (tx *UserTx) AddMailToken(ctx context.Context, t MailToken) (bool, error) {
	lately, err := tx.q.TokensSince(ctx, query.TokensSinceParams{Purpose: string(t.Purpose), HourAgo: t.At.Add(-time.Hour), MinuteAgo: t.At.Add(-mailPause)})
	if err != nil {
		return false, fmt.Errorf("count mail tokens: %w", Classify(err))
	}
	if lately.InMinute > 0 || lately.InHour >= mailsInHour {
		return false, nil
	}
	if err := tx.DropMailTokens(ctx, t.At, t.Purpose); err != nil {
		return false, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return false, fmt.Errorf("make mail token id: %w", err)
	}
	err = tx.q.AddAccountToken(ctx, query.AddAccountTokenParams{ID: id, Purpose: string(t.Purpose), TokenHash: t.Hash, Email: t.Email, At: t.At, ExpiresAt: t.ExpiresAt})
	if err != nil {
		return false, fmt.Errorf("add mail token: %w", Classify(err))
	}
	return true, nil
}

// DropMailTokens makes the user's tokens of some purposes useless.
func (tx *UserTx) DropMailTokens(ctx context.Context, at time.Time, purposes ...Purpose) error {
	if err := tx.q.ReplaceAccountTokens(ctx, query.ReplaceAccountTokensParams{Purposes: texts(purposes), At: at}); err != nil {
		return fmt.Errorf("drop mail tokens: %w", Classify(err))
	}
	return nil
}

// Shown is a mail token that somebody shows.
type Shown struct {
	// Hash is the SHA-256 hash of the token.
	Hash []byte
	// For are the purposes that are accepted.
	For []Purpose
	At  time.Time
}

// Proof is what a shown token stands for.
type Proof struct {
	Purpose Purpose
	// Email is the address that the token was sent to.
	Email string
	// Account is whom the token belongs to.
	Account Account
}

// CheckMailToken returns what a token stands for without using it up. It returns ErrNotFound for every token that
// cannot be used: unknown, used, replaced, expired, for another purpose, or of an account that is switched off.
func (s *Store) CheckMailToken(ctx context.Context, t Shown) (Proof, error) {
	var proof Proof
	err := s.showing(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly}, t, func(_ *UserTx, p Proof) error {
		proof = p
		return nil
	})
	if err != nil {
		return Proof{}, fmt.Errorf("check mail token: %w", err)
	}
	return proof, nil
}

// UseMailToken uses a token up and runs fn in the same transaction, which acts for the token's user. Of several at once
// one runs fn; the others, like CheckMailToken, get ErrNotFound. When fn fails, the token stays usable.
func (s *Store) UseMailToken(ctx context.Context, t Shown, fn func(*UserTx, Proof) error) error {
	err := s.showing(ctx, pgx.TxOptions{}, t, func(tx *UserTx, p Proof) error {
		used, err := tx.q.UseAccountToken(ctx, query.UseAccountTokenParams{TokenHash: t.Hash, At: t.At})
		if err != nil {
			return err
		}
		if used == 0 {
			return ErrNotFound
		}
		return fn(tx, p)
	})
	if err != nil {
		return fmt.Errorf("use mail token: %w", err)
	}
	return nil
}

// showing runs fn for the user of a token that can be used now.
func (s *Store) showing(ctx context.Context, options pgx.TxOptions, t Shown, fn func(*UserTx, Proof) error) error {
	return s.within(ctx, options, func(q *query.Queries, tx pgx.Tx) error {
		row, err := q.AccountTokenOwner(ctx, query.AccountTokenOwnerParams{TokenHash: t.Hash, Purposes: texts(t.For), At: t.At})
		if err != nil {
			return err
		}
		if err := q.Enter(ctx, query.EnterParams{Setting: "app.user_id", Value: row.UserID.String()}); err != nil {
			return err
		}
		user := &UserTx{UserID: row.UserID, q: q, tx: tx}
		account, err := user.Account(ctx)
		if err != nil {
			return err
		}
		if !account.Active {
			return ErrNotFound
		}
		return fn(user, Proof{Purpose: Purpose(row.Purpose), Email: row.Email, Account: account})
	}, setting{"app.token_hash", hex.EncodeToString(t.Hash)})
}

func texts(purposes []Purpose) []string {
	list := make([]string, len(purposes))
	for i, p := range purposes {
		list[i] = string(p)
	}
	return list
}
