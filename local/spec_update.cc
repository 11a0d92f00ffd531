// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/spec_update.h"

#include "local/pod_config.h"
#include "local/spec_check.h"

namespace davit::local {
namespace {

namespace api = ::davit::v1;
namespace v1 = ::runtime::v1;

api::ContainerUpdate UpdateIn(const LocalRecord& record) {
  api::ContainerUpdate update;
  // It was written by a daemon that has checked it; what another release cannot read is as if it was not
  // there.
  if (!update.ParseFromString(record.update)) update.Clear();
  return update;
}

void Apply(const api::ContainerUpdate& update, api::ContainerSpec& spec) {
  if (update.has_memory_bytes()) spec.set_memory_bytes(update.memory_bytes());
  if (update.has_memory_swap_bytes()) spec.set_memory_swap_bytes(update.memory_swap_bytes());
  if (update.has_nano_cpus()) spec.set_nano_cpus(update.nano_cpus());
  if (update.has_cpu_shares()) spec.set_cpu_shares(update.cpu_shares());
  if (update.has_cpuset_cpus()) spec.set_cpuset_cpus(update.cpuset_cpus());
  if (update.has_pids_limit()) spec.set_pids_limit(update.pids_limit());
  if (update.has_restart()) *spec.mutable_restart() = update.restart();
}

// 0 in a spec, for a cgroup that may have had a limit.
int64_t OrNoLimit(int64_t limit) {
  return limit == 0 ? -1 : limit;
}

}  // namespace

api::ContainerSpec SpecInForce(const api::ContainerSpec& spec, const LocalRecord& record) {
  api::ContainerSpec in_force = spec;
  if (!record.update.empty()) Apply(UpdateIn(record), in_force);
  return in_force;
}

api::RestartPolicy PolicyInForce(const api::ContainerSpec& spec, const LocalRecord& record) {
  if (record.update.empty()) return spec.restart();
  api::ContainerUpdate update = UpdateIn(record);
  return update.has_restart() ? update.restart() : spec.restart();
}

std::string AddUpdate(const LocalRecord& record, const api::ContainerUpdate& update) {
  api::ContainerUpdate all = UpdateIn(record);
  if (update.has_restart()) all.clear_restart();  // a policy is replaced as a whole
  all.MergeFrom(update);
  return all.SerializeAsString();
}

Result<> CheckUpdate(const api::ContainerSpec& in_force, const api::ContainerUpdate& update) {
  if (update.ByteSizeLong() == 0)
    return Fail(Code::kInvalidArgument, "update", "", "nothing is to be changed");
  if (update.has_cpuset_cpus() && update.cpuset_cpus().empty())
    return Fail(Code::kInvalidArgument, "cpuset_cpus", "",
                "name the CPUs that the container may use, such as 0-3");
  api::ContainerSpec updated = in_force;
  Apply(update, updated);
  return CheckUpdatable(updated);
}

v1::LinuxContainerResources LimitsOf(const api::ContainerUpdate& update) {
  constexpr int64_t kFreshShares = 1024;
  v1::LinuxContainerResources limits;
  if (update.has_memory_bytes()) limits.set_memory_limit_in_bytes(OrNoLimit(update.memory_bytes()));
  if (update.has_memory_swap_bytes())
    limits.set_memory_swap_limit_in_bytes(OrNoLimit(update.memory_swap_bytes()));
  if (update.has_nano_cpus()) {
    SetCpuQuota(update.nano_cpus(), limits);
    if (update.nano_cpus() == 0) limits.set_cpu_quota(-1);
  }
  if (update.has_cpu_shares())
    limits.set_cpu_shares(update.cpu_shares() == 0 ? kFreshShares : update.cpu_shares());
  if (update.has_cpuset_cpus()) limits.set_cpuset_cpus(update.cpuset_cpus());
  if (update.has_pids_limit())
    (*limits.mutable_unified())["pids.max"] =
        update.pids_limit() > 0 ? std::to_string(update.pids_limit()) : "max";
  return limits;
}

}  // namespace davit::local
