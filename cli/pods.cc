// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/pods.h"

#include <unistd.h>

#include <filesystem>
#include <vector>

#include "cli/run_config.h"

namespace davit::cli {
namespace {

// The logs of containers of `davit run`. Those of other clients are theirs to remove.
Result<std::vector<std::string>> OwnLogs(const Session& session, const std::string& pod_id) {
  v1::ListContainersRequest list;
  list.mutable_filter()->set_pod_sandbox_id(pod_id);
  auto containers = TRY(session.daemon.Call(&RuntimeStub::ListContainers, list, CallMode::kShielded));
  std::vector<std::string> paths;
  for (const v1::Container& container : containers.containers()) {
    if (!container.labels().contains(kRunLabel)) continue;
    v1::ContainerStatusRequest request;
    request.set_container_id(container.id());
    auto response = TRY(session.daemon.Call(&RuntimeStub::ContainerStatus, request, CallMode::kShielded));
    if (!response.status().log_path().empty()) paths.push_back(response.status().log_path());
  }
  return paths;
}

Result<> RemoveLogs(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (unlink(path.c_str()) < 0 && errno != ENOENT) return SystemError("unlink", path);
    // The directory was made for this pod; if somebody keeps more there, it stays.
    std::string directory = std::filesystem::path(path).parent_path().string();
    if (rmdir(directory.c_str()) < 0 && errno != ENOENT && errno != ENOTEMPTY)
      return SystemError("rmdir", directory);
  }
  return {};
}

}  // namespace

Result<> StopContainer(const Session& session, const std::string& container_id, int64_t grace_seconds) {
  v1::StopContainerRequest request;
  request.set_container_id(container_id);
  request.set_timeout(grace_seconds);
  TRY(session.daemon.Call(&RuntimeStub::StopContainer, request, CallMode::kShielded));
  return {};
}

Result<> StopPod(const Session& session, const std::string& pod_id) {
  v1::StopPodSandboxRequest request;
  request.set_pod_sandbox_id(pod_id);
  TRY(session.daemon.Call(&RuntimeStub::StopPodSandbox, request, CallMode::kShielded));
  return {};
}

Result<> RemovePod(const Session& session, const std::string& pod_id) {
  std::vector<std::string> logs = TRY(OwnLogs(session, pod_id));
  TRY(StopPod(session, pod_id));
  v1::RemovePodSandboxRequest request;
  request.set_pod_sandbox_id(pod_id);
  TRY(session.daemon.Call(&RuntimeStub::RemovePodSandbox, request, CallMode::kShielded));
  return RemoveLogs(logs);
}

}  // namespace davit::cli
