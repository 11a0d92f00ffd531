// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Checks what a client wants a container to be.
#pragma once

#include "api/davit/v1/containers.pb.h"
#include "base/error.h"

namespace davit::local {

// kInvalidArgument names the field that is too long, contradicts another one or has no meaning. What needs
// the image, the host or the kernel is checked later.
Result<> CheckSpec(const ::davit::v1::ContainerSpec& spec);

}  // namespace davit::local
