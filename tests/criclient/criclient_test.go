// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Package criclient asks a running davitd what a kubelet asks, through the kubelet's own client. DAVIT_SOCKET is the
// daemon's; it must find registry.test/davit/busybox.
package criclient

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	internalapi "k8s.io/cri-api/pkg/apis"
	v1 "k8s.io/cri-api/pkg/apis/runtime/v1"
	client "k8s.io/cri-client/pkg"
)

const (
	image = "registry.test/davit/busybox:latest"

	// Of both streams together, as the kubelet's receive limit demands.
	execLimit = 16_000_000
)

func endpoint(t *testing.T) string {
	socket := os.Getenv("DAVIT_SOCKET")
	if socket == "" {
		t.Skip("DAVIT_SOCKET names no daemon")
	}
	return "unix://" + socket
}

func connect(t *testing.T, streaming bool) internalapi.RuntimeService {
	t.Helper()
	runtime, err := client.NewRemoteRuntimeService(t.Context(), endpoint(t), time.Minute, nil, streaming)
	if err != nil {
		t.Fatal(err)
	}
	return runtime
}

// pod runs a pod that goes away with the test.
func pod(t *testing.T, runtime internalapi.RuntimeService) (string, *v1.PodSandboxConfig) {
	t.Helper()
	images, err := client.NewRemoteImageService(t.Context(), endpoint(t), time.Minute, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := images.PullImage(t.Context(), &v1.ImageSpec{Image: image}, nil, nil); err != nil {
		t.Fatal(err)
	}
	config := &v1.PodSandboxConfig{
		Metadata: &v1.PodSandboxMetadata{Name: strings.ToLower(t.Name()), Namespace: "criclient", Uid: t.Name()},
		Linux:    &v1.LinuxPodSandboxConfig{},
	}
	id, err := runtime.RunPodSandbox(t.Context(), config, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if err := runtime.RemovePodSandbox(ctx, id); err != nil {
			t.Error(err)
		}
	})
	return id, config
}

func container(name string, annotations map[string]string) *v1.ContainerConfig {
	return &v1.ContainerConfig{
		Metadata:    &v1.ContainerMetadata{Name: name},
		Image:       &v1.ImageSpec{Image: image},
		Command:     []string{"sleep", "1000"},
		Annotations: annotations,
		Linux:       &v1.LinuxContainerConfig{},
	}
}

func TestExecSyncReturnsNoMoreThanTheClientTakes(t *testing.T) {
	runtime := connect(t, false)
	sandbox, config := pod(t, runtime)
	id, err := runtime.CreateContainer(t.Context(), sandbox, container("exec", nil), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := runtime.StartContainer(t.Context(), id); err != nil {
		t.Fatal(err)
	}

	stdout, stderr, err := runtime.ExecSync(t.Context(), id,
		[]string{"sh", "-c", "head -c 12000000 /dev/zero; head -c 12000000 /dev/zero >&2"}, time.Minute)

	if err != nil {
		t.Fatal(err)
	}
	if len(stdout)+len(stderr) != execLimit || len(stdout) == 0 {
		t.Errorf("%d bytes of stdout and %d of stderr, want %d together", len(stdout), len(stderr), execLimit)
	}
	if bytes.ContainsFunc(stdout, func(r rune) bool { return r != 0 }) {
		t.Error("stdout has other bytes than were written")
	}
}

func TestThousandsOfContainersAreListedInPieces(t *testing.T) {
	const count = 5000
	unary, streaming := connect(t, false), connect(t, true)
	sandbox, config := pod(t, unary)
	annotations := map[string]string{"long": strings.Repeat("x", 4096)}
	for i := range count {
		if _, err := unary.CreateContainer(t.Context(), sandbox, container(fmt.Sprintf("c%d", i), annotations), config); err != nil {
			t.Fatal(err)
		}
	}
	filter := &v1.ContainerFilter{PodSandboxId: sandbox}

	if _, err := unary.ListContainers(t.Context(), filter); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("one answer of more than 16 MiB: %v", err)
	}
	listed, err := streaming.ListContainers(t.Context(), filter)
	if err != nil {
		t.Fatal(err)
	}

	if len(listed) != count {
		t.Errorf("%d containers listed, want %d", len(listed), count)
	}
}
