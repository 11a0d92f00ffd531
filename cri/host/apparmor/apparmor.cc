// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/apparmor/apparmor.h"

#include <unistd.h>

#include <string_view>

#include "base/file_io.h"
#include "base/run_program.h"
#include "cri/host/apparmor/default_profile.h"

namespace davit::cri {
namespace {

constexpr char kEnabled[] = "/sys/module/apparmor/parameters/enabled";
constexpr char kProfiles[] = "/sys/kernel/security/apparmor/profiles";
constexpr char kAbi[] = "abi/3.0";
constexpr int kLoadTimeoutMs = 30'000;

// A line is "<name> (<mode>)"; a name may have blanks and brackets of its own.
bool IsListed(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    std::string_view line = list.substr(0, list.find('\n'));
    list.remove_prefix(std::min(list.size(), line.size() + 1));
    if (line.substr(0, line.rfind(" (")) == name) return true;
  }
  return false;
}

}  // namespace

AppArmorSupport AppArmor::Support() const {
  Result<std::string> enabled = ReadFile(root_ + kEnabled);
  if (!enabled || !enabled->starts_with('Y')) return AppArmorSupport::kNone;
  if (access((root_ + kProfiles).c_str(), R_OK) < 0) return AppArmorSupport::kNoPolicyFs;
  return Parser().empty() ? AppArmorSupport::kNoParser : AppArmorSupport::kFull;
}

Result<> AppArmor::Provide(const std::string& profile) {
  MutexLock lock(loading_);
  bool loaded = TRY(IsLoaded(profile));
  if (profile != kDefaultAppArmorProfile) {
    if (loaded) return {};
    return Fail(Code::kFailedPrecondition, "apply AppArmor profile", profile,
                "it is not loaded on this host");
  }
  bool good_enough = loaded_default_ || Parser().empty();
  if (loaded && good_enough) return {};
  TRY(LoadDefault());
  loaded_default_ = true;
  return {};
}

std::string AppArmor::Parser() const {
  for (const char* path : {"/usr/sbin/apparmor_parser", "/sbin/apparmor_parser"})
    if (access((root_ + path).c_str(), X_OK) == 0) return root_ + path;
  return "";
}

Result<bool> AppArmor::IsLoaded(const std::string& profile) const {
  return IsListed(TRY(ReadFile(root_ + kProfiles)), profile);
}

Result<> AppArmor::LoadDefault() const {
  std::string parser = Parser();
  if (parser.empty()) {
    return Fail(Code::kFailedPrecondition, "load AppArmor profile", kDefaultAppArmorProfile,
                "apparmor_parser is not installed on this host");
  }
  bool has_abi = access((root_ + "/etc/apparmor.d/" + kAbi).c_str(), R_OK) == 0;
  ProgramOutcome outcome =
      TRY(RunProgram("apparmor_parser", {.program = parser,
                                         .args = {"--replace", "--skip-cache"},
                                         .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                                         .input = DefaultAppArmorPolicy(has_abi ? kAbi : ""),
                                         .timeout_ms = kLoadTimeoutMs}));
  if (outcome.status.code == 0) return {};
  return Fail(
      Code::kInternal, "load AppArmor profile", kDefaultAppArmorProfile,
      "apparmor_parser ended with " + std::to_string(outcome.status.code) + ": " + outcome.diagnostics);
}

}  // namespace davit::cri
