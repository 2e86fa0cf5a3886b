package auth_test

import (
	"context"
	"fmt"

	"github.com/signalcraft/signalcraft/api/auth"
)

func ExampleHasher() {
	ctx := context.TODO() // the request's context
	hasher, err := auth.NewHasher(auth.HashConfig{Parallel: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	stored, err := hasher.Hash(ctx, "correct horse battery staple")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(stored[:30])
	for _, password := range []string{"correct horse battery staple", "wrong"} {
		ok, err := hasher.Verify(ctx, stored, password)
		fmt.Println(ok, err)
	}
	// Output:
	// $argon2id$v=19$m=19456,t=2,p=1
	// true <nil>
	// false <nil>
}
