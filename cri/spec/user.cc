// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/user.h"

#include <limits.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "cri/spec/field.h"

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;

constexpr char kImageUser[] = "image.user";
constexpr std::string_view kContext = "linux.security_context.";

std::string Field(std::string_view name) {
  return std::string(kContext).append(name);
}

// A sign makes a number, too: "-1" is no name.
bool LooksNumeric(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

Result<uint32_t> ParseId(const std::string& field, std::string_view text) {
  int64_t id = text.starts_with('-') || text.starts_with('+') ? -1 : 0;
  for (char c : text) {
    if (id < 0 || id > int64_t{1} << 32) break;  // out of range already, whatever follows
    id = id * 10 + (c - '0');
  }
  if (Result<uint32_t> checked = CheckId(field, id)) return checked;
  return BadField(field, text, "is not within 0 and 2147483647");
}

// What is looked up is a field between colons of a line.
Result<> CheckName(const std::string& field, const std::string& name) {
  if (name.find_first_of(std::string_view(":\n\r\0", 4)) != std::string::npos) {
    return BadField(field, name, "is not a user or group name");
  }
  return {};
}

struct IdOrName {
  std::optional<uint32_t> id;
  std::string name;
};

Result<IdOrName> ParseIdOrName(const std::string& field, const std::string& text) {
  if (LooksNumeric(text)) return IdOrName{TRY(ParseId(field, text)), ""};
  TRY(CheckName(field, text));
  return IdOrName{std::nullopt, text};
}

Result<shim::UserSpec> RequestedUser(const v1::LinuxContainerSecurityContext& context) {
  shim::UserSpec user;
  if (context.has_run_as_user()) {
    if (!context.run_as_username().empty()) {
      return BadField(Field("run_as_username"), context.run_as_username(), "stands beside run_as_user");
    }
    user.uid = TRY(CheckId(Field("run_as_user"), context.run_as_user().value()));
  } else {
    IdOrName name = TRY(ParseIdOrName(Field("run_as_username"), context.run_as_username()));
    user.uid = name.id;
    user.name = name.name;
  }
  if (context.has_run_as_group())
    user.gid = TRY(CheckId(Field("run_as_group"), context.run_as_group().value()));
  return user;
}

}  // namespace

Result<shim::UserSpec> ParseUser(const std::string& field, const std::string& text) {
  shim::UserSpec spec;
  if (text.empty()) return spec;
  size_t colon = text.find(':');
  IdOrName user = TRY(ParseIdOrName(field, text.substr(0, colon)));
  spec.uid = user.id;
  spec.name = user.name;
  if (!user.id && user.name.empty()) return BadField(field, text, "has no user before the colon");
  if (colon == std::string::npos) return spec;
  IdOrName group = TRY(ParseIdOrName(field, text.substr(colon + 1)));
  spec.gid = group.id;
  spec.group = group.name;
  return spec;
}

Result<shim::UserSpec> ParseImageUser(const std::string& text) {
  return ParseUser(kImageUser, text);
}

Result<shim::UserSpec> ContainerUser(const v1::LinuxContainerSecurityContext& context,
                                     const std::string& image_user) {
  bool has_user = context.has_run_as_user() || !context.run_as_username().empty();
  if (!has_user && context.has_run_as_group()) {
    return BadField(Field("run_as_group"), std::to_string(context.run_as_group().value()),
                    "needs run_as_user or run_as_username");
  }
  shim::UserSpec user = has_user ? TRY(RequestedUser(context)) : TRY(ParseImageUser(image_user));
  if (context.supplemental_groups_size() > NGROUPS_MAX) {
    return BadField(Field("supplemental_groups"), std::to_string(context.supplemental_groups_size()),
                    "are more than " + std::to_string(NGROUPS_MAX) + " groups");
  }
  for (int64_t group : context.supplemental_groups()) {
    user.supplementary.push_back(TRY(CheckId(Field("supplemental_groups"), group)));
  }
  if (!v1::SupplementalGroupsPolicy_IsValid(context.supplemental_groups_policy())) {
    return BadField(Field("supplemental_groups_policy"), std::to_string(context.supplemental_groups_policy()),
                    "is not a known policy");
  }
  user.merge_image_groups = context.supplemental_groups_policy() == v1::Merge;
  return user;
}

Result<> AddNamedGroups(const std::string& primary, const std::vector<std::string>& supplementary,
                        shim::UserSpec& user) {
  if (!primary.empty()) {
    IdOrName group = TRY(ParseIdOrName("user", primary));
    user.gid = group.id;
    user.group = group.name;
  }
  if (user.supplementary.size() + supplementary.size() > NGROUPS_MAX)
    return BadField("group_names", std::to_string(supplementary.size()),
                    "are more than " + std::to_string(NGROUPS_MAX) + " groups");
  for (const std::string& name : supplementary) {
    if (name.empty() || LooksNumeric(name)) return BadField("group_names", name, "is not a group name");
    TRY(CheckName("group_names", name));
    user.supplementary_names.push_back(name);
  }
  return {};
}

}  // namespace davit::cri
