// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/confinement_spec.h"

#include <filesystem>
#include <vector>

#include "base/number.h"
#include "cli/text.h"

namespace davit::cli {
namespace {

namespace api = ::davit::v1;

constexpr char kAccess[] = "rwm";
constexpr char kUnconfined[] = "unconfined";

std::unexpected<Error> Bad(const char* flag, const std::string& text, const std::string& why) {
  return Fail(Code::kInvalidArgument, flag, text, why);
}

bool IsAccess(const std::string& text) {
  return !text.empty() && text.find_first_not_of(kAccess) == std::string::npos;
}

Result<> SetNoNewPrivileges(const std::string& text, const std::string& value, api::ContainerSpec& spec) {
  if (value != "" && value != "true" && value != "false")
    return Bad("--security-opt", text, "write no-new-privileges[=true|false]");
  spec.set_no_new_privileges(value != "false");
  return {};
}

}  // namespace

Result<> AddDevice(const std::string& text, api::ContainerSpec& spec) {
  constexpr char kGrammar[] = "write HOST_PATH[:CONTAINER_PATH][:rwm], or vendor.com/class=name for CDI";
  if (!text.starts_with('/')) {
    if (text.find('/') == std::string::npos || text.find('=') == std::string::npos)
      return Bad("--device", text, kGrammar);
    spec.add_cdi_devices(text);
    return {};
  }
  std::vector<std::string> parts = Split(text, ':');
  api::Device device;
  device.set_host_path(parts[0]);
  if (parts.size() > 1 && IsAccess(parts.back())) {
    device.set_permissions(parts.back());
    parts.pop_back();
  }
  if (parts.size() > 2 || (parts.size() == 2 && !parts[1].starts_with('/')))
    return Bad("--device", text, kGrammar);
  if (parts.size() == 2) device.set_container_path(parts[1]);
  *spec.add_devices() = device;
  return {};
}

Result<> AddSecurityOption(const std::string& text, api::ContainerSpec& spec) {
  size_t separator = text.find_first_of("=:");
  std::string key = text.substr(0, separator);
  std::string value = separator == std::string::npos ? "" : text.substr(separator + 1);
  if (key == "no-new-privileges") return SetNoNewPrivileges(text, value, spec);
  if (key == "seccomp" && !value.empty()) {
    bool path = value != kUnconfined;
    spec.set_seccomp_profile(path ? std::filesystem::absolute(value).lexically_normal().string() : value);
    return {};
  }
  if (key == "apparmor" && !value.empty()) {
    spec.set_apparmor_profile(value);
    return {};
  }
  return Bad("--security-opt", text,
             "write no-new-privileges, seccomp=unconfined|PATH or apparmor=unconfined|PROFILE; other options "
             "are not supported yet");
}

Result<> AddSysctl(const std::string& text, api::ContainerSpec& spec) {
  size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos) return Bad("--sysctl", text, "write NAME=VALUE");
  (*spec.mutable_sysctls())[text.substr(0, equals)] = text.substr(equals + 1);
  return {};
}

Result<> AddGroup(const std::string& text, api::ContainerSpec& spec) {
  std::optional<uint32_t> group = WholeNumber<uint32_t>(text);
  bool number = text.find_first_not_of("+-0123456789") == std::string::npos;
  if ((number && !group) || text.find_first_of(":\n") != std::string::npos)
    return Bad("--group-add", text, "write the name or the number of a group");
  if (group)
    spec.add_groups(*group);
  else
    spec.add_group_names(text);
  return {};
}

Result<api::ContainerSpec::Namespace> ParseNamespace(const std::string& flag, const std::string& text) {
  if (text.empty() || text == "private") return api::ContainerSpec::OWN;
  if (text == "host") return api::ContainerSpec::OF_HOST;
  return Fail(Code::kInvalidArgument, flag, text,
              "write host or private; namespaces of other containers are not supported yet");
}

}  // namespace davit::cli
