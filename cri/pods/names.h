// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Names and fingerprints by which repeated requests are recognised.
#pragma once

#include <string>

#include "api/cri/v1/api.pb.h"

namespace davit::cri {

// "name_namespace_uid_attempt": requests of one owner with the same name are for the same sandbox.
std::string SandboxName(const ::runtime::v1::PodSandboxMetadata& metadata);
// "name_attempt_sandbox id".
std::string ContainerName(const ::runtime::v1::ContainerMetadata& metadata, const std::string& sandbox_id);

// A hash of a configuration, for this process only: equal for equal configurations, whatever the order of
// their maps. Not cryptographic: who makes two configurations with one hash, under one name, has the second
// request answered with the outcome of the first, and nobody else is affected.
std::string FingerprintOf(const google::protobuf::Message& config);

}  // namespace davit::cri
