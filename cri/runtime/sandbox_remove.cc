// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <filesystem>

#include "cri/runtime/runtime.h"

namespace davit {

Result<v1::RemovePodSandboxResponse> Runtime::RemovePodSandbox(const v1::RemovePodSandboxRequest& request,
                                                               Call& call) {
  Result<SandboxPtr> found = pods_.FindSandbox(request.pod_sandbox_id());
  if (!found && found.error().code == Code::kNotFound) return v1::RemovePodSandboxResponse();
  SandboxPtr sandbox = TRY(std::move(found));
  TRY(StopSandbox(sandbox, call));
  for (const ContainerPtr& container : pods_.ContainersOf(sandbox->id())) TRY(ForgetContainer(container));
  call.spans.Mark("containers");
  TRY(ForgetSandbox(sandbox));
  call.spans.Mark("forget");
  return v1::RemovePodSandboxResponse();
}

Result<> Runtime::ForgetSandbox(const SandboxPtr& sandbox) {
  std::error_code ignored;  // what stays is collected at the next start, when no record names it
  std::filesystem::remove_all(SandboxDir(sandbox->id()), ignored);
  TRY(host_.records.DeleteSandbox(sandbox->id()));
  levels_.GiveBack(sandbox->id());
  Withdraw(*sandbox);
  sandbox_names_.Release(SandboxName(sandbox->config().metadata()), sandbox->id());
  return {};
}

}  // namespace davit
