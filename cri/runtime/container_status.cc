// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <nlohmann/json.hpp>

#include "base/codec.h"
#include "cri/runtime/labels.h"
#include "cri/runtime/message_json.h"
#include "cri/runtime/runtime.h"
#include "cri/spec/oci_spec.h"
#include "cri/spec/sandbox_plan.h"
#include "cri/spec/stop_signal.h"
#include "images/reference.h"

namespace davit {
namespace {

v1::ContainerState StateOf(const ContainerRecord& record) {
  switch (record.phase) {
    case ContainerPhase::kCreated:
    case ContainerPhase::kStarting:
      return v1::CONTAINER_CREATED;
    case ContainerPhase::kRunning:
      return record.lost ? v1::CONTAINER_UNKNOWN : v1::CONTAINER_RUNNING;
    case ContainerPhase::kExited:
    case ContainerPhase::kRemoving:
      return v1::CONTAINER_EXITED;
  }
  return v1::CONTAINER_UNKNOWN;
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
  if (Result<Reference> written = ParseReference(image.user_specified_image()))
    image.set_image(written->Normalised());
  return image;
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

// What the kubelet tells people of the images that volumes are (KEP-5365).
void NameImageVolumes(const ContainerRecord& record, v1::ContainerStatus& status) {
  auto volume = record.image_volumes.begin();
  for (v1::Mount& mount : *status.mutable_mounts()) {
    if (mount.has_image()) mount.mutable_image()->set_image_ref((volume++)->image_ref);
  }
}

}  // namespace

v1::ContainerStatus Runtime::StatusOf(const Container& container) const {
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
  *status.mutable_resources()->mutable_linux() = ResourcesOf(container);
  status.set_stop_signal(SignalToCri(record.stop_signal));
  FillUser(record, status);
  return status;
}

Result<v1::ContainerStatusResponse> Runtime::ContainerStatus(const v1::ContainerStatusRequest& request,
                                                             Call&) {
  ContainerPtr container = TRY(pods_.FindContainer(request.container_id()));
  v1::ContainerStatusResponse response;
  *response.mutable_status() = StatusOf(*container);
  if (request.verbose()) {
    ContainerRecord record = container->record().Get();
    SandboxPlan sandbox_plan = TRY(BuildSandboxPlan(container->sandbox().config(), record.sandbox_id));
    ContainerPlan plan = TRY(Decode<ContainerPlan>(record.plan, "plan of " + record.id));
    nlohmann::json info;
    info["sandboxID"] = record.sandbox_id;
    info["pid"] = record.pid;
    info["config"] = JsonOf(container->config());
    info["cgroupPath"] = record.cgroup_path;
    info["layers"] = record.chain_ids;
    info["runtimeSpec"] =
        nlohmann::json::parse(RenderOciSpec(sandbox_plan, plan, record.cgroup_path, ResourcesOf(*container)));
    (*response.mutable_info())["info"] =
        info.dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace);
  }
  return response;
}

Result<std::vector<v1::Container>> Runtime::ListContainers(const v1::ContainerFilter& filter) {
  std::vector<v1::Container> found;
  for (const ContainerPtr& container : pods_.Containers()) {
    ContainerRecord record = container->record().Get();
    if (!record.id.starts_with(filter.id()) || !record.sandbox_id.starts_with(filter.pod_sandbox_id()))
      continue;
    if (filter.has_state() && filter.state().state() != StateOf(record)) continue;
    if (!MatchesLabels(container->config().labels(), filter.label_selector())) continue;
    found.push_back(SummaryOf(*container, record));
  }
  return found;
}

}  // namespace davit
