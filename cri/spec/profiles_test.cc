// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/profiles.h"

#include "cri/spec/testing/spec_testing.h"

namespace davit::cri {
namespace {

constexpr char kSeccomp[] = "linux.security_context.seccomp";
constexpr char kAppArmor[] = "linux.security_context.apparmor";

Result<SeccompChoice> Seccomp(const std::string& context) {
  return ChooseSeccomp(Proto<v1::LinuxContainerSecurityContext>(context));
}
Result<std::string> ChooseAppArmor(const std::string& context, AppArmorSupport support) {
  HostFacts host;
  host.apparmor = support;
  return ChooseAppArmor(Proto<v1::LinuxContainerSecurityContext>(context), host);
}

struct SeccompCase {
  const char* context;
  SeccompChoice choice;
};
class SeccompCases : public ::testing::TestWithParam<SeccompCase> {};

TEST_P(SeccompCases, Choose) {
  auto choice = Seccomp(GetParam().context);
  ASSERT_TRUE(choice) << choice.error().ToString();
  EXPECT_EQ(*choice, GetParam().choice);
}

const SeccompChoice kUnconfined{};
const SeccompChoice kDefault{SeccompChoice::kRuntimeDefault, ""};
const SeccompChoice kFile{SeccompChoice::kLocalhost, "/var/lib/kubelet/seccomp/a.json"};

INSTANTIATE_TEST_SUITE_P(
    All, SeccompCases,
    ::testing::Values(
        SeccompCase{"", kUnconfined}, SeccompCase{"seccomp { profile_type: Unconfined }", kUnconfined},
        SeccompCase{"seccomp { profile_type: RuntimeDefault }", kDefault},
        SeccompCase{"seccomp {}", kDefault},
        SeccompCase{"seccomp { profile_type: Localhost localhost_ref: '/var/lib/kubelet/seccomp/a.json' }",
                    kFile},
        SeccompCase{
            "seccomp { profile_type: Localhost localhost_ref: 'localhost//var/lib/kubelet/seccomp/a.json' }",
            kFile},
        SeccompCase{"seccomp_profile_path: 'runtime/default'", kDefault},
        SeccompCase{"seccomp_profile_path: 'docker/default'", kDefault},
        SeccompCase{"seccomp_profile_path: 'unconfined'", kUnconfined},
        SeccompCase{"seccomp_profile_path: 'localhost//var/lib/kubelet/seccomp/a.json'", kFile},
        SeccompCase{"seccomp { profile_type: Unconfined } seccomp_profile_path: 'runtime/default'",
                    kUnconfined},
        SeccompCase{"privileged: true seccomp { profile_type: RuntimeDefault }", kUnconfined},
        SeccompCase{"privileged: true seccomp { profile_type: Localhost }", kUnconfined}));

TEST(Seccomp, RefusesWhatItCannotApply) {
  auto code = Code::kInvalidArgument;
  const std::string reference = std::string(kSeccomp) + ".localhost_ref";
  EXPECT_TRUE(Refuses(Seccomp("seccomp { profile_type: Localhost }"), code, reference));
  EXPECT_TRUE(Refuses(Seccomp("seccomp { profile_type: Localhost localhost_ref: 'a.json' }"), code, reference,
                      "a.json"));
  EXPECT_TRUE(Refuses(Seccomp("seccomp { localhost_ref: '/a.json' }"), code, reference, "/a.json"));
  EXPECT_TRUE(Refuses(Seccomp("seccomp_profile_path: 'localhost/'"), code, reference));
  EXPECT_TRUE(Refuses(Seccomp("seccomp_profile_path: 'default'"), code,
                      std::string(kSeccomp) + "_profile_path", "default"));
  v1::LinuxContainerSecurityContext context;
  context.mutable_seccomp()->set_profile_type(static_cast<v1::SecurityProfile::ProfileType>(7));
  EXPECT_TRUE(Refuses(ChooseSeccomp(context), code, std::string(kSeccomp) + ".profile_type", "7"));
}

struct AppArmorCase {
  const char* context;
  const char* profile;
};
class AppArmorCases : public ::testing::TestWithParam<AppArmorCase> {};

TEST_P(AppArmorCases, Choose) {
  auto profile = ChooseAppArmor(GetParam().context, AppArmorSupport::kFull);
  ASSERT_TRUE(profile) << profile.error().ToString();
  EXPECT_EQ(*profile, GetParam().profile);
}

INSTANTIATE_TEST_SUITE_P(
    All, AppArmorCases,
    ::testing::Values(
        AppArmorCase{"", "davit-default"}, AppArmorCase{"apparmor {}", "davit-default"},
        AppArmorCase{"apparmor { profile_type: Unconfined }", ""},
        AppArmorCase{"apparmor { profile_type: Localhost localhost_ref: 'web' }", "web"},
        AppArmorCase{"apparmor { profile_type: Localhost localhost_ref: 'localhost/web' }", "web"},
        AppArmorCase{"apparmor_profile: 'runtime/default'", "davit-default"},
        AppArmorCase{"apparmor_profile: 'unconfined'", ""},
        AppArmorCase{"apparmor_profile: 'localhost//usr/bin/web'", "/usr/bin/web"},
        AppArmorCase{"apparmor { profile_type: Unconfined } apparmor_profile: 'localhost/web'", ""},
        AppArmorCase{"privileged: true", ""}, AppArmorCase{"privileged: true apparmor {}", ""},
        AppArmorCase{"privileged: true apparmor { profile_type: Localhost localhost_ref: 'web' }", "web"}));

TEST(AppArmorChoice, IsNoneWhereNothingIsAskedAndTheHostCannot) {
  for (auto support : {AppArmorSupport::kNone, AppArmorSupport::kNoPolicyFs, AppArmorSupport::kNoParser}) {
    for (const char* context : {"", "privileged: true", "privileged: true apparmor {}",
                                "apparmor { profile_type: Unconfined }", "apparmor_profile: 'unconfined'"}) {
      EXPECT_EQ(ChooseAppArmor(context, support), "") << context;
    }
  }
}

TEST(AppArmorChoice, RefusesWhatTheHostCannotApply) {
  auto code = Code::kFailedPrecondition;
  for (const char* context :
       {"apparmor {}", "apparmor_profile: 'runtime/default'", "apparmor_profile: 'localhost/web'",
        "privileged: true apparmor { profile_type: Localhost localhost_ref: 'web' }"}) {
    EXPECT_TRUE(Refuses(ChooseAppArmor(context, AppArmorSupport::kNone), code, kAppArmor, "no AppArmor"));
    EXPECT_TRUE(
        Refuses(ChooseAppArmor(context, AppArmorSupport::kNoPolicyFs), code, kAppArmor, "securityfs"));
    EXPECT_TRUE(ChooseAppArmor(context, AppArmorSupport::kNoParser)) << "it may be loaded already";
  }
}

TEST(AppArmorChoice, RefusesWhatIsNotAProfile) {
  auto code = Code::kInvalidArgument;
  const std::string reference = std::string(kAppArmor) + ".localhost_ref";
  auto support = AppArmorSupport::kFull;
  EXPECT_TRUE(Refuses(ChooseAppArmor("apparmor { profile_type: Localhost }", support), code, reference));
  EXPECT_TRUE(Refuses(ChooseAppArmor("apparmor { localhost_ref: 'web' }", support), code, reference, "web"));
  EXPECT_TRUE(
      Refuses(ChooseAppArmor("apparmor { profile_type: Localhost localhost_ref: 'localhost/' }", support),
              code, reference, "localhost/"));
  EXPECT_TRUE(Refuses(ChooseAppArmor("apparmor_profile: 'localhost/'", support), code, reference));
  EXPECT_TRUE(Refuses(ChooseAppArmor("apparmor_profile: 'web'", support), code,
                      std::string(kAppArmor) + "_profile", "web"));
}

}  // namespace
}  // namespace davit::cri
