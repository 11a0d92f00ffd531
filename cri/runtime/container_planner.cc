// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/container_planner.h"

#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/ids.h"
#include "cri/host/cgroup/resources.h"
#include "cri/pods/names.h"
#include "cri/runtime/log_file.h"
#include "cri/spec/container_plan.h"
#include "cri/spec/stop_signal.h"
#include "images/image_config.h"
#include "images/reference.h"

namespace davit::cri {

namespace v1 = ::runtime::v1;

std::string ImageRefOf(const images::ImageRecord& image, const v1::ImageSpec& asked) {
  if (image.repo_digests.empty()) return image.id;
  const std::string& name =
      asked.user_specified_image().empty() ? asked.image() : asked.user_specified_image();
  if (auto reference = images::ParseReference(name)) {
    std::string prefix = reference->Name() + "@";
    auto same = std::ranges::find_if(
        image.repo_digests, [&prefix](const std::string& digest) { return digest.starts_with(prefix); });
    if (same != image.repo_digests.end()) return *same;
  }
  return image.repo_digests.front();
}

Result<ContainerRecord> ContainerPlanner::Plan(const Sandbox& sandbox, const v1::ContainerConfig& config,
                                               const images::ImageRecord& image,
                                               const ContainerExtras& extras) const {
  SandboxRecord pod = sandbox.record().Get();
  ContainerRecord record = phases::NewContainer(TRY(NewId()), sandbox.id(), ports_.clock.UnixNanoseconds());
  record.image_id = image.id;
  record.image_ref = ImageRefOf(image, config.image());
  record.chain_ids = image.chain_ids;
  record.log_path = TRY(ResolveLogPath(sandbox.config().log_directory(), config.log_path()));
  record.cgroup_path = ports_.placement.Container(pod.cgroup_parent, record.id);

  images::ImageConfig image_config = TRY(images::ParseImageConfig(image.config_json));
  record.stop_signal = TRY(StopSignalOf(config.stop_signal(), image_config.stop_signal));
  TRY(ResourcesFromCri(config.linux().resources()));
  std::vector<cdi::Edits> devices = TRY(CdiEditsOf(config));
  ContainerInputs inputs{sandbox.config(),
                         config,
                         image_config,
                         ports_.files.FilesOf(sandbox.id()),
                         ports_.facts,
                         record.id,
                         pod.selinux_level,
                         std::move(devices),
                         extras.required_sources,
                         extras.tmpfs,
                         extras.groups,
                         extras.rlimits};
  shim::ContainerPlan plan = TRY(BuildContainerPlan(inputs));
  if (plan.pid == shim::NamespaceUse::kTarget) TRY(TargetOf(sandbox, config));
  TRY(ports_.confinement.Provide(config, plan.process));
  record.plan = Encode(plan);
  return record;
}

// Any files and any level do: they are the pod's, and what the client says about them is checked all the
// same.
Result<> ContainerPlanner::Check(const v1::PodSandboxConfig& pod, const v1::ContainerConfig& config,
                                 const images::ImageRecord& image, const ContainerExtras& extras) const {
  TRY(ResolveLogPath(pod.log_directory(), config.log_path()));
  images::ImageConfig image_config = TRY(images::ParseImageConfig(image.config_json));
  TRY(StopSignalOf(config.stop_signal(), image_config.stop_signal));
  TRY(ResourcesFromCri(config.linux().resources()));
  std::vector<cdi::Edits> devices = TRY(CdiEditsOf(config));
  ContainerInputs inputs{pod,
                         config,
                         image_config,
                         ports_.files.FilesOf(""),
                         ports_.facts,
                         "",
                         "",
                         std::move(devices),
                         {},
                         extras.tmpfs,
                         extras.groups,
                         extras.rlimits};
  TRY(BuildContainerPlan(inputs));
  return {};
}

Result<std::vector<cdi::Edits>> ContainerPlanner::CdiEditsOf(const v1::ContainerConfig& config) const {
  std::vector<std::string> devices;
  for (const v1::CDIDevice& device : config.cdi_devices()) devices.push_back(device.name());
  return ports_.cdi.Resolve(devices);
}

Result<ContainerPtr> ContainerPlanner::TargetOf(const Sandbox& sandbox,
                                                const v1::ContainerConfig& config) const {
  const std::string& id = config.linux().security_context().namespace_options().target_id();
  ContainerPtr target = TRY(ports_.pods.FindContainer(id, sandbox.owner()));
  if (target->sandbox().id() != sandbox.id()) {
    return Fail(Code::kInvalidArgument, "validate", "namespace_options.target_id",
                id + " is in another sandbox");
  }
  return target;
}

}  // namespace davit::cri
