// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

package apicompat

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Each case changes one thing of the reference; exactly that must be told.
func TestOneChangeIsOneDifference(t *testing.T) {
	cases := []struct {
		change func(*descriptorpb.FileDescriptorProto)
		told   string
	}{
		{func(f *descriptorpb.FileDescriptorProto) { f.MessageType[0].Field[0].Number = proto.Int32(9) }, "VersionRequest.version"},
		{func(f *descriptorpb.FileDescriptorProto) {
			f.MessageType[0].Field[0].Type = descriptorpb.FieldDescriptorProto_TYPE_BYTES.Enum()
		}, "VersionRequest.version"},
		{func(f *descriptorpb.FileDescriptorProto) {
			f.MessageType[0].Field[0].Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
		}, "VersionRequest.version"},
		{func(f *descriptorpb.FileDescriptorProto) { f.MessageType[0].Field = nil }, "VersionRequest.version"},
		{func(f *descriptorpb.FileDescriptorProto) {
			f.MessageType = append(f.MessageType, &descriptorpb.DescriptorProto{Name: proto.String("Extra")})
		}, "runtime.v1.Extra"},
		{func(f *descriptorpb.FileDescriptorProto) { f.EnumType[0].Value[1].Number = proto.Int32(9) }, "Protocol.UDP"},
		{func(f *descriptorpb.FileDescriptorProto) { f.Service[0].Method = f.Service[0].Method[1:] }, "RuntimeService.Version"},
		{func(f *descriptorpb.FileDescriptorProto) { f.Service[0].Method[0].ServerStreaming = proto.Bool(true) }, "RuntimeService.Version"},
	}
	reference := cri.File_staging_src_k8s_io_cri_api_pkg_apis_runtime_v1_api_proto
	for _, c := range cases {
		changed := protodesc.ToFileDescriptorProto(reference)
		c.change(changed)
		file, err := protodesc.NewFile(changed, nil)
		if err != nil {
			t.Fatal(err)
		}
		differences := compare(factsOf(reference), factsOf(file))
		if len(differences) != 1 || !strings.Contains(differences[0], c.told) {
			t.Errorf("%s: got %q", c.told, differences)
		}
	}
}
