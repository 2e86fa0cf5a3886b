package auth

import (
	"context"

	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/store"
)

// mailUser queues a mail about the security of the account to the transaction's user. What it says is written by package message.
func (s *Service) mailUser(ctx context.Context, tx *store.UserTx, write func(to store.User, now message.Occasion) store.Mail) error {
	account, err := tx.Account(ctx)
	if err != nil {
		return err
	}
	return tx.QueueMail(ctx, write(account.User, message.Occasion{At: s.clock().UTC()}))
}
