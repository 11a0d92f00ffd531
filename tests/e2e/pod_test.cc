// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "tests/e2e/pod_test.h"

#include <sys/utsname.h>

#include <atomic>
#include <thread>

#include "base/file_io.h"
#include "tests/e2e/log_file.h"

namespace davit::e2e {
namespace {

constexpr auto kPatience = std::chrono::seconds(30);
constexpr auto kLook = std::chrono::milliseconds(10);

std::shared_ptr<Instance> shared_instance;

// Ends the shared instance with the program, and reports what it has left behind as a failure of the program.
class SharedInstanceEnd : public ::testing::Environment {
 public:
  void TearDown() override {
    if (!shared_instance) return;
    EXPECT_EQ(shared_instance->Stop(), "");
    shared_instance.reset();
  }
};

[[maybe_unused]] ::testing::Environment* const shared_instance_end =
    ::testing::AddGlobalTestEnvironment(new SharedInstanceEnd);

std::shared_ptr<Instance> SharedInstance() {
  static bool tried = false;
  if (!shared_instance && tried)
    throw std::runtime_error("the shared davitd did not start (see the first test)");
  tried = true;
  if (!shared_instance) shared_instance = std::make_shared<Instance>();
  return shared_instance;
}

std::string UniqueSuffix() {
  static std::atomic<int> count = 0;
  return std::to_string(getpid()) + "-" + std::to_string(++count);
}

}  // namespace

void AddUserNamespace(v1::PodSandboxConfig& pod) {
  v1::UserNamespace& user =
      *pod.mutable_linux()->mutable_security_context()->mutable_namespace_options()->mutable_userns_options();
  user.set_mode(v1::POD);
  MapIds(*user.mutable_uids());
  MapIds(*user.mutable_gids());
}

void MapIds(google::protobuf::RepeatedPtrField<v1::IDMapping>& mappings) {
  v1::IDMapping& mapping = *mappings.Add();
  mapping.set_host_id(kFirstMappedId);
  mapping.set_length(65536);
}

bool KernelMapsLayers() {
  utsname kernel{};
  int major = 0;
  int minor = 0;
  return uname(&kernel) == 0 && sscanf(kernel.release, "%d.%d", &major, &minor) == 2 &&
         std::pair(major, minor) >= std::pair(6, 13);
}

void WaitUntil(const std::string& what, const std::function<bool()>& condition) {
  for (auto end = std::chrono::steady_clock::now() + kPatience; !condition();
       std::this_thread::sleep_for(kLook)) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("waited in vain: " + what);
  }
}

PodTest::PodTest() : PodTest(SharedInstance()) {}

PodTest::PodTest(std::shared_ptr<Instance> instance)
    : instance_(std::move(instance)), cri_(std::make_unique<CriClient>(instance_->socket())) {}

void PodTest::TearDown() {
  cri_ = NewClient();
  for (const v1::PodSandbox& pod : ListPods()) {
    v1::RemovePodSandboxRequest request;
    request.set_pod_sandbox_id(pod.id());
    EXPECT_THAT(cri().Ask(&RuntimeStub::RemovePodSandbox, request), Succeeds());
  }
  if (HasFailure()) std::cerr << "log of davitd: " << instance_->directory() << "/log\n";
}

v1::PodSandboxConfig PodTest::PodConfig(const std::string& name) {
  std::string unique = name + "-" + UniqueSuffix();
  v1::PodSandboxConfig config;
  config.mutable_metadata()->set_name(unique);
  config.mutable_metadata()->set_uid("uid-" + unique);
  config.mutable_metadata()->set_namespace_("e2e");
  config.set_hostname(name);
  config.set_log_directory(instance_->directory() + "/logs/" + unique);
  config.mutable_linux();
  return config;
}

v1::ContainerConfig PodTest::ContainerConfig(const std::vector<std::string>& command, const std::string& name,
                                             const std::string& image) {
  v1::ContainerConfig config;
  config.mutable_metadata()->set_name(name);
  config.mutable_image()->set_image(image);
  config.mutable_command()->Assign(command.begin(), command.end());
  config.set_log_path(name + ".log");
  config.mutable_linux();
  return config;
}

v1::ContainerConfig PodTest::ShellConfig(const std::string& script, const std::string& name) {
  return ContainerConfig({"sh", "-c", script}, name);
}

v1::ContainerConfig PodTest::IdleConfig(const std::string& name) {
  // PID 1 has no default action for SIGTERM, so the shell has to ask for it.
  return ShellConfig("trap 'exit 0' TERM; while true; do sleep 1000 & wait; done", name);
}

std::string PodTest::RunPod(const v1::PodSandboxConfig& config) {
  v1::RunPodSandboxRequest request;
  *request.mutable_config() = config;
  return Must(cri().Ask(&RuntimeStub::RunPodSandbox, request)).pod_sandbox_id();
}

Answer<v1::CreateContainerResponse> PodTest::TryCreate(const std::string& pod,
                                                       const v1::PodSandboxConfig& pod_config,
                                                       const v1::ContainerConfig& config) {
  v1::ImageStatusRequest image;
  image.mutable_image()->set_image(config.image().image());
  if (!Must(cri().Ask(&ImageStub::ImageStatus, image)).has_image()) {
    v1::PullImageRequest pull;
    *pull.mutable_image() = config.image();
    Must(cri().Ask(&ImageStub::PullImage, pull));
  }
  v1::CreateContainerRequest request;
  request.set_pod_sandbox_id(pod);
  *request.mutable_config() = config;
  *request.mutable_sandbox_config() = pod_config;
  return cri().Ask(&RuntimeStub::CreateContainer, request);
}

