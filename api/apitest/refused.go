package apitest

import (
	"log/slog"
	"testing"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
)

// Refused returns the error of a service whose configuration was changed.
func Refused(t testing.TB, change func(*api.Config)) error {
	t.Helper()
	data, accounts := &store.Store{}, &auth.Service{} // New does not reach for Postgres
	config := api.Config{Store: data, Auth: accounts, Logger: slog.New(slog.DiscardHandler), Clock: Now}
	change(&config)
	_, err := api.New(config)
	return err
}

// unlimited takes the rate limits off: the clock of a scenario stands still, so no bucket would refill. Scenarios about limits set
// their own.
func unlimited() map[string]api.Limit {
	limits := map[string]api.Limit{}
	for _, name := range api.LimitNames() {
		limits[name] = api.Limit{}
	}
	return limits
}
