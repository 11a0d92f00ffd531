// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/names.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <functional>

namespace davit::cri {
namespace {

std::string SerializeDeterministically(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

}  // namespace

std::string SandboxName(const runtime::v1::PodSandboxMetadata& metadata) {
  return metadata.name() + "_" + metadata.namespace_() + "_" + metadata.uid() + "_" +
         std::to_string(metadata.attempt());
}

std::string ContainerName(const runtime::v1::ContainerMetadata& metadata, const std::string& sandbox_id) {
  return metadata.name() + "_" + std::to_string(metadata.attempt()) + "_" + sandbox_id;
}

std::string FingerprintOf(const google::protobuf::Message& config) {
  return std::to_string(std::hash<std::string>()(SerializeDeterministically(config)));
}

}  // namespace davit::cri