std::string PodTest::Create(const std::string& pod, const v1::PodSandboxConfig& pod_config,
                            const v1::ContainerConfig& config) {
  return Must(TryCreate(pod, pod_config, config)).container_id();
}

void PodTest::Start(const std::string& container) {
  v1::StartContainerRequest request;
  request.set_container_id(container);
  Must(cri().Ask(&RuntimeStub::StartContainer, request));
}

std::string PodTest::CreateAndStart(const std::string& pod, const v1::PodSandboxConfig& pod_config,
                                    const v1::ContainerConfig& config) {
  std::string container = Create(pod, pod_config, config);
  Start(container);
  return container;
}

std::string PodTest::RunIdle(const std::function<void(v1::PodSandboxConfig&, v1::ContainerConfig&)>& change) {
  v1::PodSandboxConfig pod_config = PodConfig();
  v1::ContainerConfig config = IdleConfig();
  if (change) change(pod_config, config);
  return CreateAndStart(RunPod(pod_config), pod_config, config);
}

void PodTest::StopContainer(const std::string& container, int64_t timeout_seconds) {
  v1::StopContainerRequest request;
  request.set_container_id(container);
  request.set_timeout(timeout_seconds);
  Must(cri().Ask(&RuntimeStub::StopContainer, request));
}

void PodTest::RemoveContainer(const std::string& container) {
  v1::RemoveContainerRequest request;
  request.set_container_id(container);
  Must(cri().Ask(&RuntimeStub::RemoveContainer, request));
}

void PodTest::StopPod(const std::string& pod) {
  v1::StopPodSandboxRequest request;
  request.set_pod_sandbox_id(pod);
  Must(cri().Ask(&RuntimeStub::StopPodSandbox, request));
}

void PodTest::RemovePod(const std::string& pod) {
  v1::RemovePodSandboxRequest request;
  request.set_pod_sandbox_id(pod);
  Must(cri().Ask(&RuntimeStub::RemovePodSandbox, request));
}

std::vector<v1::PodSandbox> PodTest::ListPods(const v1::PodSandboxFilter& filter) {
  v1::ListPodSandboxRequest request;
  *request.mutable_filter() = filter;
  v1::ListPodSandboxResponse response = Must(cri().Ask(&RuntimeStub::ListPodSandbox, request));
  return {response.items().begin(), response.items().end()};
}

std::vector<v1::Container> PodTest::ListContainers(const v1::ContainerFilter& filter) {
  v1::ListContainersRequest request;
  *request.mutable_filter() = filter;
  v1::ListContainersResponse response = Must(cri().Ask(&RuntimeStub::ListContainers, request));
  return {response.containers().begin(), response.containers().end()};
}

v1::ContainerStatus PodTest::StatusOf(const std::string& container) {
  v1::ContainerStatusRequest request;
  request.set_container_id(container);
  return Must(cri().Ask(&RuntimeStub::ContainerStatus, request)).status();
}

v1::PodSandboxStatus PodTest::PodStatusOf(const std::string& pod) {
  v1::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(pod);
  return Must(cri().Ask(&RuntimeStub::PodSandboxStatus, request)).status();
}

v1::ContainerStatus PodTest::WaitForExit(const std::string& container) {
  v1::ContainerStatus status;
  WaitUntil("container " + container + " exits", [&] {
    status = StatusOf(container);
    return status.state() == v1::CONTAINER_EXITED;
  });
  return status;
}

v1::ContainerStatus PodTest::RunToEnd(const v1::ContainerConfig& config,
                                      const std::function<void(v1::PodSandboxConfig&)>& change_pod) {
  v1::PodSandboxConfig pod_config = PodConfig();
  if (change_pod) change_pod(pod_config);
  return WaitForExit(CreateAndStart(RunPod(pod_config), pod_config, config));
}

ExecOutcome PodTest::Exec(const std::string& container, const std::vector<std::string>& command,
                          int64_t timeout_seconds) {
  v1::ExecSyncRequest request;
  request.set_container_id(container);
  request.mutable_cmd()->Assign(command.begin(), command.end());
  request.set_timeout(timeout_seconds);
  v1::ExecSyncResponse response = Must(cri().Ask(&RuntimeStub::ExecSync, request));
  return {.exit_code = response.exit_code(), .out = response.stdout(), .err = response.stderr()};
}

std::string PodTest::Shell(const std::string& container, const std::string& script) {
  ExecOutcome outcome = Exec(container, {"sh", "-c", script});
  if (outcome.exit_code != 0) {
    throw std::runtime_error("'" + script + "' ended with " + std::to_string(outcome.exit_code) + ": " +
                             outcome.err);
  }
  if (outcome.out.ends_with('\n')) outcome.out.pop_back();
  return outcome.out;
}

std::string PodTest::Fetch(const std::string& container, const std::string& url) {
  // Not by wget's own -T: Debian's busybox crashes on that.
  return Exec(container, {"timeout", "2", "wget", "-q", "-O", "-", url}).out;
}

void PodTest::WaitForOutput(const std::string& container, const std::string& text) {
  WaitUntil("container " + container + " says " + text,
            [&] { return LogOf(container).find(text) != std::string::npos; });
}

std::string PodTest::LogOf(const std::string& container) {
  std::string text;
  for (const LogLine& line : ReadLog(StatusOf(container).log_path())) {
    text += line.content;
    if (!line.partial) text += '\n';
  }
  return text;
}

OwnInstanceTest::OwnInstanceTest() : PodTest(std::make_shared<Instance>()) {}

void OwnInstanceTest::TearDown() {
  PodTest::TearDown();
  Disconnect();
  EXPECT_EQ(instance().Stop(), "");
}

}  // namespace davit::e2e
