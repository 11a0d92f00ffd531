// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Checks of what several requests of davit.v1 have in common (api/davit/v1/containers.proto, sessions.proto).
// The errors are those of cri/service/field_limits.h.
#pragma once

#include <cstddef>
#include <string>

#include "cri/service/field_limits.h"

namespace davit::local {

inline constexpr size_t kMostContainerBytes = 255;  // of a name or an id
inline constexpr int kMostWords = 1000;
inline constexpr size_t kMostWordBytes = 65'536;

// The field that names a container.
inline Result<> RequireContainer(const std::string& container) {
  return cri::RequireText("container", container, kMostContainerBytes);
}

// A field that has words of a command line, or variables of an environment.
template <typename Words>
Result<> LimitWords(const char* field, const Words& words) {
  TRY(cri::LimitCount(field, words.size(), kMostWords));
  for (const std::string& word : words) TRY(cri::LimitText(field, word, kMostWordBytes));
  return {};
}

}  // namespace davit::local
