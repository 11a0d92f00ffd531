// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/identity.h"

#include <limits.h>

#include <algorithm>
#include <set>

#include "shim/init/account_files.h"

namespace davit::shim {
namespace {

constexpr uint32_t kMaxId = 0x7fffffff;

// Digits were meant as an id, and which one is not this place's to decide; a colon would never match an
// entry.
Result<> CheckName(std::string_view name, std::string_view step) {
  bool digits = std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (digits || name.find_first_of(":\n\r") != std::string_view::npos ||
      name.find('\0') != std::string_view::npos) {
    return Fail(Code::kInvalidArgument, step, name, "not a valid name");
  }
  return {};
}

Result<> CheckId(uint32_t id, std::string_view step) {
  if (id > kMaxId) return Fail(Code::kInvalidArgument, step, std::to_string(id), "beyond 2147483647");
  return {};
}

// In their order, each once.
class GroupList {
 public:
  // The kernel's limit, setgroups(2).
  Result<> Add(uint32_t gid) {
    TRY(CheckId(gid, "resolve group"));
    if (!seen_.insert(gid).second) return {};
    if (groups_.size() == NGROUPS_MAX) {
      return Fail(Code::kInvalidArgument, "resolve group", std::to_string(gid),
                  "more than " + std::to_string(NGROUPS_MAX) + " supplementary groups");
    }
    groups_.push_back(gid);
    return {};
  }
  std::vector<uint32_t> Take() { return std::move(groups_); }

 private:
  std::set<uint32_t> seen_;
  std::vector<uint32_t> groups_;
};

Result<std::optional<PasswdEntry>> FindAccount(const UserSpec& user, std::string_view passwd) {
  if (user.uid || user.name.empty()) {
    uint32_t uid = user.uid.value_or(0);
    TRY(CheckId(uid, "resolve user"));
    return FindUserById(passwd, uid);
  }
  TRY(CheckName(user.name, "resolve user"));
  std::optional<PasswdEntry> entry = FindUserByName(passwd, user.name);
  if (!entry) {
    return Fail(Code::kInvalidArgument, "resolve user", user.name,
                "no such user in the container's /etc/passwd");
  }
  return entry;
}

Result<uint32_t> FindGroup(std::string_view group, const std::string& name) {
  TRY(CheckName(name, "resolve group"));
  std::optional<uint32_t> gid = FindGroupByName(group, name);
  if (!gid) {
    return Fail(Code::kInvalidArgument, "resolve group", name, "no such group in the container's /etc/group");
  }
  return *gid;
}

Result<uint32_t> FindPrimaryGroup(const UserSpec& user, const std::optional<PasswdEntry>& account,
                                  std::string_view group) {
  if (user.gid) {
    TRY(CheckId(*user.gid, "resolve group"));
    return *user.gid;
  }
  if (user.group.empty()) return account ? account->gid : 0;
  return FindGroup(group, user.group);
}

// Only a name cannot do without the file.
Result<std::string> ReadAccounts(int root_fd, const std::string& path, const std::string& name) {
  std::optional<std::string> text = TRY(ReadAccountFile(root_fd, path));
  if (!text && !name.empty()) {
    return Fail(Code::kInvalidArgument, "look " + name + " up", path, "not a regular file");
  }
  return std::move(text).value_or("");
}

}  // namespace

Result<Identity> ResolveIdentity(const UserSpec& user, std::string_view passwd, std::string_view group) {
  std::optional<PasswdEntry> account = TRY(FindAccount(user, passwd));
  Identity identity;
  identity.uid = account ? account->uid : user.uid.value_or(0);
  identity.gid = TRY(FindPrimaryGroup(user, account, group));
  identity.home = account && !account->home.empty() ? account->home : "/";
  // The primary group is listed too: a process whose list lacks it could be let in where that group is kept
  // out (CVE-2022-2990 and its kin).
  GroupList groups;
  TRY(groups.Add(identity.gid));
  for (uint32_t gid : user.supplementary) TRY(groups.Add(gid));
  for (const std::string& name : user.supplementary_names) TRY(groups.Add(TRY(FindGroup(group, name))));
  if (user.merge_image_groups && account) {
    for (uint32_t gid : FindGroupsOfMember(group, account->name)) TRY(groups.Add(gid));
  }
  identity.groups = groups.Take();
  return identity;
}

Result<Identity> ResolveIdentity(int root_fd, const UserSpec& user) {
  std::string passwd = TRY(ReadAccounts(root_fd, "/etc/passwd", user.uid ? "" : user.name));
  std::string name =
      user.group.empty() && !user.supplementary_names.empty() ? user.supplementary_names[0] : user.group;
  bool needs_groups = user.merge_image_groups || !name.empty();
  std::string group = needs_groups ? TRY(ReadAccounts(root_fd, "/etc/group", name)) : std::string();
  return ResolveIdentity(user, passwd, group);
}

}  // namespace davit::shim
