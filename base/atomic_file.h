// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Whole-file replacement.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/error.h"

namespace davit {

enum class Durability {
  kVolatile,  // rename only: atomic for readers and across a crash of the process, not across a power cut
  kDurable,   // fsync of the file and of its directory as well
};

// Replaces `name` in the directory `dir_fd` so that a reader sees the old file or the whole new one. On
// failure the temporary file ".NAME.tmp" is removed; if only the fsync of the directory failed, the new file
// is already in place. Do not replace the same name concurrently.
Result<> WriteFileAtomically(int dir_fd, const std::string& name, std::string_view data, mode_t mode,
                             Durability durability);

}  // namespace davit
