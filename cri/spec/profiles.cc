// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/profiles.h"

#include "cri/host/apparmor/default_profile.h"
#include "cri/spec/field.h"

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;

constexpr char kSeccomp[] = "linux.security_context.seccomp";
constexpr char kAppArmor[] = "linux.security_context.apparmor";
constexpr std::string_view kLocalhostPrefix = "localhost/";

// The string form that came before SecurityProfile: "runtime/default", "docker/default", "unconfined",
// "localhost/<profile>", or nothing.
Result<v1::SecurityProfile> FromString(const std::string& field, const std::string& text) {
  v1::SecurityProfile profile;
  if (text.empty() || text == "unconfined") {
    profile.set_profile_type(v1::SecurityProfile::Unconfined);
  } else if (text == "runtime/default" || text == "docker/default") {
    profile.set_profile_type(v1::SecurityProfile::RuntimeDefault);
  } else if (text.starts_with(kLocalhostPrefix)) {
    profile.set_profile_type(v1::SecurityProfile::Localhost);
    profile.set_localhost_ref(text.substr(kLocalhostPrefix.size()));
  } else {
    return BadField(field, text, "is not a profile");
  }
  return profile;
}

Result<> CheckProfile(const std::string& field, const v1::SecurityProfile& profile) {
  if (!v1::SecurityProfile::ProfileType_IsValid(profile.profile_type())) {
    return BadField(field + ".profile_type", std::to_string(profile.profile_type()), "is not a known type");
  }
  bool localhost = profile.profile_type() == v1::SecurityProfile::Localhost;
  if (localhost && profile.localhost_ref().empty()) {
    return BadField(field + ".localhost_ref", "", "is empty, but the type is Localhost");
  }
  if (!localhost && !profile.localhost_ref().empty()) {
    return BadField(field + ".localhost_ref", profile.localhost_ref(),
                    "is set, but the type is not Localhost");
  }
  return CheckNoNul(field + ".localhost_ref", profile.localhost_ref());
}

Result<> CheckCanApply(const std::string& profile, AppArmorSupport support) {
  if (support == AppArmorSupport::kFull || support == AppArmorSupport::kNoParser) return {};
  const char* why = support == AppArmorSupport::kNone ? "this host has no AppArmor"
                                                      : "securityfs is not mounted on /sys/kernel/security";
  return Fail(Code::kFailedPrecondition, "validate", kAppArmor,
              "\"" + profile + "\" cannot be applied: " + why);
}

}  // namespace

Result<SeccompChoice> ChooseSeccomp(const v1::LinuxContainerSecurityContext& context) {
  if (context.privileged()) return SeccompChoice{};
  v1::SecurityProfile profile = context.seccomp();
  if (!context.has_seccomp())
    profile = TRY(FromString(std::string(kSeccomp) + "_profile_path", context.seccomp_profile_path()));
  TRY(CheckProfile(kSeccomp, profile));
  if (profile.profile_type() == v1::SecurityProfile::Unconfined) return SeccompChoice{};
  if (profile.profile_type() == v1::SecurityProfile::RuntimeDefault)
    return SeccompChoice{SeccompChoice::kRuntimeDefault, ""};
  std::string path = profile.localhost_ref();
  if (path.starts_with(kLocalhostPrefix)) path.erase(0, kLocalhostPrefix.size());
  if (!path.starts_with('/'))
    return BadField(std::string(kSeccomp) + ".localhost_ref", path, "is not an absolute path");
  return SeccompChoice{SeccompChoice::kLocalhost, path};
}

Result<std::string> ChooseAppArmor(const v1::LinuxContainerSecurityContext& context, const HostFacts& host) {
  if (!context.has_apparmor() && context.apparmor_profile().empty()) {
    bool confined = host.apparmor == AppArmorSupport::kFull && !context.privileged();
    return confined ? kDefaultAppArmorProfile : "";
  }
  v1::SecurityProfile profile = context.apparmor();
  if (!context.has_apparmor())
    profile = TRY(FromString(std::string(kAppArmor) + "_profile", context.apparmor_profile()));
  TRY(CheckProfile(kAppArmor, profile));
  bool named = profile.profile_type() == v1::SecurityProfile::Localhost;
  if (profile.profile_type() == v1::SecurityProfile::Unconfined || (context.privileged() && !named))
    return "";
  std::string name = named ? profile.localhost_ref() : kDefaultAppArmorProfile;
  if (name.starts_with(kLocalhostPrefix)) name.erase(0, kLocalhostPrefix.size());
  if (name.empty())
    return BadField(std::string(kAppArmor) + ".localhost_ref", profile.localhost_ref(), "names no profile");
  TRY(CheckCanApply(name, host.apparmor));
  return name;
}

}  // namespace davit::cri
