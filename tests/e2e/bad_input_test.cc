// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What clients get wrong is answered with a code that says whose fault it is and a message that names it.

#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

constexpr auto kInvalid = grpc::StatusCode::INVALID_ARGUMENT;
constexpr auto kNotFound = grpc::StatusCode::NOT_FOUND;
constexpr auto kPrecondition = grpc::StatusCode::FAILED_PRECONDITION;

// --- Pods ---

struct BadPod {
  const char* name;
  std::function<void(v1::PodSandboxConfig&)> spoil;
  const char* named;  // what the message has to say
};

void PrintTo(const BadPod& bad, std::ostream* out) {
  *out << bad.name;
}

class BadPodConfig : public PodTest, public ::testing::WithParamInterface<BadPod> {};

TEST_P(BadPodConfig, IsRefusedNamingFieldAndValue) {
  v1::RunPodSandboxRequest request;
  *request.mutable_config() = PodConfig();
  GetParam().spoil(*request.mutable_config());

  EXPECT_THAT(cri().Ask(&RuntimeStub::RunPodSandbox, request), FailsWith(kInvalid, GetParam().named));
  EXPECT_TRUE(ListPods().empty());
}

const BadPod kBadPods[] = {
    {"NoMetadata", [](auto& config) { config.clear_metadata(); }, "metadata"},
    {"NoName", [](auto& config) { config.mutable_metadata()->clear_name(); }, "name"},
    {"NoUid", [](auto& config) { config.mutable_metadata()->clear_uid(); }, "uid"},
    {"NoNamespace", [](auto& config) { config.mutable_metadata()->clear_namespace_(); }, "namespace"},
    {"RelativeLogDirectory", [](auto& config) { config.set_log_directory("logs/here"); }, "logs/here"},
    {"HostPortOutOfRange",
     [](auto& config) {
       config.add_port_mappings()->set_container_port(80);
       config.mutable_port_mappings(0)->set_host_port(70000);
     },
     "70000"},
    {"BadHostIp",
     [](auto& config) {
       config.add_port_mappings()->set_container_port(80);
       config.mutable_port_mappings(0)->set_host_port(8080);
       config.mutable_port_mappings(0)->set_host_ip("not-an-address");
     },
     "not-an-address"},
    // For the driver cgroupfs no parent, for systemd no name of a slice.
    {"CgroupParentThatIsNone",
     [](auto& config) { config.mutable_linux()->set_cgroup_parent("kubepods--burstable.slice"); },
     "the cgroup driver is"},
    {"SysctlOfTheHost",
     [](auto& config) { (*config.mutable_linux()->mutable_sysctls())["kernel.panic"] = "1"; },
     "kernel.panic"},
    {"SysctlWithAPath",
     [](auto& config) { (*config.mutable_linux()->mutable_sysctls())["net.ipv4/../../kernel/panic"] = "1"; },
     "net.ipv4/"},
};

INSTANTIATE_TEST_SUITE_P(Cases, BadPodConfig, ::testing::ValuesIn(kBadPods),
                         [](const auto& test) { return std::string(test.param.name); });

// --- Containers ---

struct BadContainer {
  const char* name;
  std::function<void(v1::CreateContainerRequest&)> spoil;
  grpc::StatusCode code;
  const char* named;
};

void PrintTo(const BadContainer& bad, std::ostream* out) {
  *out << bad.name;
}

v1::LinuxContainerSecurityContext& Security(v1::CreateContainerRequest& request) {
  return *request.mutable_config()->mutable_linux()->mutable_security_context();
}

class BadContainerConfig : public PodTest, public ::testing::WithParamInterface<BadContainer> {};

TEST_P(BadContainerConfig, IsRefusedNamingFieldAndValue) {
  v1::PodSandboxConfig pod_config = PodConfig();
  v1::CreateContainerRequest request;
  request.set_pod_sandbox_id(RunPod(pod_config));
  RemoveContainer(Create(request.pod_sandbox_id(), pod_config, IdleConfig()));  // so that the image is there
  *request.mutable_config() = IdleConfig();
  *request.mutable_sandbox_config() = pod_config;
  GetParam().spoil(request);

  EXPECT_THAT(cri().Ask(&RuntimeStub::CreateContainer, request),
              FailsWith(GetParam().code, GetParam().named));
  EXPECT_TRUE(ListContainers().empty());
}

