// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/selinux/selinux.h"

#include <fcntl.h>
#include <unistd.h>

#include <string_view>

#include "base/file_io.h"

namespace davit::cri {
namespace {

constexpr char kEnforce[] = "/sys/fs/selinux/enforce";
constexpr char kContext[] = "/sys/fs/selinux/context";
constexpr char kOwnContext[] = "/proc/self/attr/current";
constexpr char kConfig[] = "/etc/selinux/config";

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlank(" \t\r\n\0", 5);
  size_t first = text.find_first_not_of(kBlank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// The value of a `name = "value"` line, with or without blanks and quotation marks. The last one counts.
std::string Setting(std::string_view text, std::string_view name) {
  std::string value;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    size_t equals = line.find('=');
    if (equals == line.npos || Trimmed(line.substr(0, equals)) != name) continue;
    std::string_view right = Trimmed(line.substr(equals + 1));
    if (right.size() >= 2 && right.starts_with('"') && right.ends_with('"'))
      right = right.substr(1, right.size() - 2);
    value = right;
  }
  return value;
}

// Empty where the file does not have it.
Result<SeLinuxContext> ContextSetting(std::string_view text, std::string_view name) {
  std::string value = Setting(text, name);
  return value.empty() ? SeLinuxContext() : ParseSeLinuxContext(value);
}

}  // namespace

Result<SeLinuxHost> SeLinux::Describe() const {
  SeLinuxHost host;
  host.enabled = IsEnabled();
  if (!host.enabled) return host;
  host.enforcing = ReadFile(root_ + kEnforce).value_or("1") != "0";
  std::string contexts = TRY(ContainerContexts());
  host.process = TRY(ContextSetting(contexts, "process"));
  host.file = TRY(ContextSetting(contexts, "file"));
  host.shared_file = TRY(ContextSetting(contexts, "ro_file"));
  if (host.process.empty() || host.file.empty()) host.process = host.file = SeLinuxContext();
  return host;
}

Result<> SeLinux::Check(const std::string& context) const {
  if (context.empty()) return {};
  UniqueFd file = TRY(OpenAt(AT_FDCWD, root_ + kContext, O_RDWR));
  if (write(file.get(), context.data(), context.size()) >= 0) return {};
  if (errno != EINVAL) return SystemError("write " + std::string(kContext), context);
  return Fail(Code::kInvalidArgument, "check SELinux context", context,
              "the policy of this host knows none such");
}

bool SeLinux::IsEnabled() const {
  // A kernel whose policy was never loaded calls every process by this name.
  Result<std::string> own = ReadFile(root_ + kOwnContext);
  if (!own || Trimmed(*own) == "kernel") return false;
  return access((root_ + kEnforce).c_str(), R_OK) == 0 && access((root_ + kContext).c_str(), W_OK) == 0;
}

Result<std::string> SeLinux::ContainerContexts() const {
  Result<std::string> config = ReadFile(root_ + kConfig);
  if (!config) return "";
  std::string policy = Setting(*config, "SELINUXTYPE");
  Result<std::string> contexts = ReadFile(root_ + "/etc/selinux/" + policy + "/contexts/lxc_contexts");
  if (!contexts && contexts.error().code == Code::kNotFound) return "";
  return contexts;
}

}  // namespace davit::cri
