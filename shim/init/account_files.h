// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// /etc/passwd and /etc/group of a container (passwd(5), group(5)). An image may have filled them with
// arbitrary text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace davit::shim {

constexpr size_t kMaxAccountFileBytes = 10 << 20;

// Reads a file inside the root `root_fd`. Returns "" if it does not exist, and nullopt if it is not a regular
// file (a masked one is /dev/null). Fails if it is larger than kMaxAccountFileBytes. Never blocks on a FIFO
// and never opens a device.
Result<std::optional<std::string>> ReadAccountFile(int root_fd, const std::string& path);

struct PasswdEntry {
  std::string name;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::string home;
};

// Return the first entry that matches. Lines are read as other runtimes read them: white space around a line
// is ignored (indentation, CRLF), and fields at its end may be missing: the group is then 0, the home "". A
// line without a name or a uid, or with an id that is not a number from 0 to 2^31-1, is skipped.
std::optional<PasswdEntry> FindUserByName(std::string_view passwd, std::string_view name);
std::optional<PasswdEntry> FindUserById(std::string_view passwd, uint32_t uid);
std::optional<uint32_t> FindGroupByName(std::string_view group, std::string_view name);

// The groups that list `user` as a member, in the file's order.
std::vector<uint32_t> FindGroupsOfMember(std::string_view group, std::string_view user);

}  // namespace davit::shim
