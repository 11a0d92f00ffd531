// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/account_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/file_io.h"
#include "base/number.h"
#include "base/open_beneath.h"

namespace davit::shim {
namespace {

constexpr uint32_t kMaxId = 0x7fffffff;

// Takes the text up to `separator` off the front of `rest`.
std::string_view TakeUntil(std::string_view& rest, char separator) {
  size_t end = std::min(rest.find(separator), rest.size());
  std::string_view taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return taken;
}

std::optional<uint32_t> ParseId(std::string_view text) {
  std::optional<uint32_t> id = WholeNumber<uint32_t>(text);
  return id && *id <= kMaxId ? id : std::nullopt;
}

std::string_view WithoutSpaceAround(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r\v\f";
  size_t first = std::min(line.find_first_not_of(kSpace), line.size());
  line.remove_prefix(first);
  return line.substr(0, line.find_last_not_of(kSpace) + 1);
}

// name:password:uid:gid:gecos:home:shell
std::optional<PasswdEntry> ParsePasswdLine(std::string_view line) {
  line = WithoutSpaceAround(line);
  PasswdEntry entry;
  entry.name = TakeUntil(line, ':');
  TakeUntil(line, ':');
  std::optional<uint32_t> uid = ParseId(TakeUntil(line, ':'));
  std::string_view group = TakeUntil(line, ':');
  std::optional<uint32_t> gid = group.empty() ? 0 : ParseId(group);
  if (entry.name.empty() || !uid || !gid) return std::nullopt;
  entry.uid = *uid;
  entry.gid = *gid;
  TakeUntil(line, ':');
  entry.home = TakeUntil(line, ':');
  return entry;
}

// name:password:gid:member,member
struct GroupEntry {
  std::string_view name;
  uint32_t gid = 0;
  std::string_view members;
};
std::optional<GroupEntry> ParseGroupLine(std::string_view line) {
  line = WithoutSpaceAround(line);
  GroupEntry entry;
  entry.name = TakeUntil(line, ':');
  TakeUntil(line, ':');
  std::optional<uint32_t> gid = ParseId(TakeUntil(line, ':'));
  if (entry.name.empty() || !gid) return std::nullopt;
  entry.gid = *gid;
  entry.members = line;
  return entry;
}

template <typename Matches>
std::optional<PasswdEntry> FindUser(std::string_view passwd, Matches matches) {
  while (!passwd.empty()) {
    std::optional<PasswdEntry> entry = ParsePasswdLine(TakeUntil(passwd, '\n'));
    if (entry && matches(*entry)) return entry;
  }
  return std::nullopt;
}

bool IsRegularFile(int fd) {
  struct stat st;
  return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

bool HasMember(std::string_view members, std::string_view user) {
  while (!members.empty()) {
    if (TakeUntil(members, ',') == user) return true;
  }
  return false;
}

}  // namespace

Result<std::optional<std::string>> ReadAccountFile(int root_fd, const std::string& path) {
  auto found = OpenBeneath(root_fd, path, Resolve::kInRoot, O_PATH);
  if (!found) {
    bool missing = found.error().os_errno == ENOENT || found.error().os_errno == ENOTDIR;
    if (missing) return std::string();
    return std::unexpected(std::move(found).error());
  }
  if (!IsRegularFile(found->get())) return std::nullopt;
  // What a running container puts in its place meanwhile does not block, and is looked at again.
  UniqueFd file = TRY(OpenBeneath(root_fd, path, Resolve::kInRoot, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (!IsRegularFile(file.get())) return std::nullopt;
  return TRY(ReadFd(file.get(), path, kMaxAccountFileBytes));
}

std::optional<PasswdEntry> FindUserByName(std::string_view passwd, std::string_view name) {
  return FindUser(passwd, [name](const PasswdEntry& entry) { return entry.name == name; });
}

std::optional<PasswdEntry> FindUserById(std::string_view passwd, uint32_t uid) {
  return FindUser(passwd, [uid](const PasswdEntry& entry) { return entry.uid == uid; });
}

std::optional<uint32_t> FindGroupByName(std::string_view group, std::string_view name) {
  while (!group.empty()) {
    std::optional<GroupEntry> entry = ParseGroupLine(TakeUntil(group, '\n'));
    if (entry && entry->name == name) return entry->gid;
  }
  return std::nullopt;
}

std::vector<uint32_t> FindGroupsOfMember(std::string_view group, std::string_view user) {
  std::vector<uint32_t> gids;
  while (!group.empty()) {
    std::optional<GroupEntry> entry = ParseGroupLine(TakeUntil(group, '\n'));
    if (entry && HasMember(entry->members, user)) gids.push_back(entry->gid);
  }
  return gids;
}

}  // namespace davit::shim
