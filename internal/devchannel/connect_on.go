//go:build stillwarm_dev

package devchannel

func connect(src Source) *Client { return dial(src) }
