// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/exec_prepare.h"

#include "base/codec.h"
#include "base/ids.h"
#include "base/memfd.h"

namespace davit::cri {

Result<PreparedExec> PrepareExec(Confinement& confinement, const ContainerPtr& container,
                                 const std::vector<std::string>& command, ExecTerminal terminal,
                                 const ExecChanges& changes) {
  PreparedExec exec;
  exec.container = container;
  const std::string& id = exec.container->id();
  auto [running, plan] = exec.container->record().Read([&exec](const ContainerRecord& record) {
    exec.cgroup_path = record.cgroup_path;
    return std::pair(phases::IsRunning(record), record.plan);
  });
  if (!running) return Fail(Code::kFailedPrecondition, "exec in container", id, "it is not running");
  exec.shim = TRY(exec.container->sandbox().LiveShim());
  auto init = TRY(Decode<shim::ContainerProcess>(plan, "plan of " + id));
  shim::ProcessPlan process =
      TRY(BuildExecPlan(std::move(init.process), command, terminal == ExecTerminal::kOwn, changes));
  exec.launch.container_id = id;
  exec.launch.exec_id = TRY(NewId());
  exec.launch.plan = Encode(process);
  if (process.seccomp) {
    exec.launch.frame.Add(shim::FdRole::kSeccomp,
                          TRY(confinement.SeccompFilterOf(exec.container->config(), process)));
  }
  return exec;
}

}  // namespace davit::cri
