// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// /etc/passwd and /etc/group of a container (passwd(5), group(5)): text that an image may have filled with
// anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace davit {

constexpr size_t kMaxAccountFileBytes = 10 << 20;

// Reads a file inside the root `root_fd`: "" when it does not exist, nothing when it is not a regular file (a
// masked one is /dev/null), an error when it is larger than kMaxAccountFileBytes. Never blocks on a FIFO and
// never opens a device.
Result<std::optional<std::string>> ReadAccountFile(int root_fd, const std::string& path);

struct PasswdEntry {
  std::string name;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::string home;
};

// The first entry that matches. Lines are read as other runtimes read them: white space around a line does
// not count (indentation, CRLF), and fields may be missing at its end: an entry without a group has group 0,
// one without a home has "". A line without a name or a uid, and one with an id that is not a number within 0
// and 2^31-1, is passed over.
std::optional<PasswdEntry> FindUserByName(std::string_view passwd, std::string_view name);
std::optional<PasswdEntry> FindUserById(std::string_view passwd, uint32_t uid);
std::optional<uint32_t> FindGroupByName(std::string_view group, std::string_view name);

// The groups that list `user` as a member, in the file's order.
std::vector<uint32_t> FindGroupsOfMember(std::string_view group, std::string_view user);

}  // namespace davit
