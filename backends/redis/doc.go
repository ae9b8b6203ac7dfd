// Package redis keeps entries in Redis: one node, Sentinel, Cluster, ElastiCache, Valkey, with TLS, ACL users and
// short-lived tokens.
//
//	redis://user:password@host:6379/0?prefix=shop
//	rediss://host:6379?cluster=true&iam=my-cache
//
// It is built for Lambda. Nothing connects before the first call. The first answer takes two round trips on a new
// connection, later ones take one. Nothing runs in the background, and every wait is bounded. After a freeze that is
// longer than networks keep idle connections, a container begins with new ones.
//
// # Layout
//
// An entry is one string with an expiry of its own. It ends in a short trailer that repeats the expiry, so that a
// reader enforces it too and knows it without a second question. A function's generation is a string, and so is the
// epoch that all functions of one prefix share; what [Store.Generation] returns depends on both, so that
// [Manager.ClearAll] is one write. Entry and lease of one key share a hash tag of their own: a Cluster spreads entries,
// not functions. Generations and the epoch share another.
//
//	<prefix>:e:<namespace>:<function>:{<key>}          entry
//	<prefix>:l:<namespace>:<function>:{<key>}          lease
//	<prefix>:g:{<prefix>}:<namespace>:<function>       generation
//	<prefix>:g:{<prefix>}                              epoch
//	<prefix>:r:<namespace>:<name>                      record
package redis
