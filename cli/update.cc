// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/containers.h"
#include "cli/each.h"
#include "cli/quantity.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

Result<api::ContainerUpdate> UpdateOf(const UpdateOptions& options) {
  api::ContainerUpdate update;
  if (!options.memory.empty()) update.set_memory_bytes(TRY(ParseBytes(options.memory)));
  if (options.memory_swap == "-1")
    update.set_memory_swap_bytes(-1);
  else if (!options.memory_swap.empty())
    update.set_memory_swap_bytes(TRY(ParseBytes(options.memory_swap)));
  if (!options.cpus.empty()) update.set_nano_cpus(TRY(ParseCpus(options.cpus)));
  if (options.cpu_shares) update.set_cpu_shares(*options.cpu_shares);
  if (!options.cpuset_cpus.empty()) update.set_cpuset_cpus(options.cpuset_cpus);
  if (options.pids_limit) update.set_pids_limit(*options.pids_limit);
  if (!options.restart.empty()) *update.mutable_restart() = TRY(ParseRestart(options.restart));
  if (update.ByteSizeLong() > 0) return update;
  return Fail(Code::kInvalidArgument, "update", "", "say what to change, such as --memory 512m; see --help");
}

}  // namespace

Result<int> Perform(const Session& session, const UpdateOptions& options) {
  const api::ContainerUpdate update = TRY(UpdateOf(options));
  return ForEach(session, options.ids, [&](const std::string& name) -> Result<> {
    api::UpdateContainerRequest request;
    request.set_container(name);
    *request.mutable_update() = update;
    TRY(session.daemon.Call(&OwnContainerStub::Update, request, CallMode::kShielded));
    return {};
  });
}

}  // namespace davit::cli
