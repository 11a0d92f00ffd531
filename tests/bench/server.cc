// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "tests/bench/server.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <stdexcept>

#include "base/unique_fd.h"

namespace davit::bench {
namespace {

namespace v1 = client::v1;
using client::ImageStub;
using client::RuntimeStub;

pid_t ListenerOf(const std::string& socket_path) {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
  ucred peer{};
  socklen_t length = sizeof peer;
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
    throw std::runtime_error("nobody listens on " + socket_path);
  }
  return peer.pid;
}

}  // namespace

Server::Server(std::string name, const std::string& socket, std::string scratch, std::string image)
    : name_(std::move(name)),
      scratch_(std::move(scratch)),
      image_(std::move(image)),
      pid_(ListenerOf(socket)),
      client_(socket) {}

void Server::PullImage() {
  v1::PullImageRequest request;
  request.mutable_image()->set_image(image_);
  Must(client_.Ask(&ImageStub::PullImage, request));
}

BenchPod Server::NewPod() {
  const std::string name =
      "bench-" + name_ + "-" + std::to_string(getpid()) + "-" + std::to_string(pods_made_++);
  BenchPod pod;
  pod.pod_config.mutable_metadata()->set_name(name);
  pod.pod_config.mutable_metadata()->set_uid(name);
  pod.pod_config.mutable_metadata()->set_namespace_("bench");
  pod.pod_config.set_hostname(name);
  pod.pod_config.set_log_directory(scratch_ + "/logs/" + name_ + "/" + name);
  // As the kubelet asks for unless a pod says otherwise; the CRI's own default is one PID namespace for the
  // pod.
  pod.pod_config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(
      v1::CONTAINER);
  pod.container_config.mutable_metadata()->set_name("main");
  pod.container_config.mutable_image()->set_image(image_);
  pod.container_config.set_log_path("main.log");
  v1::LinuxContainerSecurityContext* context =
      pod.container_config.mutable_linux()->mutable_security_context();
  context->mutable_seccomp()->set_profile_type(v1::SecurityProfile::RuntimeDefault);
  *context->mutable_namespace_options() = pod.pod_config.linux().security_context().namespace_options();
  return pod;
}

template <typename Stub, typename Request, typename Response>
Duration Server::Timed(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                       const Request& request, Response* response) {
  auto began = std::chrono::steady_clock::now();
  auto answer = client_.Ask(method, request);
  Duration took = std::chrono::steady_clock::now() - began;
  Response value = Must(std::move(answer));
  if (response != nullptr) *response = std::move(value);
  return took;
}

Duration Server::RunPod(BenchPod& pod) {
  v1::RunPodSandboxRequest request;
  *request.mutable_config() = pod.pod_config;
  v1::RunPodSandboxResponse response;
  Duration took = Timed(&RuntimeStub::RunPodSandbox, request, &response);
  pod.pod = response.pod_sandbox_id();
  return took;
}

Duration Server::Create(BenchPod& pod) {
  v1::CreateContainerRequest request;
  request.set_pod_sandbox_id(pod.pod);
  *request.mutable_config() = pod.container_config;
  *request.mutable_sandbox_config() = pod.pod_config;
  v1::CreateContainerResponse response;
  Duration took = Timed(&RuntimeStub::CreateContainer, request, &response);
  pod.container = response.container_id();
  return took;
}

Duration Server::Start(const BenchPod& pod) {
  v1::StartContainerRequest request;
  request.set_container_id(pod.container);
  return Timed(&RuntimeStub::StartContainer, request);
}

Duration Server::ExecTrue(const BenchPod& pod) {
  v1::ExecSyncRequest request;
  request.set_container_id(pod.container);
  request.add_cmd("/bin/true");
  request.set_timeout(10);
  v1::ExecSyncResponse response;
  Duration took = Timed(&RuntimeStub::ExecSync, request, &response);
  if (response.exit_code() != 0) throw std::runtime_error("/bin/true failed: " + response.stderr());
  return took;
}

std::string Server::ExecUrl(const BenchPod& pod, const std::vector<std::string>& command) {
  v1::ExecRequest request;
  request.set_container_id(pod.container);
  request.mutable_cmd()->Assign(command.begin(), command.end());
  request.set_stdout(true);
  return client::Must(client_.Ask(&RuntimeStub::Exec, request)).url();
}

Duration Server::StopContainer(const BenchPod& pod) {
  v1::StopContainerRequest request;
  request.set_container_id(pod.container);
  return Timed(&RuntimeStub::StopContainer, request);
}

Duration Server::RemoveContainer(const BenchPod& pod) {
  v1::RemoveContainerRequest request;
  request.set_container_id(pod.container);
  return Timed(&RuntimeStub::RemoveContainer, request);
}

Duration Server::StopPod(const BenchPod& pod) {
  v1::StopPodSandboxRequest request;
  request.set_pod_sandbox_id(pod.pod);
  return Timed(&RuntimeStub::StopPodSandbox, request);
}

Duration Server::RemovePod(const BenchPod& pod) {
  v1::RemovePodSandboxRequest request;
  request.set_pod_sandbox_id(pod.pod);
  return Timed(&RuntimeStub::RemovePodSandbox, request);
}

}  // namespace davit::bench
