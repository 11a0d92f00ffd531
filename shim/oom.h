// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Whether the kernel's OOM killer has killed a process in a cgroup.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace davit::shim {

// The number in the line "oom_kill N" of a memory.oom_control (v1) or memory.events (v2); 0 if there is none.
// It is the only reliable sign: v1's notification is also sent for every other cgroup below the same parent.
uint64_t ParseOomKills(std::string_view text);

// The same from an open file, read from offset 0.
Result<uint64_t> ReadOomKills(int fd);

}  // namespace davit::shim
