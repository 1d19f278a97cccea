//go:build tools

// Package language pins Pulumi's language host for Python and all its modules by checksum (go.sum).
package language

import _ "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
