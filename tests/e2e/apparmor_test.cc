// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// AppArmor, as a container's own processes see it. What needs a host with AppArmor is run by tests/v2host.

#include <unistd.h>

#include "base/file_io.h"
#include "base/run_program.h"
#include "tests/e2e/secured_container_test.h"

namespace davit::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kLabel[] = "cat /proc/self/attr/apparmor/current";
constexpr char kDefault[] = "davit-default (enforce)";
// Loaded by these tests: everything is allowed but writing to /tmp.
constexpr char kNoTmp[] = "davit-test-no-tmp";

bool HostHasAppArmor() {
  Result<std::string> enabled = ReadFile("/sys/module/apparmor/parameters/enabled");
  return enabled && enabled->starts_with('Y');
}

// apparmor_parser, with a profile to read.
void Parse(const std::string& option) {
  std::string profile = std::string("profile ") + kNoTmp +
                        " flags=(attach_disconnected) {\n"
                        "  file, capability, network, signal, ptrace, unix,\n  deny /tmp/** w,\n}\n";
  Result<ProgramOutcome> outcome =
      RunProgram("apparmor_parser",
                 {.program = "/usr/sbin/apparmor_parser", .args = {option}, .env = {}, .input = profile});
  if (!outcome) throw std::runtime_error(outcome.error().ToString());
  if (outcome->status.code != 0) throw std::runtime_error(outcome->diagnostics);
}

class AppArmorTest : public SecuredContainerTest {
 protected:
  static void AskFor(v1::LinuxContainerSecurityContext& security, const std::string& profile) {
    security.mutable_apparmor()->set_profile_type(v1::SecurityProfile::Localhost);
    security.mutable_apparmor()->set_localhost_ref(profile);
  }
  // Both outputs of the script.
  std::string OutputOf(const std::string& script, const Change& change, bool privileged = false) {
    v1::ContainerConfig config = Config("exec 2>&1; " + script, change);
    config.mutable_linux()->mutable_security_context()->set_privileged(privileged);
    auto status = RunToEnd(config, [&](v1::PodSandboxConfig& pod) {
      pod.mutable_linux()->mutable_security_context()->set_privileged(privileged);
    });
    return LogOf(status.id());
  }
};

class WithAppArmor : public AppArmorTest {
 protected:
  void SetUp() override {
    if (!HostHasAppArmor()) GTEST_SKIP() << "this host has no AppArmor";
  }
};

class WithoutAppArmor : public AppArmorTest {
 protected:
  void SetUp() override {
    if (HostHasAppArmor()) GTEST_SKIP() << "this host has AppArmor";
  }
};

TEST_F(WithAppArmor, TheDefaultProfileConfinesContainersAndExecs) {
  EXPECT_THAT(OutputOf(kLabel, [](auto&) {}), HasSubstr(kDefault));
  EXPECT_THAT(OutputOf(kLabel, [](auto& security) { security.mutable_apparmor(); }), HasSubstr(kDefault));
  EXPECT_THAT(OutputOf(kLabel, [](auto& security) { security.set_no_new_privs(true); }), HasSubstr(kDefault));
  std::string container = RunIdle();
  EXPECT_EQ(Shell(container, kLabel), kDefault);
}

TEST_F(WithAppArmor, TheProfileIsTheSameInEveryKindOfPidNamespace) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  std::string target;
  for (v1::NamespaceMode mode : {v1::CONTAINER, v1::POD, v1::TARGET}) {
    v1::ContainerConfig config =
        ShellConfig(std::string(kLabel) + "; trap 'exit 0' TERM; while :; do sleep 1; done",
                    v1::NamespaceMode_Name(mode));
    auto* options = config.mutable_linux()->mutable_security_context()->mutable_namespace_options();
    options->set_pid(mode);
    if (mode == v1::TARGET) options->set_target_id(target);
    std::string container = CreateAndStart(pod, pod_config, config);
    if (mode == v1::CONTAINER) target = container;
    WaitForOutput(container, kDefault);
    EXPECT_EQ(Shell(container, kLabel), kDefault) << v1::NamespaceMode_Name(mode);
  }
}

TEST_F(WithAppArmor, TheProfileIsTheSameInAUserNamespace) {
  if (!KernelMapsLayers()) GTEST_SKIP() << "needs Linux 6.13";
  for (v1::NamespaceMode mode : {v1::CONTAINER, v1::POD}) {
    v1::PodSandboxConfig pod_config = PodConfig();
    AddUserNamespace(pod_config);
    v1::ContainerConfig config = ShellConfig(std::string(kLabel) + "; exec sleep 1000");
    config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(mode);
    std::string container = CreateAndStart(RunPod(pod_config), pod_config, config);
    WaitForOutput(container, kDefault);
    EXPECT_EQ(Shell(container, kLabel), kDefault) << v1::NamespaceMode_Name(mode);
  }
}

TEST_F(WithAppArmor, TheStatusNamesTheProfile) {
  v1::ContainerStatusRequest request;
  request.set_container_id(RunIdle());
  request.set_verbose(true);

  auto info = Must(cri().Ask(&RuntimeStub::ContainerStatus, request)).info();

  EXPECT_THAT(info.at("info"), HasSubstr(R"("apparmorProfile":"davit-default")"));
}

