// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

//go:build tools

// Package conformance pins the clients that the end-to-end and conformance tests build:
//
//	CGO_ENABLED=0 go build -o crictl sigs.k8s.io/cri-tools/cmd/crictl
//	CGO_ENABLED=0 go test -c -o critest sigs.k8s.io/cri-tools/cmd/critest
//	CGO_ENABLED=0 go build -o ginkgo github.com/onsi/ginkgo/v2/ginkgo
//	CGO_ENABLED=0 go build -o cnitool github.com/containernetworking/cni/cnitool
package conformance

import (
	_ "github.com/containernetworking/cni/cnitool"
	_ "github.com/onsi/ginkgo/v2/ginkgo"
	_ "sigs.k8s.io/cri-tools/cmd/crictl"
	// What critest is made of: its own package has nothing but a _test.go file.
	_ "sigs.k8s.io/cri-tools/pkg/benchmark"
	_ "sigs.k8s.io/cri-tools/pkg/common"
	_ "sigs.k8s.io/cri-tools/pkg/framework"
	_ "sigs.k8s.io/cri-tools/pkg/validate"
)
