// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Converts identifiers to names on disk. No other code uses an identifier as part of a path.
#pragma once

#include <string>

#include "base/error.h"

namespace davit::snapshotter {

// Converts "sha256:<hex>" to "<hex>". kInvalidArgument unless <hex> is 64 lower-case hexadecimal digits.
Result<std::string> LayerName(const std::string& chain_id);

// The name on disk is the container ID itself. kInvalidArgument unless it has the form that NewId creates.
Result<> CheckContainerId(const std::string& container_id);

}  // namespace davit::snapshotter
