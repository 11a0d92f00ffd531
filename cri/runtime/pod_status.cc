// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/pod_status.h"

#include <algorithm>
#include <functional>

#include "cri/pods/resources.h"
#include "cri/spec/stop_signal.h"
#include "images/reference.h"

namespace davit::cri {

namespace v1 = ::runtime::v1;

namespace {

void FillAddresses(const SandboxRecord& record, v1::PodSandboxNetworkStatus& network) {
  for (const std::string& address : record.addresses) {
    if (network.ip().empty())
      network.set_ip(address);
    else
      network.add_additional_ips()->set_ip(address);
  }
}

void FillUser(const ContainerRecord& record, v1::ContainerStatus& status) {
  if (record.pid == 0) return;  // the user is looked up inside, when it starts
  v1::LinuxContainerUser& user = *status.mutable_user()->mutable_linux();
  user.set_uid(record.uid);
  user.set_gid(record.gid);
  for (uint32_t group : record.groups) user.add_supplemental_groups(group);
}

// The kubelet asks for an image by its id and says beside it what the pod's author wrote, which is what
// people want to read of a container.
v1::ImageSpec ImageForPeople(const v1::ContainerConfig& config) {
  v1::ImageSpec image = config.image();
  if (Result<images::Reference> written = images::ParseReference(image.user_specified_image()))
    image.set_image(written->Normalised());
  return image;
}

// The kubelet reports the images that volumes are (KEP-5365).
void NameImageVolumes(const ContainerRecord& record, v1::ContainerStatus& status) {
  auto volume = record.image_volumes.begin();
  for (v1::Mount& mount : *status.mutable_mounts()) {
    if (mount.has_image() && volume != record.image_volumes.end())
      mount.mutable_image()->set_image_ref((volume++)->image_ref);
  }
}

}  // namespace

v1::PodSandboxState StateOf(const SandboxRecord& record) {
  return phases::IsReady(record) ? v1::SANDBOX_READY : v1::SANDBOX_NOTREADY;
}

v1::ContainerState StateOf(const ContainerRecord& record) {
  if (phases::HasEnded(record)) return v1::CONTAINER_EXITED;
  if (!phases::IsRunning(record)) return v1::CONTAINER_CREATED;
  return record.lost ? v1::CONTAINER_UNKNOWN : v1::CONTAINER_RUNNING;
}

v1::PodSandboxStatus StatusOf(const Sandbox& sandbox) {
  SandboxRecord record = sandbox.record().Get();
  const v1::PodSandboxConfig& config = sandbox.config();
  v1::PodSandboxStatus status;
  status.set_id(record.id);
  *status.mutable_metadata() = config.metadata();
  status.set_state(StateOf(record));
  status.set_created_at(record.created_at);
  if (!record.addresses.empty()) FillAddresses(record, *status.mutable_network());
  *status.mutable_linux()->mutable_namespaces()->mutable_options() =
      config.linux().security_context().namespace_options();
  *status.mutable_labels() = config.labels();
  *status.mutable_annotations() = config.annotations();
  status.set_runtime_handler(record.runtime_handler);
  return status;
}

v1::ContainerStatus StatusOf(const Container& container) {
  ContainerRecord record = container.record().Get();
  const v1::ContainerConfig& config = container.config();
  v1::ContainerStatus status;
  status.set_id(record.id);
  *status.mutable_metadata() = config.metadata();
  status.set_state(StateOf(record));
  status.set_created_at(record.created_at);
  status.set_started_at(record.started_at);
  status.set_finished_at(record.finished_at);
  status.set_exit_code(record.exit_code);
  *status.mutable_image() = ImageForPeople(config);
  status.set_image_ref(record.image_ref);
  status.set_image_id(record.image_id);
  status.set_reason(record.reason);
  status.set_message(record.message);
  *status.mutable_labels() = config.labels();
  *status.mutable_annotations() = config.annotations();
  *status.mutable_mounts() = config.mounts();
  NameImageVolumes(record, status);
  status.set_log_path(record.log_path);
  *status.mutable_resources()->mutable_linux() = RecordedResources(config, record);
  status.set_stop_signal(SignalToCri(record.stop_signal));
  FillUser(record, status);
  return status;
}

std::vector<v1::ContainerStatus> StatusesOfContainers(const PodTable& pods, const Sandbox& sandbox) {
  std::vector<v1::ContainerStatus> statuses;
  for (const ContainerPtr& container : pods.ContainersOf(sandbox.id()))
    statuses.push_back(StatusOf(*container));
  std::ranges::sort(statuses, std::ranges::greater(), &v1::ContainerStatus::created_at);
  return statuses;
}

v1::PodSandbox SummaryOf(const Sandbox& sandbox, const SandboxRecord& record) {
  const v1::PodSandboxConfig& config = sandbox.config();
  v1::PodSandbox summary;
  summary.set_id(record.id);
  *summary.mutable_metadata() = config.metadata();
  summary.set_state(StateOf(record));
  summary.set_created_at(record.created_at);
  *summary.mutable_labels() = config.labels();
  *summary.mutable_annotations() = config.annotations();
  summary.set_runtime_handler(record.runtime_handler);
  return summary;
}

v1::Container SummaryOf(const Container& container, const ContainerRecord& record) {
  const v1::ContainerConfig& config = container.config();
  v1::Container summary;
  summary.set_id(record.id);
  summary.set_pod_sandbox_id(record.sandbox_id);
  *summary.mutable_metadata() = config.metadata();
  *summary.mutable_image() = config.image();
  summary.set_image_ref(record.image_ref);
  summary.set_image_id(record.image_id);
  summary.set_state(StateOf(record));
  summary.set_created_at(record.created_at);
  *summary.mutable_labels() = config.labels();
  *summary.mutable_annotations() = config.annotations();
  return summary;
}

v1::LinuxContainerResources ResourcesOf(const Container& container) {
  return container.record().Read(
      [&container](const ContainerRecord& r) { return RecordedResources(container.config(), r); });
}

}  // namespace davit::cri
