// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Whether the kernel's OOM killer struck in a cgroup.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace davit {

// The number in the line "oom_kill N" of a memory.oom_control (v1) or memory.events (v2); 0 when there is
// none. It is the only reliable sign: v1's notification also fires for every other cgroup below the same
// parent.
uint64_t ParseOomKills(std::string_view text);

// The same from an open file, from its beginning.
Result<uint64_t> ReadOomKills(int fd);

}  // namespace davit
