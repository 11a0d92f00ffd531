// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a container is made of besides the request and the image.

#include "base/duplicate.h"
#include "base/file_io.h"
#include "cri/runtime/runtime.h"
#include "cri/spec/profiles.h"

namespace davit {
namespace {
constexpr size_t kMaxProfileBytes = 4 << 20;
}

Result<UniqueFd> Runtime::SeccompFilterOf(const v1::ContainerConfig& config, const ContainerPlan& plan) {
  SeccompChoice choice = TRY(ChooseSeccomp(config.linux().security_context()));
  uint64_t capabilities = plan.process.capabilities.bounding;
  SeccompCompiler::Filter filter;
  if (choice.kind == SeccompChoice::kLocalhost) {
    std::string json = TRY(ReadFile(choice.path, kMaxProfileBytes));
    filter = TRY(host_.seccomp.Json(json, capabilities));
  } else {
    filter = TRY(host_.seccomp.Default(capabilities));
  }
  return Duplicate(filter->memfd.get(), "seccomp filter");
}

Result<std::vector<cdi::Edits>> Runtime::CdiEditsOf(const v1::ContainerConfig& config) const {
  std::vector<std::string> devices;
  for (const v1::CDIDevice& device : config.cdi_devices()) devices.push_back(device.name());
  return host_.cdi.Resolve(devices);
}

Result<ContainerPtr> Runtime::TargetOf(const Sandbox& sandbox, const v1::ContainerConfig& config) {
  const std::string& id = config.linux().security_context().namespace_options().target_id();
  ContainerPtr target = TRY(pods_.FindContainer(id));
  if (target->sandbox().id() != sandbox.id()) {
    return Fail(Code::kInvalidArgument, "validate", "namespace_options.target_id",
                id + " is in another sandbox");
  }
  return target;
}

}  // namespace davit