const BadContainer kBadContainers[] = {
    {"NoMetadata", [](auto& r) { r.mutable_config()->clear_metadata(); }, kInvalid, "metadata"},
    {"NoName", [](auto& r) { r.mutable_config()->mutable_metadata()->clear_name(); }, kInvalid, "name"},
    {"UnknownPod", [](auto& r) { r.set_pod_sandbox_id("nobody"); }, kNotFound, "nobody"},
    {"NoPod", [](auto& r) { r.clear_pod_sandbox_id(); }, kInvalid, "pod_sandbox_id"},
    {"UnknownImage",
     [](auto& r) { r.mutable_config()->mutable_image()->set_image("registry.test/nothing:1"); }, kNotFound,
     "registry.test/nothing"},
    {"ImageThatIsAFile",  // a checkpoint, to runtimes that restore from one here
     [](auto& r) { r.mutable_config()->mutable_image()->set_image("/var/lib/checkpoint.tar"); }, kNotFound,
     "/var/lib/checkpoint.tar"},
    {"NoImage", [](auto& r) { r.mutable_config()->clear_image(); }, kInvalid, "image"},
    {"LogPathThatLeavesTheDirectory", [](auto& r) { r.mutable_config()->set_log_path("../../outside.log"); },
     kInvalid, "../../outside.log"},
    {"AbsoluteLogPath", [](auto& r) { r.mutable_config()->set_log_path("/tmp/outside.log"); }, kInvalid,
     "/tmp/outside.log"},
    {"RelativeMountTarget",
     [](auto& r) {
       r.mutable_config()->add_mounts()->set_host_path("/tmp");
       r.mutable_config()->mutable_mounts(0)->set_container_path("relative/path");
     },
     kInvalid, "relative/path"},
    {"UnknownCapability", [](auto& r) { Security(r).mutable_capabilities()->add_add_capabilities("FLY"); },
     kInvalid, "FLY"},
    {"GroupWithoutUser", [](auto& r) { Security(r).mutable_run_as_group()->set_value(7); }, kInvalid,
     "run_as_group"},
    {"UserIdOutOfRange", [](auto& r) { Security(r).mutable_run_as_user()->set_value(-7); }, kInvalid, "-7"},
    {"UnknownSeccompType",
     [](auto& r) {
       Security(r).mutable_seccomp()->set_profile_type(static_cast<v1::SecurityProfile_ProfileType>(42));
     },
     kInvalid, "42"},
    {"LocalhostSeccompWithoutAPath",
     [](auto& r) { Security(r).mutable_seccomp()->set_profile_type(v1::SecurityProfile::Localhost); },
     kInvalid, "localhost_ref"},
    {"EnvironmentWithoutAKey", [](auto& r) { r.mutable_config()->add_envs()->set_value("value"); }, kInvalid,
     "env"},
    {"UnknownTarget",
     [](auto& r) {
       Security(r).mutable_namespace_options()->set_pid(v1::TARGET);
       Security(r).mutable_namespace_options()->set_target_id("nobody");
     },
     kNotFound, "nobody"},
};

INSTANTIATE_TEST_SUITE_P(Cases, BadContainerConfig, ::testing::ValuesIn(kBadContainers),
                         [](const auto& test) { return std::string(test.param.name); });

// --- Ids and states ---

class BadRequest : public PodTest {};

TEST_F(BadRequest, UnknownIdsAreNotFound) {
  const std::string unknown(64, 'e');
  v1::PodSandboxStatusRequest pod_status;
  pod_status.set_pod_sandbox_id(unknown);
  EXPECT_THAT(cri().Ask(&RuntimeStub::PodSandboxStatus, pod_status), FailsWith(kNotFound, unknown));
  v1::ContainerStatusRequest container_status;
  container_status.set_container_id(unknown);
  EXPECT_THAT(cri().Ask(&RuntimeStub::ContainerStatus, container_status), FailsWith(kNotFound, unknown));
  v1::StartContainerRequest start;
  start.set_container_id(unknown);
  EXPECT_THAT(cri().Ask(&RuntimeStub::StartContainer, start), FailsWith(kNotFound, unknown));
  v1::ExecSyncRequest exec;
  exec.set_container_id(unknown);
  exec.add_cmd("true");
  EXPECT_THAT(cri().Ask(&RuntimeStub::ExecSync, exec), FailsWith(kNotFound, unknown));
}

