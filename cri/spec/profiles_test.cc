// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/profiles.h"

#include "cri/spec/spec_testing.h"

namespace davit {
namespace {

constexpr char kSeccomp[] = "linux.security_context.seccomp";
constexpr char kAppArmor[] = "linux.security_context.apparmor";

Result<SeccompChoice> Seccomp(const std::string& context) {
  return ChooseSeccomp(Proto<v1::LinuxContainerSecurityContext>(context));
}
Result<> AppArmor(const std::string& context, bool has_apparmor) {
  HostFacts host;
  host.has_apparmor = has_apparmor;
  return CheckAppArmor(Proto<v1::LinuxContainerSecurityContext>(context), host);
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

TEST(AppArmor, IsFineToLeaveToTheHost) {
  for (const char* context : {"", "apparmor {}", "apparmor { profile_type: Unconfined }",
                              "apparmor_profile: 'runtime/default'", "apparmor_profile: 'unconfined'"}) {
    EXPECT_TRUE(AppArmor(context, false)) << context;
    EXPECT_TRUE(AppArmor(context, true)) << context;
  }
}

TEST(AppArmor, RefusesNamedProfilesByTheirReason) {
  for (const char* context :
       {"apparmor { profile_type: Localhost localhost_ref: 'web' }", "apparmor_profile: 'localhost/web'"}) {
    EXPECT_TRUE(Refuses(AppArmor(context, false), Code::kFailedPrecondition, kAppArmor, "no AppArmor"));
    EXPECT_TRUE(Refuses(AppArmor(context, true), Code::kUnimplemented, kAppArmor, "web"));
  }
  EXPECT_TRUE(AppArmor("privileged: true apparmor { profile_type: Localhost localhost_ref: 'web' }", false));
  EXPECT_TRUE(Refuses(AppArmor("apparmor { profile_type: Localhost }", false), Code::kInvalidArgument,
                      std::string(kAppArmor) + ".localhost_ref"));
}

}  // namespace
}  // namespace davit
