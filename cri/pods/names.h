// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Names and fingerprints by which repeated requests are recognised.
#pragma once

#include <string>

#include "api/cri/v1/api.pb.h"

namespace davit::cri {

// "name_namespace_uid_attempt": requests with the same name are for the same sandbox.
std::string SandboxName(const ::runtime::v1::PodSandboxMetadata& metadata);
// "name_attempt_sandbox id".
std::string ContainerName(const ::runtime::v1::ContainerMetadata& metadata, const std::string& sandbox_id);

// Serialises equal messages to equal bytes, including maps.
std::string SerializeDeterministically(const google::protobuf::Message& message);

// A short digest of a serialised configuration: equal for equal bytes.
std::string FingerprintOf(const std::string& bytes);

}  // namespace davit::cri
