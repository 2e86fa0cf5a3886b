package address_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/api/notify/address"
)

func TestParse(t *testing.T) {
	t.Parallel()
	check := func(text, want, ascii string) {
		t.Helper()
		got, err := address.Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q): got %q, %v, want %q", text, got, err, want)
		}
		if again, err := address.Parse(got); err != nil || again != got {
			t.Errorf("Parse(%q), its own result: got %q, %v", got, again, err)
		}
		if got, err := address.ASCII(text); err != nil || got != ascii {
			t.Errorf("ASCII(%q): got %q, %v, want %q", text, got, err, ascii)
		}
	}
	check("ada@example.com", "ada@example.com", "ada@example.com")
	check("  Ada.Lovelace+news@Example.COM ", "Ada.Lovelace+news@example.com", "Ada.Lovelace+news@example.com")
	check("o'neill_1@mail.example.co.uk", "o'neill_1@mail.example.co.uk", "o'neill_1@mail.example.co.uk")
	check("ada@MÜNCHEN.example", "ada@münchen.example", "ada@xn--mnchen-3ya.example")
	check("ada@xn--mnchen-3ya.example", "ada@münchen.example", "ada@xn--mnchen-3ya.example")
	check("ada@例え.jp", "ada@例え.jp", "ada@xn--r8jz45g.jp")
	check(strings.Repeat("a", 64)+"@example.com", strings.Repeat("a", 64)+"@example.com", strings.Repeat("a", 64)+"@example.com")
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "ada", "@example.com", "ada@", "ada@example", "ada@@example.com", "a@b@example.com",
		"ada@example.com\r\nBcc: eve@example.com", "ada\r\n@example.com", "ada@exa\nmple.com", "ada@example.com\n", "\rada@example.com",
		"Ada <ada@example.com>", "<ada@example.com>", "ada@example.com,eve@example.com", "ada@example.com;eve@example.com", "ada eve@example.com",
		".ada@example.com", "ada.@example.com", "a..da@example.com", `"ada"@example.com`, "ada(x)@example.com", "ada\\@example.com",
		"ada@[127.0.0.1]", "ada@127.0.0.1", "ada@example.com.", "ada@.example.com", "ada@-example.com", "ada@example-.com", "ada@exa_mple.com", "ada@example..com",
		"ada@example.123", "ada@ex ample.com", "ada\x00@example.com", "ada@example\x00.com", "ädä@example.com", "ada@exam\u200eple.com",
		strings.Repeat("a", 65) + "@example.com", "a@" + strings.Repeat("a", 64) + ".com", "a@" + strings.Repeat("abcdefgh.", 30) + "com", "ada@\xff.com",
	} {
		if got, err := address.Parse(text); !errors.Is(err, address.ErrAddress) {
			t.Errorf("Parse(%q): got %q, %v, want ErrAddress", text, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"ada@example.com", "ada@münchen.example", "a\r\nb@c.de", "\"x\"@y.zz", "a@b.c.d.ef"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := address.Parse(text)
		if err != nil {
			return
		}
		if strings.ContainsAny(parsed, "\r\n\x00 <>,;\"") || strings.Count(parsed, "@") != 1 {
			t.Fatalf("Parse(%q) let %q pass", text, parsed)
		}
		ascii, err := address.ASCII(parsed)
		if err != nil || len(ascii) > 254 {
			t.Fatalf("ASCII of %q, which Parse returned: %q, %v", parsed, ascii, err)
		}
	})
}

func ExampleParse() {
	parsed, err := address.Parse(" Ada@EXAMPLE.com")
	fmt.Println(parsed, err)
	// Output: Ada@example.com <nil>
}