TEST_F(BadRequest, StoppingOrRemovingWhatIsNotThereSucceeds) {
  const std::string unknown(64, 'e');
  StopContainer(unknown, 0);
  RemoveContainer(unknown);
  StopPod(unknown);
  RemovePod(unknown);
}

TEST_F(BadRequest, AnUnknownImageHasAnEmptyStatusAndIsRemovedAlready) {
  v1::ImageStatusRequest status;
  status.mutable_image()->set_image("registry.test/nothing:1");
  EXPECT_FALSE(Must(cri().Ask(&ImageStub::ImageStatus, status)).has_image());
  v1::RemoveImageRequest remove;
  remove.mutable_image()->set_image("registry.test/nothing:1");
  EXPECT_THAT(cri().Ask(&ImageStub::RemoveImage, remove), Succeeds());
}

TEST_F(BadRequest, AStoppedPodTakesNoContainers) {
  v1::PodSandboxConfig pod_config = PodConfig();
  v1::CreateContainerRequest request;
  request.set_pod_sandbox_id(RunPod(pod_config));
  *request.mutable_config() = IdleConfig();
  *request.mutable_sandbox_config() = pod_config;
  StopPod(request.pod_sandbox_id());

  EXPECT_THAT(cri().Ask(&RuntimeStub::CreateContainer, request),
              FailsWith(kPrecondition, request.pod_sandbox_id()));
}

TEST_F(BadRequest, AContainerStartsOnce) {
  v1::StartContainerRequest request;
  request.set_container_id(RunIdle());

  EXPECT_THAT(cri().Ask(&RuntimeStub::StartContainer, request),
              FailsWith(kPrecondition, request.container_id()));
}

TEST_F(BadRequest, AContainerThatDoesNotRunTakesNoCommands) {
  v1::PodSandboxConfig pod_config = PodConfig();
  v1::ExecSyncRequest request;
  request.set_container_id(Create(RunPod(pod_config), pod_config, IdleConfig()));
  request.add_cmd("true");

  EXPECT_THAT(cri().Ask(&RuntimeStub::ExecSync, request), FailsWith(kPrecondition, request.container_id()));
}

TEST_F(BadRequest, AnExecWithoutACommandIsRefused) {
  v1::ExecSyncRequest request;
  request.set_container_id(RunIdle());

  EXPECT_THAT(cri().Ask(&RuntimeStub::ExecSync, request), FailsWith(kInvalid, "cmd"));
}

TEST_F(BadRequest, ABadImageNameIsRefused) {
  v1::PullImageRequest request;
  for (const char* name :
       {"UPPER/Case:!", "/etc/passwd", "./image.tar", "file:///image.tar", "oci:/layout"}) {
    request.mutable_image()->set_image(name);
    EXPECT_THAT(cri().Ask(&ImageStub::PullImage, request), FailsWith(kInvalid, name));
  }
}

TEST_F(BadRequest, PrivilegedContainersIgnoreTheirSeccompProfile) {
  std::string container = RunIdle([](v1::PodSandboxConfig& pod, v1::ContainerConfig& config) {
    pod.mutable_linux()->mutable_security_context()->set_privileged(true);
    auto& security = *config.mutable_linux()->mutable_security_context();
    security.set_privileged(true);
    security.mutable_seccomp()->set_profile_type(v1::SecurityProfile::Localhost);
    security.mutable_seccomp()->set_localhost_ref("/nowhere/profile.json");
  });

  EXPECT_EQ(Shell(container, "grep ^Seccomp: /proc/self/status | tr -d '\\t '"), "Seccomp:0");
}

}  // namespace
}  // namespace davit::e2e
