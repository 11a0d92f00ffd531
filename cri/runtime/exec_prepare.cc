// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/codec.h"
#include "base/ids.h"
#include "base/memfd.h"
#include "cri/runtime/execs.h"
#include "cri/spec/process_plan.h"

namespace davit::cri {

Result<Execs::Prepared> Execs::Prepare(const ContainerPtr& container, const std::vector<std::string>& command,
                                       Terminal terminal, const ExecChanges& changes) {
  Prepared exec;
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
      TRY(BuildExecPlan(std::move(init.process), command, terminal == Terminal::kOwn, changes));
  exec.launch.container_id = id;
  exec.launch.exec_id = TRY(NewId());
  exec.launch.plan = Encode(process);
  if (process.seccomp) {
    exec.launch.frame.Add(shim::FdRole::kSeccomp,
                          TRY(ports_.confinement.SeccompFilterOf(exec.container->config(), process)));
  }
  return exec;
}

}  // namespace davit::cri
