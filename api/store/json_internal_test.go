package store

import "testing"

func TestWithoutNUL(t *testing.T) {
	t.Parallel()
	check := func(text, want string) {
		t.Helper()
		if got := string(withoutNUL([]byte(text))); got != want {
			t.Errorf("withoutNUL(%s) = %s, want %s", text, got, want)
		}
	}
	check(`{"a":"b"}`, `{"a":"b"}`)
	check(`{"a":"x\u0000y\u0000"}`, `{"a":"x\u2400y\u2400"}`)
	check(`{"a":"C:\\u0000"}`, `{"a":"C:\\u0000"}`)         // a backslash and the word
	check(`{"a":"C:\\\u0000 \n"}`, `{"a":"C:\\\u2400 \n"}`) // a backslash and NUL
}
