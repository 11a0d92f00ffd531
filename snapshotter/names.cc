// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/names.h"

#include <string_view>

#include "base/ids.h"

namespace davit::snapshotter {

Result<std::string> LayerName(const std::string& chain_id) {
  constexpr std::string_view kPrefix = "sha256:";
  std::string_view hex = chain_id;
  if (hex.starts_with(kPrefix)) {
    hex.remove_prefix(kPrefix.size());
    if (IsId(hex)) return std::string(hex);
  }
  return Fail(Code::kInvalidArgument, "chain ID", chain_id, "not sha256: and 64 hexadecimal digits");
}

Result<> CheckContainerId(const std::string& container_id) {
  if (IsId(container_id)) return {};
  return Fail(Code::kInvalidArgument, "container ID", container_id, "not 64 hexadecimal digits");
}

}  // namespace davit::snapshotter
