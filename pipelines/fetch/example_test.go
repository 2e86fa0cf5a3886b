package fetch_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"rate": 1.08, "of": %q}`, r.URL.Query().Get("symbols"))
	}))
	defer server.Close()
	client, err := fetch.New(fetch.Config{
		Upstreams: []fetch.Upstream{{Name: "rates", BaseURL: server.URL, PerHour: 100, CacheFor: 24 * time.Hour}},
		Now:       time.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	response, err := client.Get(context.Background(), fetch.Request{
		Upstream: "rates", Path: "/latest", Query: url.Values{"symbols": {"USD"}}, Classify: fetch.JSON,
	})
	fmt.Println(string(response.Body), err)
	// Output: {"rate": 1.08, "of": "USD"} <nil>
}
