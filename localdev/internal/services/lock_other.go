//go:build !unix

package services

// lockFile does nothing here: two runners with one folder for data are not noticed.
func lockFile(string) (free func(), err error) { return func() {}, nil }
