package lambda

import (
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/stillwarm/stillwarm/internal/panics"
)

func TestPanicsWithADocument(t *testing.T) {
	t.Run("F2 an error document that a cached function panics with is the invocation's", func(t *testing.T) {
		want := messages.InvokeResponse_Error{Type: "T", Message: "M"}
		for _, raised := range []any{want, panics.Capture(want)} {
			func() {
				defer func() {
					if got, ok := recover().(messages.InvokeResponse_Error); !ok || got.Type != "T" || got.Message != "M" {
						t.Errorf("%T: the document is %+v", raised, got)
					}
				}()
				defer describePanic()
				panic(raised)
			}()
		}
	})
}
