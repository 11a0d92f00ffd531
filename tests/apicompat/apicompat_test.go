// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Package apicompat compares our descriptors of CRI runtime.v1 with those of the Go module k8s.io/cri-api.
//
// DAVIT_CRI_DESCRIPTORS names a FileDescriptorSet that protoc made from api/cri/v1/api.proto (the CMake target davit_api
// leaves one behind).
package apicompat

import (
	"os"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	ourFile = "api/cri/v1/api.proto"
	ourSet  = "DAVIT_CRI_DESCRIPTORS"

	// What there is to compare in cri-api v0.37.2, so that no mistake here can make the test compare nothing.
	knownFacts = 881
)

func TestOurDescriptorsAreThoseOfCRI(t *testing.T) {
	theirs := factsOf(cri.File_staging_src_k8s_io_cri_api_pkg_apis_runtime_v1_api_proto)
	ours := factsOf(ourDescriptors(t))
	if len(theirs) != knownFacts {
		t.Fatalf("the reference has %d facts instead of %d: the comparison or its version has changed", len(theirs), knownFacts)
	}
	for _, difference := range compare(theirs, ours) {
		t.Error(difference)
	}
	t.Logf("%d facts of CRI compared with %d of ours", len(theirs), len(ours))
}

func ourDescriptors(t *testing.T) protoreflect.FileDescriptor {
	t.Helper()
	path := os.Getenv(ourSet)
	if path == "" {
		t.Fatalf("%s is not set: it names the FileDescriptorSet of %s", ourSet, ourFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(data, &set); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	files, err := protodesc.NewFiles(&set)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	file, err := files.FindFileByPath(ourFile)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return file
}
