// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Read-only data to pass to other processes (memfd_create(2)).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

enum class MemfdUse { kData, kExecutable };

// A memfd that holds `data` and can no longer be written, grown, shrunk or unsealed.
Result<UniqueFd> MakeSealedMemfd(const std::string& name, std::string_view data,
                                 MemfdUse use = MemfdUse::kData);

// The content of a memfd of another process. kInvalidArgument unless it is sealed as above (otherwise its
// content could change while it is read) and at most `limit` bytes long.
Result<std::string> ReadSealedMemfd(int fd, size_t limit);

}  // namespace davit
