// Package all links every backend, so that [backends.Open] knows every scheme: memory, disk, redis, rediss, s3, and
// several of them as tiers.
//
//	import _ "github.com/stillwarm/stillwarm/backends/all"
//
// Linking costs cold start; a function that uses one backend imports that backend's package alone.
package all

import (
	_ "github.com/stillwarm/stillwarm/backends/disk"
	_ "github.com/stillwarm/stillwarm/backends/memory"
	_ "github.com/stillwarm/stillwarm/backends/redis"
	_ "github.com/stillwarm/stillwarm/backends/s3"
	_ "github.com/stillwarm/stillwarm/backends/tiered"
)
