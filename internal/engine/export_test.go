package engine

// AppendRefs and CutRefs are for tests.
var (
	AppendRefs = appendRefs
	CutRefs    = cutRefs
	IDOf       = idOf
)
