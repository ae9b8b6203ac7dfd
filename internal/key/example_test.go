package key_test

import (
	"fmt"
	"reflect"

	"github.com/stillwarm/stillwarm/internal/key"
)

func Example() {
	type Input struct {
		Symbol string
		Days   int
		Trace  string `cache:"-"` // left out
	}
	plan, err := key.Compile(reflect.TypeFor[Input](), key.Options{Function: "quotes"})
	if err != nil {
		fmt.Println(err)
		return
	}
	encoded, err := key.Append(plan, nil, &Input{Symbol: "ACME", Days: 30, Trace: "a1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("% x\n", encoded)

	fingerprint := plan.Fingerprint()
	prefix := key.NewPrefix("shop.quotes", "build", string(fingerprint[:]))
	digest := prefix.Sum("tenant", encoded)
	fmt.Println(len(digest[:]), "bytes that show nothing of the argument")
	// Output:
	// 04 41 43 4d 45 1e 00 00 00 00 00 00 00
	// 32 bytes that show nothing of the argument
}
