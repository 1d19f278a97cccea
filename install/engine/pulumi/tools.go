//go:build tools

// Package engine pins the Pulumi engine and all its modules by checksum (go.sum), for building it where the vendor's
// release cannot be reached. install/engine-build.ts runs `go build -mod=readonly` on the imported package.
package engine

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
