package api_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/signalcraft/signalcraft/api/apitest"
)

// TestContractRulesAndClient lints the document and compiles and runs a typed TypeScript client made from it. That needs
// Node, which nothing else here does; so it happens where CI=true, and where `make contract` has
// installed what it needs.
func TestContractRulesAndClient(t *testing.T) {
	t.Parallel()
	const dir = "../.ci/contract"
	_, err := os.Stat(filepath.Join(dir, "node_modules"))
	if ci := os.Getenv("CI") == "true"; !ci && err != nil {
		t.Log("left out: run `make contract` once, or set CI=true")
		return
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Fatal("Node.js 20 or newer is missing, which the check of the contract needs: run `CI=true make setup`")
	}
	s := apitest.Start(t, apitest.Options{})
	document := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(document, s.Get(t, "/openapi.json", "").Body, 0o600); err != nil {
		t.Fatal(err)
	}
	check := exec.CommandContext(t.Context(), filepath.Join(dir, "check"), document)
	check.Env = append(os.Environ(), "SIGNALCRAFT_URL="+s.URL, "SIGNALCRAFT_EMAIL="+s.World.Ada.Email, "SIGNALCRAFT_PASSWORD="+s.World.Ada.Password)
	text, err := check.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	t.Logf("%s", text)
}
