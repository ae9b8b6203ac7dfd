// Package forge holds what the forge reads, below .github, to its formats and to the repository.
package forge
