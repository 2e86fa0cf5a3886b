package api_test

import (
	"net/http"
	"testing"

	"github.com/signalcraft/signalcraft/api/apitest"
)

// TestListsOfDifferentItems sends lists with doubled items, and with items that are no texts, which once ended in a panic.
func TestListsOfDifferentItems(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token := s.Login(t, s.World.Ada)
	for _, scopes := range []string{`["read","read"]`, `[[],{}]`, `[{"a":1}]`, `[null]`, `[1,1]`} {
		body := `{"business_id":"` + s.World.Cafe.ID.String() + `","name":"n","scopes":` + scopes + `}`
		s.Request(t, http.MethodPost, "/auth/api-keys", body, "Authorization", "Bearer "+token).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	}
}
