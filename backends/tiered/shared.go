package tiered

import (
	"sync/atomic"

	"github.com/stillwarm/stillwarm/internal/genstate"
)

// shared is what all stores of one function in this manager share.
type shared struct {
	generation genstate.State // the authority's, as it was read last
	untold     untold
	any        atomic.Pointer[store] // one of the open stores, for pruning
}
