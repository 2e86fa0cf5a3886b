package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"net/http"
)

//go:embed docs.html
var docsPage []byte

// docsPolicy lets the page run its own script and style, named by their hashes, and talk
// to this service; nothing else.
func docsPolicy(page []byte) (string, error) {
	script, err := inline(page, "script")
	if err != nil {
		return "", err
	}
	style, err := inline(page, "style")
	if err != nil {
		return "", err
	}
	return "default-src 'none'; script-src " + script + "; style-src " + style +
		"; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", nil
}

// inline returns the source expression of the page's one element called tag.
func inline(page []byte, tag string) (string, error) {
	open, end := []byte("<"+tag+">"), []byte("</"+tag+">")
	_, rest, found := bytes.Cut(page, open)
	text, rest, closed := bytes.Cut(rest, end)
	if !found || !closed || bytes.Contains(rest, open) {
		return "", fmt.Errorf("documentation page: want one inline %s element", tag)
	}
	sum := sha256.Sum256(text)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'", nil
}

// docs serves the page that shows the contract. It needs no network beyond this service.
func docs() (http.Handler, error) {
	policy, err := docsPolicy(docsPage)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(docsPage) // a reader that left cannot be told
	}), nil
}
