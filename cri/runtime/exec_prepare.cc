// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/codec.h"
#include "base/memfd.h"
#include "cri/runtime/runtime.h"

namespace davit {

std::string Runtime::PreparedExec::Request(const std::string& exec_id) const {
  return Encode(ExecRequest{container->id(), exec_id, frame.roles(), plan});
}

Result<Runtime::PreparedExec> Runtime::PrepareExec(ContainerPtr container,
                                                   const std::vector<std::string>& command,
                                                   Terminal terminal) {
  PreparedExec prepared{container, container->record().Get(), nullptr, {}, {}};
  if (prepared.record.phase != ContainerPhase::kRunning) {
    return Fail(Code::kFailedPrecondition, "exec in container", container->id(), "it is not running");
  }
  prepared.link = TRY(LinkOf(container->sandbox()));
  ContainerPlan plan = TRY(Decode<ContainerPlan>(prepared.record.plan, "plan of " + container->id()));
  ProcessPlan process = TRY(BuildExecPlan(plan, command, terminal == Terminal::kOwn));
  prepared.plan = Encode(process);
  if (prepared.plan.size() > kMaxPlanInRequest)
    prepared.frame.Add(FdRole::kPlan, TRY(MakeSealedMemfd("exec-plan", std::exchange(prepared.plan, {}))));
  if (process.seccomp) {
    prepared.frame.Add(FdRole::kSeccomp, TRY(SeccompFilterOf(container->config(), plan)));
  }
  return prepared;
}

}  // namespace davit
