// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// From identifiers to names on disk. Nothing else turns one into a part of a path.
#pragma once

#include <string>

#include "base/error.h"

namespace davit {

// "sha256:<hex>" to "<hex>". kInvalidArgument unless those are 64 lower-case hexadecimal digits.
Result<std::string> LayerName(const std::string& chain_id);

// A container ID is its own name. kInvalidArgument unless NewId could have made it.
Result<> CheckContainerId(const std::string& container_id);

}  // namespace davit
