// Package servers starts the real servers that the integration tests talk to: Redis (alone, as a Cluster, with a
// replica and Sentinel, with TLS), MinIO and Versity Gateway, and a proxy that breaks connections on demand.
//
// Every server listens on a free port of the loopback interface, keeps its data in a folder of its own, is waited for
// until it answers, and ends with the test that started it; where the test process dies, the system ends it. The
// Shared functions start one server for all tests of a process instead; call [Main] from TestMain to end those.
//
// A server that is not installed skips the test with a line that says how to install it. Where CI=true or
// STILLWARM_REQUIRE_SERVERS=1 the test fails instead: a suite that skips everything must not pass for a green one.
package servers