TEST_F(WithAppArmor, TheDefaultProfileHoldsACapableContainer) {
  auto capable = [](v1::LinuxContainerSecurityContext& security) {
    security.mutable_capabilities()->add_add_capabilities("SYS_ADMIN");
  };
  EXPECT_THAT(OutputOf("mount -t tmpfs none /mnt && echo mounted", capable), Not(HasSubstr("mounted")));
  EXPECT_THAT(OutputOf("umount /proc/kcore && echo unmounted", capable), Not(HasSubstr("unmounted")));
  // Nothing is protected by mounts here, only by the profile.
  auto unmasked = [](v1::LinuxContainerSecurityContext& security) {
    security.add_masked_paths("/proc/keys");
    security.add_readonly_paths("/proc/bus");
  };
  EXPECT_THAT(OutputOf("echo core > /proc/sys/kernel/core_pattern && echo written", unmasked),
              AllOf(HasSubstr("ermission denied"), Not(HasSubstr("written"))));
  EXPECT_THAT(OutputOf("head -c 1 /proc/kcore > /dev/null && echo read", unmasked), Not(HasSubstr("read")));
}

TEST_F(WithAppArmor, TheDefaultProfileLetsAContainerWork) {
  EXPECT_THAT(OutputOf("echo a > /tmp/a; chown 5 /tmp/a; sleep 100 & kill $! && wait $!; "
                       "echo 0 > /proc/self/oom_score_adj; nc -l -p 80 & cat /proc/1/status > /dev/null && "
                       "stat -c %u /tmp/a && echo works",
                       [](auto&) {}),
              HasSubstr("5\nworks"));
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  std::string container = CreateAndStart(
      pod, pod_config, ShellConfig("trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 1; done"));
  WaitForOutput(container, "ready");
  StopContainer(container, 60);
  EXPECT_EQ(StatusOf(container).exit_code(), 7) << "the host's signals arrive";
}

TEST_F(WithAppArmor, NobodyIsConfinedWhoIsPrivilegedOrAsksNotToBe) {
  EXPECT_THAT(OutputOf(kLabel,
                       [](auto& security) {
                         security.mutable_apparmor()->set_profile_type(v1::SecurityProfile::Unconfined);
                       }),
              HasSubstr("unconfined"));
  EXPECT_THAT(OutputOf(kLabel, [](auto&) {}, /*privileged=*/true), HasSubstr("unconfined"));
}

TEST_F(WithAppArmor, ANamedProfileConfinesContainersAndExecs) {
  Parse("--replace");
  auto named = [](v1::LinuxContainerSecurityContext& security) { AskFor(security, kNoTmp); };
  EXPECT_THAT(
      OutputOf(std::string(kLabel) + "; echo > /x && echo written; echo > /tmp/x || echo refused", named),
      AllOf(HasSubstr(kNoTmp), HasSubstr("written"), HasSubstr("refused")));
  EXPECT_THAT(OutputOf(kLabel, named, /*privileged=*/true), HasSubstr(kNoTmp));
  std::string container = RunIdle([&](auto&, v1::ContainerConfig& config) {
    config.mutable_linux()->mutable_security_context()->set_apparmor_profile(std::string("localhost/") +
                                                                             kNoTmp);
  });
  EXPECT_EQ(Exec(container, {"touch", "/tmp/x"}).exit_code, 1);
  Parse("--remove");
}

TEST_F(WithAppArmor, AProfileThatIsNotLoadedIsNamed) {
  EXPECT_THAT(TryCreate([](auto& security) { AskFor(security, "nowhere-loaded"); }),
              FailsWith(grpc::StatusCode::FAILED_PRECONDITION, "nowhere-loaded"));
}

TEST_F(WithAppArmor, AProfileThatGoesBeforeTheStartFailsIt) {
  Parse("--replace");
  auto created = TryCreate([](auto& security) { AskFor(security, kNoTmp); });
  Parse("--remove");
  v1::StartContainerRequest request;
  request.set_container_id(Must(created).container_id());

  EXPECT_THAT(cri().Ask(&RuntimeStub::StartContainer, request),
              FailsWith(grpc::StatusCode::NOT_FOUND, kNoTmp));
  EXPECT_EQ(StatusOf(request.container_id()).reason(), "StartError");
}

TEST_F(WithoutAppArmor, AProfileThatIsAskedForIsRefused) {
  EXPECT_THAT(TryCreate([](auto& security) { AskFor(security, "web"); }),
              FailsWith(grpc::StatusCode::FAILED_PRECONDITION, "\"web\" cannot be applied"));
  EXPECT_THAT(TryCreate([](auto& security) { security.mutable_apparmor(); }),
              FailsWith(grpc::StatusCode::FAILED_PRECONDITION, "no AppArmor"));
  EXPECT_THAT(TryCreate([](auto& security) {
                security.mutable_apparmor()->set_profile_type(v1::SecurityProfile::Unconfined);
              }),
              Succeeds());
}

}  // namespace
}  // namespace davit::e2e
