// Package credentials is what the runner knows of a developer's AWS credentials. It is apart from what finds them, which
// brings the AWS SDK's configuration with it.
package credentials

import "time"

// Credentials are a developer's, as the AWS SDK's default chain found them.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Source                                     string    // the SDK's name of what they come from
	Region                                     string    // of the profile, or ""
	Expires                                    time.Time // zero for never
}
