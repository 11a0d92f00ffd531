// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Checks what a client wants a container to be.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "api/davit/v1/containers.pb.h"
#include "base/error.h"

namespace davit::local {

// Of a spec, serialised, and of a command line: the kernel executes no more than a part of it, and each
// answer and row that has both stays far below the limit of a message.
inline constexpr size_t kMostSpecBytes = 1 << 20;

// kInvalidArgument names the field that is too long, contradicts another one or has no meaning; it quotes no
// variable, which may be a secret. What needs the image, the host or the kernel is checked later.
Result<> CheckSpec(const ::davit::v1::ContainerSpec& spec);
// The same for the fields that an update can change, in a spec that was correct before.
Result<> CheckUpdatable(const ::davit::v1::ContainerSpec& spec);
// For the words of spec and image together.
Result<> CheckCommandLine(const std::vector<std::string>& words);

}  // namespace davit::local
