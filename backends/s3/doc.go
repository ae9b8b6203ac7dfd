// Package s3 keeps entries in an S3 bucket: Amazon S3, S3 Express One Zone, MinIO, Versity Gateway and other servers
// with the same protocol and conditional writes.
//
// Importing it registers the scheme:
//
//	s3://bucket/prefix?region=eu-central-1
//
// [New] builds the same from [Options]. Nothing connects before the first call that needs it.
//
// An entry is one object, and a hit is one request: the function's generation is kept for at most two seconds (and half
// of the function's NearTTL); where it must be read anew, that happens side by side with the entry. Expiry is checked on
// read; a lifecycle rule, or [Manager.Prune], removes what has expired. Leases use conditional writes.
//
// The package does not link the SDK's config module, which would dominate a cold start. It takes credentials from the
// environment, as Lambda provides them, or from the container credentials endpoint (ECS, EKS, SnapStart). On a laptop
// with profiles or SSO import github.com/stillwarm/stillwarm/backends/s3/awsconfig too.
package s3
