// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/codec.h"
#include "base/ids.h"
#include "base/memfd.h"
#include "cri/runtime/execs.h"
#include "cri/spec/process_plan.h"

namespace davit::cri {

Result<Execs::Prepared> Execs::Prepare(const std::string& container_id,
                                       const std::vector<std::string>& command, Terminal terminal) {
  Prepared exec;
  exec.container = TRY(ports_.pods.FindContainer(container_id));
  ContainerRecord record = exec.container->record().Get();
  if (!phases::IsRunning(record)) {
    return Fail(Code::kFailedPrecondition, "exec in container", exec.container->id(), "it is not running");
  }
  exec.cgroup_path = record.cgroup_path;
  exec.shim = TRY(exec.container->sandbox().LiveShim());
  shim::ContainerPlan plan = TRY(Decode<shim::ContainerPlan>(record.plan, "plan of " + record.id));
  shim::ProcessPlan process = TRY(BuildExecPlan(plan, command, terminal == Terminal::kOwn));
  exec.launch.container_id = record.id;
  exec.launch.exec_id = TRY(NewId());
  exec.launch.plan = Encode(process);
  if (process.seccomp) {
    exec.launch.frame.Add(shim::FdRole::kSeccomp,
                          TRY(ports_.confinement.SeccompFilterOf(exec.container->config(), plan)));
  }
  return exec;
}

}  // namespace davit::cri
