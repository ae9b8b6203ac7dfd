// Package localdev runs the demo function in the local runner on every kind of --backend: servers that the runner starts,
// stand-ins, and servers that run elsewhere and outlive it.
package localdev
