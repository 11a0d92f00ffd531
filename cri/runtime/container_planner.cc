// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/container_planner.h"

#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/ids.h"
#include "base/time.h"
#include "cri/host/cgroup/resources.h"
#include "cri/pods/names.h"
#include "cri/runtime/log_file.h"
#include "cri/spec/container_plan.h"
#include "cri/spec/stop_signal.h"
#include "images/image_config.h"

namespace davit::cri {

namespace v1 = ::runtime::v1;

std::string ImageRefOf(const images::ImageRecord& image) {
  return image.repo_digests.empty() ? image.id : image.repo_digests.front();
}

Result<ContainerRecord> ContainerPlanner::Plan(const Sandbox& sandbox, const v1::ContainerConfig& config,
                                               const images::ImageRecord& image) const {
  SandboxRecord pod = sandbox.record().Get();
  ContainerRecord record;
  record.id = TRY(NewId());
  record.sandbox_id = sandbox.id();
  record.image_id = image.id;
  record.image_ref = ImageRefOf(image);
  record.chain_ids = image.chain_ids;
  record.created_at = UnixNanoseconds();
  record.log_path = TRY(ResolveLogPath(sandbox.config().log_directory(), config.log_path()));
  record.cgroup_path = pod.cgroup_parent + "/" + record.id;

  images::ImageConfig image_config = TRY(images::ParseImageConfig(image.config_json));
  record.stop_signal = TRY(StopSignalOf(config.stop_signal(), image_config.stop_signal));
  TRY(ResourcesFromCri(config.linux().resources()));
  std::vector<cdi::Edits> devices = TRY(CdiEditsOf(config));
  ContainerInputs inputs{sandbox.config(), config,    image_config,      ports_.files.FilesOf(sandbox.id()),
                         ports_.facts,     record.id, pod.selinux_level, std::move(devices)};
  shim::ContainerPlan plan = TRY(BuildContainerPlan(inputs));
  if (plan.pid == shim::NamespaceUse::kTarget) TRY(TargetOf(sandbox, config));
  TRY(ports_.confinement.Provide(config, plan));
  record.plan = Encode(plan);
  return record;
}

Result<std::vector<cdi::Edits>> ContainerPlanner::CdiEditsOf(const v1::ContainerConfig& config) const {
  std::vector<std::string> devices;
  for (const v1::CDIDevice& device : config.cdi_devices()) devices.push_back(device.name());
  return ports_.cdi.Resolve(devices);
}

Result<ContainerPtr> ContainerPlanner::TargetOf(const Sandbox& sandbox,
                                                const v1::ContainerConfig& config) const {
  const std::string& id = config.linux().security_context().namespace_options().target_id();
  ContainerPtr target = TRY(ports_.pods.FindContainer(id));
  if (target->sandbox().id() != sandbox.id()) {
    return Fail(Code::kInvalidArgument, "validate", "namespace_options.target_id",
                id + " is in another sandbox");
  }
  return target;
}

}  // namespace davit::cri
