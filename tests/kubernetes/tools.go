// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

//go:build tools

// Package kubernetes pins the kubelet that the tests build:
//
//	CGO_ENABLED=0 go build -o kubelet k8s.io/kubernetes/cmd/kubelet
package kubernetes

import _ "k8s.io/kubernetes/cmd/kubelet"
