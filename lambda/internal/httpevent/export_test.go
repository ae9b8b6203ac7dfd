package httpevent

// Size is the number of bytes that the response's JSON is taken to have.
func Size(r *Response) int { return r.overhead() + quotedLen(r.Body) }
