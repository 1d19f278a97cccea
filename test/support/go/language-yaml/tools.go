//go:build tools

// Package language pins Pulumi's language host for YAML and all its modules by checksum (go.sum).
package language

import _ "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"
