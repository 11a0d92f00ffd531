// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

//go:build tools

// Package readers pins crane, a client of registries that can be a registry, too:
//
//	CGO_ENABLED=0 go build -o crane github.com/google/go-containerregistry/cmd/crane
package readers

import (
	_ "github.com/google/go-containerregistry/cmd/crane"
)
