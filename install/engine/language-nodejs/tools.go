//go:build tools

// Package language pins Pulumi's language host for Node.js and all its modules by checksum (go.sum). It is apart from the
// engine because sdk/v3 v3.60.0 is the last release that holds this host as a package of a module without replacements.
package language

import _ "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs"
