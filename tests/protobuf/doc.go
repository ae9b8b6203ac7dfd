// Package protobuf tests that protobuf messages are cached exactly, with the real protobuf runtime. The root module
// reaches that runtime by reflection and does not require it, so its own tests cannot.
package protobuf
