// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What makes two requests the same one.
#pragma once

#include <string>

#include "api/cri/v1/api.pb.h"

namespace davit {

// "name_namespace_uid_attempt": two requests for a sandbox with the same one are the same sandbox.
std::string SandboxName(const ::runtime::v1::PodSandboxMetadata& metadata);
// "name_attempt_sandbox id".
std::string ContainerName(const ::runtime::v1::ContainerMetadata& metadata, const std::string& sandbox_id);

// Equal messages give equal bytes, maps included.
std::string SerializeDeterministically(const google::protobuf::Message& message);

// A digest of a serialised configuration: equal for equal bytes, and short.
std::string FingerprintOf(const std::string& bytes);

}  // namespace davit
